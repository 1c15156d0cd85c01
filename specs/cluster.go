package specs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs/report"
)

// cluster is the stage of one trial: handles on one backend, in a namespace that
// nobody else uses. Its assertions end the goroutine that makes them.
type cluster struct {
	Gomega
	*trial
	times
	ctx       context.Context // for all that the behaviour does
	subject   Subject
	virtual   bool
	namespace string

	mu      sync.Mutex
	opened  []coordination.DistributedCoordination // as the subject gave them
	peers   map[string]int                         // by namespace
	down    bool                                   // all is closed, and nothing may be opened
	cancels []context.CancelFunc                   // of contexts that were used
}

// times are the lengths of time that behaviours are made of. A subject that has
// a timing scale stretches them.
type times struct {
	patience time.Duration // how long to wait for what must happen
	promptly time.Duration // how soon a call that blocks ends once its context is done
	shortly  time.Duration // a time to live that can be waited for
	briefly  time.Duration // a time to live of which nothing is expected but its end
}

func newCluster(ctx context.Context, t *trial, subject Subject) *cluster {
	c := &cluster{
		Gomega: NewGomega(t.Fail), trial: t, subject: subject,
		namespace: "spec-" + rand.Text(), peers: map[string]int{},
		times: times{
			patience: t.scaled(10 * time.Second),
			promptly: t.scaled(100 * time.Millisecond),
			shortly:  t.scaled(600 * time.Millisecond),
			briefly:  t.scaled(5 * time.Millisecond),
		},
	}
	_, c.virtual = subject.(VirtualTime)
	if c.virtual {
		c.ctx = context.Background() // one from outside can't be waited for inside of a bubble
		c.ctx = c.within(bubbleTimeout / 2)
	} else {
		c.ctx = ctx
		c.ctx = c.within(t.limit())
	}
	return c
}

// takeDown closes what was opened; a handle that does not close is a failure,
// but the others are closed all the same.
func (c *cluster) takeDown() {
	c.mu.Lock()
	c.down = true
	opened := c.opened
	c.mu.Unlock()
	for _, handle := range opened {
		if err := guarded(c.scaled(c.judge.patience), "Close", handle.Close); err != nil {
			c.decide(report.Failed, fmt.Sprintf("closing a handle: %v", err))
		}
	}
	for _, cancel := range c.cancels {
		cancel()
	}
}

// open opens a handle in the trial's namespace: a peer of those before it.
func (c *cluster) open() coordination.DistributedCoordination { return c.openIn(c.namespace) }

// pair opens two peers.
func (c *cluster) pair() (one, other coordination.DistributedCoordination) {
	return c.open(), c.open()
}

func (c *cluster) openIn(namespace string) coordination.DistributedCoordination {
	return c.openWith(c.ctx, namespace)
}

// openWith opens a handle. What goes wrong is the subject's fault, and breaks no
// promise of the adapter's.
func (c *cluster) openWith(ctx context.Context, namespace string) coordination.DistributedCoordination {
	handle, err := openOf(ctx, c.subject, namespace, c.judge.patience)
	if err != nil {
		c.blame(err.Error())
		runtime.Goexit()
	}
	c.mu.Lock()
	opened := slices.Clone(c.opened)
	c.opened = append(c.opened, handle)
	c.peers[namespace]++
	second, late := c.peers[namespace] == 2, c.down
	c.mu.Unlock()
	if late { // by a goroutine that the behaviour has left behind
		_ = guarded(c.judge.patience, "Close", handle.Close)
		runtime.Goexit()
	}
	if slices.ContainsFunc(opened, func(other coordination.DistributedCoordination) bool { return same(other, handle) }) {
		c.blame("Open returns the same handle twice, where each call is to give a peer of its own")
		runtime.Goexit()
	}
	if second {
		c.prove()
	}
	if c.behaviour.unrecorded {
		return handle
	}
	return &peer{handle, fmt.Sprint("peer ", len(opened)+1), &c.timeline}
}

