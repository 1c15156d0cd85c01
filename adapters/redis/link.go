package redis

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

// link is the connection of all subscriptions of a handle. Three goroutines serve
// it from the first subscription on: write (in write.go) tells the
// server what to subscribe to, and PINGs; read (in read.go) takes what comes, in
// its order; watch (in probe.go) proves that published messages arrive.
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
// A server may also refuse to subscribe, without a word for what: so nobody
// becomes live on a topic that was not confirmed on the connection, and what
// stays without confirmation is asked for again.
type link struct {
	c       *Coordination
	timeout time.Duration

	wake    chan struct{}
	dialled chan struct{} // closed once the first write is over
	closing context.Context
	close   context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	pubsub  *redis.PubSub
	topics  map[topicName]*topic
	members map[*delivery.Subscription]*member
	joins   []*member            // that wait for write
	tokens  map[string][]*member // that wait for a PONG
	down    error                // why there is no connection, nil where there is one
	refusal error                // the last of the server's

	touched   map[topicName]bool // topics that write is to look at
	asked     map[topicName]bool // what PubSub subscribes to, now and after a break
	again     map[topicName]bool // what it must ask for once more
	confirmed map[topicName]bool // by the server, on this connection
	missing   map[topicName]bool // had live members at the break, and waits to be confirmed
	counter   uint64
	breaks    uint64 // how often the link broke
	echo      echo
	closed    bool
}

// topicName is what the server is told to subscribe to.
type topicName struct {
	name string
	kind topicKind
}

// topicKind says with which commands a topic is subscribed to.
type topicKind int

const (
	channel      topicKind = iota // SUBSCRIBE
	globPattern                   // PSUBSCRIBE
	shardChannel                  // SSUBSCRIBE
	topicKinds
)

// topic is one subscription on the server, and who shares it.
type topic struct {
	members []*member
}

func (t *topic) isLive() bool {
	return slices.ContainsFunc(t.members, func(m *member) bool { return m.live })
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
	l := &link{
		c:       c,
		timeout: timeout,
		wake:    make(chan struct{}, 1),
		dialled: make(chan struct{}),
		topics:  map[topicName]*topic{},
		members: map[*delivery.Subscription]*member{},
		tokens:  map[string][]*member{},

		touched:   map[topicName]bool{},
		asked:     map[topicName]bool{},
		again:     map[topicName]bool{},
		confirmed: map[topicName]bool{},
		missing:   map[topicName]bool{},
	}
	l.closing, l.close = context.WithCancel(context.WithValue(context.Background(), silenceKey{}, timeout))
	return l
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
		return l.silence()
	}
}

// silence says why no answer came: the link is down, or only silent.
func (l *link) silence() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmp.Or(l.down, errSilent)
}

func (l *link) add(m *member) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	if l.pubsub == nil {
		l.pubsub = l.c.home.client.Subscribe(l.closing) // connects to nothing yet
		// With the lock, so that they have begun before stop waits for them.
		l.running.Go(l.write)
		l.running.Go(l.read)
		l.running.Go(l.watch)
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
		delete(l.missing, m.topic)
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

func (l *link) isDown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down != nil
}

// broken says what is wrong with the link, "" where nothing is.
func (l *link) broken() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.down != nil:
		return fmt.Sprintf("the link of the subscriptions is broken: %v", l.down)
	case len(l.missing) > 0:
		return fmt.Sprintf("the server has not confirmed %d subscriptions since their link broke", len(l.missing))
	default:
		return ""
	}
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

// farewell waits, for a tenth of a second at the most, until the server has
// heard that nobody is subscribed any more: until then a publisher may wait for
// an acknowledgement of those who were.
func (l *link) farewell() {
	l.mu.Lock()
	idle := l.pubsub == nil
	l.mu.Unlock()
	if idle {
		return
	}
	pong := l.ping()
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-pong: //nolint:errcheck // that the server answers is enough
	case <-timer.C:
	}
}

// stop waits for the goroutines, whose connection is closed already.
func (l *link) stop() {
	l.close()
	l.mu.Lock()
	pubsub := l.pubsub
	l.mu.Unlock()
	l.running.Wait()
	if pubsub != nil {
		_ = pubsub.Close()
	}
}
