package redis

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

// link is the connection of all subscriptions of a handle. Two goroutines serve
// it from the first subscription on: write tells the server what to subscribe
// to, and PINGs; read (in read.go) takes what comes, in its order.
//
// A member becomes live in that order too: after the server was told to
// subscribe, a PING with a token follows, and when its PONG is read, the member
// gets all that comes after it, and nothing that was published before. That
// also holds for a second member of a topic, of which messages are already
// coming in.
//
// go-redis' PubSub reconnects by itself, on reading as on writing, and
// subscribes again to what it was subscribed to. Each such confirmation that
// finds live members is therefore a gap for them, however the break came about.
type link struct {
	c       *Coordination
	timeout time.Duration

	wake    chan struct{}
	dialled chan struct{} // closed once the first write is over
	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	pubsub  *redis.PubSub
	topics  map[topicName]*topic
	members map[*delivery.Subscription]*member
	touched map[topicName]bool   // topics that write is to look at
	joins   []*member            // that wait for write
	tokens  map[string][]*member // that wait for a PONG
	down    string               // why the link is broken, "" where it is not
	counter uint64
	closed  bool
}

// topicName is what the server is told to subscribe to.
type topicName struct {
	name string
	glob bool
}

// topic is one subscription on the server, and who shares it.
type topic struct {
	members []*member
}

// member is one receiver of a topic: a subscription of the user's, or the inbox
// of the acknowledgements.
type member struct {
	topic        topicName
	subscription *delivery.Subscription // nil for the inbox
	hear         func(payload string)   // for the inbox
	regained     func()                 // for the inbox, after a gap

	// The link's mutex guards these.
	id     string
	index  int // in the topic's members
	live   bool
	joined chan error // told once
}

func newLink(c *Coordination, timeout time.Duration) *link {
	return &link{
		c:       c,
		timeout: timeout,
		wake:    make(chan struct{}, 1),
		dialled: make(chan struct{}),
		topics:  map[topicName]*topic{},
		members: map[*delivery.Subscription]*member{},
		touched: map[topicName]bool{},
		tokens:  map[string][]*member{},
	}
}

// join makes the member live, or fails; then the caller must leave.
func (l *link) join(ctx context.Context, m *member) error {
	if !l.add(m) {
		return coordination.ErrClosed
	}
	l.nudge()
	timer := time.NewTimer(l.timeout)
	defer timer.Stop()
	select {
	case err := <-m.joined:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-l.c.closing.Done():
		return coordination.ErrClosed
	case <-timer.C:
		return errSilent
	}
}

func (l *link) add(m *member) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	if l.pubsub == nil {
		l.pubsub = l.c.client.Subscribe(l.c.closing) // connects to nothing yet
		// With the lock, so that they have begun before stop waits for them.
		l.running.Go(l.write)
		l.running.Go(l.read)
	}
	t := l.topics[m.topic]
	if t == nil {
		t = &topic{}
		l.topics[m.topic] = t
		l.touched[m.topic] = true
	}
	m.id = l.c.id + "/" + l.next()
	m.joined = make(chan error, 1)
	m.index = len(t.members)
	t.members = append(t.members, m)
	if m.subscription != nil {
		l.members[m.subscription] = m
	}
	l.joins = append(l.joins, m)
	return true
}

// next returns a name that the link has not used yet.
func (l *link) next() string {
	l.counter++
	return strconv.FormatUint(l.counter, 10)
}

// leave takes a member out. It may be called again.
func (l *link) leave(m *member) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[m.topic]
	if t == nil || m.index >= len(t.members) || t.members[m.index] != m {
		return
	}
	last := len(t.members) - 1
	t.members[m.index] = t.members[last]
	t.members[m.index].index = m.index
	t.members[last] = nil
	t.members = t.members[:last]
	m.live = false
	if m.subscription != nil {
		delete(l.members, m.subscription)
	}
	if last == 0 {
		delete(l.topics, m.topic)
		l.touched[m.topic] = true
		l.nudge()
	}
}

// detach is what a subscription calls when it is closed.
func (l *link) detach(s *delivery.Subscription) {
	l.mu.Lock()
	m := l.members[s]
	l.mu.Unlock()
	if m != nil {
		l.leave(m)
	}
}

func (l *link) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write serves the server's side of the topics, and PINGs three times within
// the time-out, so that a link that lives is never silent for that long.
func (l *link) write() {
	ticker := time.NewTicker(l.timeout / 3)
	defer ticker.Stop()
	subscribed := map[topicName]bool{} // as PubSub has it, also while the link is broken
	for first := true; ; first = false {
		select {
		case <-l.wake:
			l.settle(subscribed)
		case <-ticker.C:
			if l.broken() == "" {
				_ = l.pubsub.Ping(l.c.closing) // a failure shows in read
			}
		case <-l.c.closing.Done():
			return
		}
		if first {
			close(l.dialled)
		}
	}
}

// settle brings the server's subscriptions in line with the topics, and then
// asks for a PONG for those who wait to become live.
func (l *link) settle(subscribed map[topicName]bool) {
	var add, remove [2][]string // channels, patterns
	l.mu.Lock()
	for name := range l.touched {
		kind := 0
		if name.glob {
			kind = 1
		}
		switch wanted := l.topics[name] != nil; {
		case wanted && !subscribed[name]:
			add[kind] = append(add[kind], name.name)
			subscribed[name] = true
		case !wanted && subscribed[name]:
			remove[kind] = append(remove[kind], name.name)
			delete(subscribed, name)
		}
	}
	clear(l.touched)
	joins := l.joins
	l.joins = nil
	token := l.next()
	if len(joins) > 0 {
		l.tokens[token] = joins
	}
	l.mu.Unlock()

	// A deadline bounds the handshake, should the link have to be opened.
	var deadline *readDeadline
	ctx := deadline.renewed(l.c.closing, l.timeout)
	var errs [5]error
	for i, step := range []struct {
		names []string
		send  func(context.Context, ...string) error
	}{
		{remove[0], l.pubsub.Unsubscribe},
		{remove[1], l.pubsub.PUnsubscribe},
		{add[0], l.pubsub.Subscribe},
		{add[1], l.pubsub.PSubscribe},
	} {
		if len(step.names) > 0 {
			errs[i] = step.send(ctx, step.names...)
		}
	}
	if len(joins) > 0 {
		errs[4] = l.pubsub.Ping(ctx, token)
	}
	for _, err := range errs[2:] {
		if err != nil {
			l.refuse(err)
		}
	}
}

// refuse fails all who wait to become live.
func (l *link) refuse(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, waiting := range l.tokens {
		for _, m := range waiting {
			m.joined <- err
		}
	}
	clear(l.tokens)
}

// broken says why the link is broken, "" where it is not.
func (l *link) broken() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down
}

func (l *link) subscriptions() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.members)
}

// closeSubscriptions closes them all; nobody joins any more.
func (l *link) closeSubscriptions() {
	l.mu.Lock()
	l.closed = true
	open := make([]*delivery.Subscription, 0, len(l.members))
	for s := range l.members {
		open = append(open, s)
	}
	l.mu.Unlock()
	for _, s := range open {
		_ = s.Close()
	}
}

// stop closes the connection and waits for the goroutines.
func (l *link) stop() {
	l.mu.Lock()
	pubsub := l.pubsub
	l.mu.Unlock()
	if l.c.own == nil && pubsub != nil {
		_ = pubsub.Close() // else the connection is closed already
	}
	l.running.Wait()
	if l.c.own != nil && pubsub != nil {
		_ = pubsub.Close()
	}
}