// openOf calls Open of a subject, which may fail in any way.
func openOf(ctx context.Context, subject Subject, namespace string, patience time.Duration) (coordination.DistributedCoordination, error) {
	handle, err := asked(patience, "Open", func() (coordination.DistributedCoordination, error) {
		return subject.Open(ctx, namespace)
	})
	switch {
	case errors.Is(err, errHangs):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("opening a handle: %w", err)
	case isNil(handle):
		return nil, errors.New("Open returns neither a handle nor an error")
	}
	return handle, nil
}

// safely returns a body for a goroutine: if it does not come to its end, that is
// the trial's failure.
func (c *cluster) safely(body func()) func() { return func() { c.whole(body) } }

// group is goroutines that belong together.
type group struct {
	c       *cluster
	running sync.WaitGroup
}

func (c *cluster) group() *group { return &group{c: c} }

func (g *group) Go(body func()) { g.running.Go(g.c.safely(body)) }

// Wait waits for them. Where one of them has failed there is no going on.
func (g *group) Wait() {
	g.running.Wait()
	if g.c.failed() {
		runtime.Goexit()
	}
}

// within returns a context that ends after a while.
func (c *cluster) within(timeout time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(c.ctx, timeout)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancels = append(c.cancels, cancel)
	return ctx
}

// subscribe opens a subscription.
func (c *cluster) subscribe(handle coordination.Messaging, pattern string) coordination.Subscription {
	GinkgoHelper()
	subscription, err := handle.Subscribe(c.ctx, pattern)
	c.Expect(err).NotTo(HaveOccurred(), "subscribing to %q", pattern)
	if isNil(subscription) {
		c.Fail(fmt.Sprintf("Subscribe(%q) returns neither a subscription nor an error", pattern))
	}
	return subscription
}

// publish publishes texts on a channel, one after another.
func (c *cluster) publish(handle coordination.Messaging, channel string, payloads ...string) {
	GinkgoHelper()
	for _, payload := range payloads {
		c.Expect(handle.Publish(c.ctx, channel, []byte(payload))).To(Succeed(), "publishing on %q", channel)
	}
}

// next returns the next message.
func (c *cluster) next(subscription coordination.Subscription) coordination.Message {
	GinkgoHelper()
	message, err := subscription.Next(c.within(c.patience))
	c.Expect(err).NotTo(HaveOccurred(), "waiting for a message")
	return message
}

// expectNext says what the next messages carry. Since messages of one publisher
// keep their order, naming a later one shows that nothing came before it.
func (c *cluster) expectNext(subscription coordination.Subscription, payloads ...string) {
	GinkgoHelper()
	for _, payload := range payloads {
		c.Expect(string(c.next(subscription).Payload)).To(Equal(payload))
	}
}

// pass lets time go by: exactly in virtual time, at least in real time.
func (c *cluster) pass(d time.Duration) {
	time.Sleep(d)
}

// nearlyPast lets most of a time to live go by that began at start: all but a
// millisecond in virtual time, half of it in real time.
func (c *cluster) nearlyPast(start time.Time, ttl time.Duration) {
	left := ttl - time.Millisecond
	if !c.virtual {
		left = ttl / 2
	}
	time.Sleep(time.Until(start.Add(left)))
}

// past lets a time to live go by that began at start: no longer than that in
// virtual time; somewhat more in real time, where it began a little later.
func (c *cluster) past(start time.Time, ttl time.Duration) {
	left := ttl
	if !c.virtual {
		left += 50 * time.Millisecond
	}
	time.Sleep(time.Until(start.Add(left)))
}

// eventually waits for what comes about without a signal.
func (c *cluster) eventually(condition any) AsyncAssertion {
	GinkgoHelper()
	return c.Eventually(c.ctx, condition).WithTimeout(c.patience).WithPolling(5 * time.Millisecond)
}
