package redis

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
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
// A connection is never opened twice: when it breaks, every topic with live members has
// a gap, and read opens another connection, on which write subscribes to the topics
// again, a window of them at a time. They are told of the gap when the server has
// confirmed the topic. A server may also refuse to subscribe, without a word for what:
// so nobody becomes live on a topic that was not confirmed on the connection, and what
// has a gap is asked for again.
type link struct {
	c       *Coordination
	timeout time.Duration

	wake    chan struct{}
	dialled chan struct{} // closed once the first write is over
	closing context.Context
	close   context.CancelFunc
	running sync.WaitGroup

	mu                sync.Mutex // guards what follows
	wire              *wire      // nil before the first member
	topics            map[topicName]*topic
	members           map[*delivery.Subscription]*member
	joins             []*member         // that wait for write
	queue             []*topic          // that write is to look at
	batches           map[string]*batch // that wait for a PONG, by its token
	joining, resuming int               // what the batches hold of the windows
	answered          time.Time         // when the server last answered a part of a batch
	down              error             // why there is no connection, nil where there is one
	refusal           error             // the last of the server's
	counter           uint64
	breaks            uint64 // how often the link broke
	echo              echo
	closed            bool
}

// wire is one connection of the link. go-redis' PubSub opens it, and would open
// others by itself, and subscribe to everything in one command.
type wire struct {
	*redis.PubSub
	ctx context.Context // of each call; with it one connection is opened
}

// linkKey is the key of a context's value: the linkDial of the connection that is opened
// with it.
type linkKey struct{}

type linkDial struct {
	silence time.Duration // for how long the connection may be silent
	once    atomic.Bool   // it was opened
}

func (l *link) newWire() *wire {
	ctx := context.WithValue(l.closing, linkKey{}, &linkDial{silence: l.timeout})
	return &wire{l.c.home.client.Subscribe(ctx), ctx} // connects to nothing yet
}

func newLink(c *Coordination, timeout time.Duration) *link {
	l := &link{
		c:       c,
		timeout: timeout,
		wake:    make(chan struct{}, 1),
		dialled: make(chan struct{}),
		topics:  map[topicName]*topic{},
		members: map[*delivery.Subscription]*member{},
		batches: map[string]*batch{},
	}
	l.closing, l.close = context.WithCancel(context.Background())
	return l
}

// join makes the member live, or fails; then the caller must leave. While the server
// answers others, the member waits for its turn.
func (l *link) join(ctx context.Context, m *member) error {
	if !l.add(m) {
		return coordination.ErrClosed
	}
	l.nudge()
	timer := time.NewTimer(l.timeout)
	defer timer.Stop()
	for {
		select {
		case err := <-m.joined:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-l.c.closing.Done():
			return coordination.ErrClosed
		case <-timer.C:
			left, err := l.silence()
			if err != nil {
				return err
			}
			timer.Reset(left)
		}
	}
}

// silence returns for how long the server may still be silent, or why there is no
// answer: the link is down, or was silent for too long.
func (l *link) silence() (left time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left = l.timeout - time.Since(l.answered)
	if l.down != nil || left <= 0 {
		return 0, cmp.Or(l.down, errSilent)
	}
	return left, nil
}

func (l *link) add(m *member) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	if l.wire == nil {
		l.wire = l.newWire()
		// With the lock, so that they have begun before stop waits for them.
		l.running.Go(l.write)
		l.running.Go(l.read)
		l.running.Go(l.watch)
	}
	t := l.topics[m.topic]
	if t == nil {
		t = l.newTopic(m.topic)
		l.topics[m.topic] = t
	}
	m.id = l.c.id + "/" + l.next()
	m.joined = make(chan error, 1)
	t.add(m)
	if m.subscription != nil {
		l.members[m.subscription] = m
	}
	l.joins = append(l.joins, m)
	return true
}

func (l *link) newTopic(name topicName) *topic {
	kind := " channel "
	if name.kind == globPattern {
		kind = " pattern "
	}
	return &topic{name: name, frame: l.c.id + kind + name.name}
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
	if t == nil || !t.remove(m) {
		return
	}
	if m.subscription != nil {
		delete(l.members, m.subscription)
	}
	if len(t.members) > 0 {
		return
	}
	t.missing = false
	if t.asked {
		l.enqueue(t)
		l.nudge()
	} else {
		delete(l.topics, m.topic)
	}
}

// enqueue has write look at a topic.
func (l *link) enqueue(t *topic) {
	if !t.queued {
		t.queued = true
		l.queue = append(l.queue, t)
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
	if l.down != nil {
		return fmt.Sprintf("the link of the subscriptions is broken: %v", l.down)
	}
	missing := 0
	for _, t := range l.topics {
		if t.missing {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Sprintf("the server has not confirmed %d subscriptions since their link broke", missing)
	}
	return ""
}

func (l *link) isConfirmed(name topicName) bool {
	t := l.topics[name]
	return t != nil && t.confirmed
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
	idle := l.wire == nil
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
	idle := l.wire == nil
	l.mu.Unlock()
	l.running.Wait()
	if !idle {
		_ = l.wire.Close() // the last one
	}
}
