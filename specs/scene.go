package specs

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// scene is a handle in a namespace where there is something to change, and a
// peer that sees whether it was.
type scene struct {
	*cluster
	handle, peer coordination.DistributedCoordination
	heard        coordination.Subscription
	before       state
}

// state is what a namespace holds, and how many subscriptions the handle has.
type state struct {
	Keys, Nodes   map[string]string
	Leader        string
	Subscriptions int
}

// scene puts one up, either where nobody leads or where the handle does.
func (c *cluster) scene(leads bool) *scene {
	GinkgoHelper()
	namespace := c.namespace
	if leads {
		namespace += " led"
	}
	s := &scene{cluster: c, handle: c.openIn(namespace), peer: c.openIn(namespace)}
	s.heard = c.subscribe(s.peer, "*")
	c.subscribe(s.handle, "elsewhere")
	for _, key := range []string{"key", "other key"} {
		c.set(s.handle, key, "value")
	}
	c.register(s.handle, "node", "metadata")
	c.Expect(s.handle.Heartbeat(c.ctx, "node", time.Hour)).To(Succeed())
	if leads {
		c.lead(s.handle, "node", time.Hour)
	}
	s.before = s.state()
	return s
}

func (s *scene) state() state {
	GinkgoHelper()
	now := state{Keys: map[string]string{}, Nodes: map[string]string{}}
	keys, err := s.peer.Keys(s.ctx, "*")
	s.Expect(err).NotTo(HaveOccurred())
	for _, key := range keys {
		value, _, err := s.peer.Get(s.ctx, key)
		s.Expect(err).NotTo(HaveOccurred())
		now.Keys[key] = string(value)
	}
	nodes, err := s.peer.ListNodes(s.ctx)
	s.Expect(err).NotTo(HaveOccurred())
	for _, node := range nodes {
		metadata, _, err := s.peer.NodeMetadata(s.ctx, node)
		s.Expect(err).NotTo(HaveOccurred())
		now.Nodes[node] = string(metadata)
	}
	leader, _, err := s.peer.Leader(s.ctx)
	s.Expect(err).NotTo(HaveOccurred())
	now.Leader = leader.NodeID
	stats, err := s.handle.Stats(s.ctx)
	s.Expect(err).NotTo(HaveOccurred())
	now.Subscriptions = stats.Subscriptions
	return now
}

// expectUntouched says that nothing was changed and that no message was
// delivered. What the handle itself does here comes after what it may have sent.
func (s *scene) expectUntouched() {
	GinkgoHelper()
	s.publish(s.handle, "channel", "the first message")
	s.expectNext(s.heard, "the first message")
	s.pass(2 * s.briefly) // the time to live that a method may have shortened
	s.Expect(s.state()).To(Equal(s.before))
}

// begun is a call in a goroutine.
type begun struct {
	name string
	done chan struct{} // closed when it has ended
	err  error
	end  time.Time
}

func (c *cluster) begin(name string, call func() error) *begun {
	b := &begun{name: name, done: make(chan struct{})}
	go c.safely(func() {
		defer close(b.done)
		b.err = call()
		b.end = time.Now()
	})()
	return b
}

// expectWaiting says that calls do not end by themselves. It gives them the time
// to come to wait; where it is too short, they will end as they shall all the
// same.
func (c *cluster) expectWaiting(calls ...*begun) {
	GinkgoHelper()
	c.pass(20 * time.Millisecond)
	for _, call := range calls {
		select {
		case <-call.done:
			c.Fail(call.name + " does not wait")
		default:
		}
	}
}

// expectEnd says with which error, if any, calls end, and how soon after since.
func (c *cluster) expectEnd(since time.Time, limit time.Duration, want error, calls ...*begun) {
	GinkgoHelper()
	for _, call := range calls {
		select {
		case <-call.done:
		case <-time.After(c.patience):
			c.Fail(call.name + " does not end")
		}
		if want == nil {
			c.Expect(call.err).NotTo(HaveOccurred(), call.name)
		} else {
			c.Expect(call.err).To(MatchError(want), call.name)
		}
		c.Expect(call.end.Sub(since)).To(BeNumerically("<=", limit), call.name)
	}
}

// together makes calls at the same time and waits for them.
func (c *cluster) together(count int, call func(i int)) {
	running := c.group()
	start := make(chan struct{})
	for i := range count {
		running.Go(func() {
			<-start
			call(i)
		})
	}
	close(start)
	running.Wait()
}
