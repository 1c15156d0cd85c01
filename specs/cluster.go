package specs

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

type testingT = testing.T

// patience is how long a spec waits for what must happen.
const patience = 10 * time.Second

// cluster is the stage of one spec: handles on one backend, in a namespace that
// nobody else uses.
type cluster struct {
	ctx       context.Context // for all that the spec does
	subject   Subject
	virtual   bool
	namespace string
	opened    []coordination.DistributedCoordination

	mu      sync.Mutex
	cancels []context.CancelFunc // of contexts that the spec has used
}

func newCluster(ctx SpecContext, subject Subject) *cluster {
	c := &cluster{subject: subject, namespace: "spec-" + rand.Text()}
	_, c.virtual = subject.(VirtualTime)
	if c.virtual {
		c.ctx = context.Background() // one from outside can't be waited for inside of a bubble
		c.ctx = c.within(bubbleTimeout / 2)
	} else {
		c.ctx = ctx
		c.ctx = c.within(specTimeout)
	}
	return c
}

func (c *cluster) takeDown() {
	for _, handle := range c.opened {
		Expect(handle.Close()).To(Succeed(), "closing a handle")
	}
	for _, cancel := range c.cancels {
		cancel()
	}
}

// open opens a handle in the spec's namespace: a peer of those before it.
func (c *cluster) open() coordination.DistributedCoordination {
	GinkgoHelper()
	return c.openIn(c.namespace)
}

// pair opens two peers.
func (c *cluster) pair() (one, other coordination.DistributedCoordination) {
	GinkgoHelper()
	return c.open(), c.open()
}

func (c *cluster) openIn(namespace string) coordination.DistributedCoordination {
	GinkgoHelper()
	handle, err := c.subject.Open(c.ctx, namespace)
	Expect(err).NotTo(HaveOccurred(), "opening a handle")
	Expect(handle).NotTo(BeNil(), "the subject opens a handle")
	Expect(slices.Contains(c.opened, handle)).To(BeFalse(), "the subject opens a handle of its own for each peer")
	c.opened = append(c.opened, handle)
	return handle
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
	Expect(err).NotTo(HaveOccurred(), "subscribing to %q", pattern)
	return subscription
}

// publish publishes texts on a channel, one after another.
func (c *cluster) publish(handle coordination.Messaging, channel string, payloads ...string) {
	GinkgoHelper()
	for _, payload := range payloads {
		Expect(handle.Publish(c.ctx, channel, []byte(payload))).To(Succeed(), "publishing on %q", channel)
	}
}

// next returns the next message.
func (c *cluster) next(subscription coordination.Subscription) coordination.Message {
	GinkgoHelper()
	message, err := subscription.Next(c.within(patience))
	Expect(err).NotTo(HaveOccurred(), "waiting for a message")
	return message
}

// expectNext says what the next messages carry. Since messages of one publisher
// keep their order, naming a later one shows that nothing came before it.
func (c *cluster) expectNext(subscription coordination.Subscription, payloads ...string) {
	GinkgoHelper()
	for _, payload := range payloads {
		Expect(string(c.next(subscription).Payload)).To(Equal(payload))
	}
}

// pass lets time go by: exactly in virtual time, at least in real time.
func (c *cluster) pass(d time.Duration) {
	time.Sleep(d)
}

// shortly is a time to live that a spec can wait for.
const shortly = 600 * time.Millisecond

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
	return Eventually(c.ctx, condition).WithTimeout(patience).WithPolling(5 * time.Millisecond)
}
