package specs

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

const (
	// rateWindow is what the rates are a mean over.
	rateWindow = 10 * time.Second

	// rateGrain is how coarse an adapter may take the ends of the window.
	rateGrain = 500 * time.Millisecond

	tenSeconds = "takes ten seconds of real time"
)

func (c *contract) diagnostics() {
	c.it("health-1", "is healthy where the handle can do all that it should", func(c *cluster) {
		one, other := c.pair()
		c.Expect(one.HealthCheck(c.ctx)).To(BeTrue())
		c.subscribe(one, "news")
		c.subscribe(one, "n*")
		c.Expect(one.HealthCheck(c.ctx)).To(BeTrue())
		c.Expect(other.HealthCheck(c.ctx)).To(BeTrue())
	})

	c.it("health-2", "writes nothing to find out, and sends no message that a subscription hears", func(c *cluster) {
		one, other := c.pair()
		here, there := c.subscribe(one, "*"), c.subscribe(other, "*")
		for range 3 {
			c.Expect(one.HealthCheck(c.ctx)).To(BeTrue())
			c.stats(one)
		}
		for _, handle := range []coordination.DistributedCoordination{one, other} {
			c.expectKeys(handle, "*")
			c.expectNodes(handle)
			_, led, err := handle.Leader(c.ctx)
			c.Expect(err).NotTo(HaveOccurred())
			c.Expect(led).To(BeFalse())
		}
		c.publish(one, "end", "the first message")
		c.expectNext(here, "the first message")
		c.expectNext(there, "the first message")
	})

	c.it("health-3", "counts nothing in a namespace that nobody has used", func(c *cluster) {
		stats := c.stats(c.open())
		stats.Metadata = nil
		c.Expect(stats).To(Equal(coordination.Stats{}))
	})

	c.it("health-4", "counts the open subscriptions of this handle, and of no peer", func(c *cluster) {
		one, other := c.pair()
		c.subscribe(one, "news")
		c.subscribe(one, "news")
		c.subscribe(one, "n*")
		c.subscribe(other, "news")
		c.Expect(c.stats(one).Subscriptions).To(Equal(3))
		c.Expect(c.stats(other).Subscriptions).To(Equal(1))
	})

	c.it("health-5", "counts no subscription that is closed, nor one that could not be opened", func(c *cluster) {
		handle := c.open()
		closed, open := c.subscribe(handle, "news"), c.subscribe(handle, "news")
		c.Expect(closed.Close()).To(Succeed())
		c.Expect(c.stats(handle).Subscriptions).To(Equal(1))
		c.Expect(closed.Close()).To(Succeed())
		c.Expect(c.stats(handle).Subscriptions).To(Equal(1))
		_, err := handle.Subscribe(c.ctx, "")
		c.Expect(err).To(HaveOccurred())
		cancelled, cancel := context.WithCancel(c.ctx)
		cancel()
		_, err = handle.Subscribe(cancelled, "news")
		c.Expect(err).To(HaveOccurred())
		c.Expect(c.stats(handle).Subscriptions).To(Equal(1))
		c.Expect(open.Close()).To(Succeed())
		c.Expect(c.stats(handle).Subscriptions).To(BeZero())
	})

	c.it("health-6", "tells every peer how many members are live", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "a", "")
		c.register(other, "b", "")
		c.register(other, "b", "again")
		c.Expect(c.stats(one).ClusterSize).To(Equal(2))
		c.Expect(c.stats(other).ClusterSize).To(Equal(2))
		c.Expect(one.DeregisterNode(c.ctx, "b")).To(BeTrue())
		c.Expect(c.stats(other).ClusterSize).To(Equal(1))
	})

	c.it("health-7", "counts a member until its time ends, and no longer", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "stays", "")
		start := c.member(one, c.shortly, "node")
		c.nearlyPast(start, c.shortly)
		c.Expect(c.stats(other).ClusterSize).To(Equal(2))
		c.past(start, c.shortly)
		c.Expect(c.stats(other).ClusterSize).To(Equal(1))
	})

	c.it("health-8", "tells every peer who leads, and nobody once the leader has released", func(c *cluster) {
		one, other := c.pair()
		c.lead(one, "node", time.Minute)
		c.Expect(c.stats(one).Leader).To(Equal("node"))
		c.Expect(c.stats(other).Leader).To(Equal("node"))
		c.Expect(one.ReleaseLeadership(c.ctx, "node")).To(BeTrue())
		c.Expect(c.stats(one).Leader).To(BeEmpty())
		c.Expect(c.stats(other).Leader).To(BeEmpty())
	})

	c.it("health-9", "tells who leads until the lease ends, and no longer", func(c *cluster) {
		one, other := c.pair()
		c.lead(one, "node", c.shortly)
		start := time.Now()
		c.nearlyPast(start, c.shortly)
		c.Expect(c.stats(other).Leader).To(Equal("node"))
		c.past(start, c.shortly)
		c.Expect(c.stats(other).Leader).To(BeEmpty())
	})

	c.it("health-10", "tells the rate of what this handle has published and its subscriptions have returned", func(c *cluster) {
		one, other := c.pair()
		first, second := c.subscribe(one, "news"), c.subscribe(one, "n*")
		for i := range 50 {
			c.publish(other, "news", fmt.Sprint(i))
			c.expectNext(first, fmt.Sprint(i))
			if i < 20 {
				c.expectNext(second, fmt.Sprint(i)) // and leaves the rest in its buffer
			}
		}
		c.expectRates(other, 50/rateWindow.Seconds(), 0)
		c.expectRates(one, 0, 70/rateWindow.Seconds())
	})

	c.it("health-11", "counts a message that is published with acknowledgement like any other", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		const count = 5
		read := make(chan error, 1)
		go c.safely(func() {
			var err error
			for i := 0; i < count && err == nil; i++ {
				_, err = subscription.Next(c.ctx)
			}
			read <- err
		})()
		for range count {
			c.Expect(other.PublishWithAck(c.ctx, "news", []byte("hello"), c.patience)).To(Equal(1))
		}
		c.Expect(<-read).To(Succeed())
		c.expectRates(other, count/rateWindow.Seconds(), 0)
		c.expectRates(one, 0, count/rateWindow.Seconds())
	})

	c.it("health-12", "counts no message that was refused", func(c *cluster) {
		handle := c.open()
		c.Expect(handle.Publish(c.ctx, "", []byte("hello"))).To(MatchError(coordination.ErrInvalidArgument))
		cancelled, cancel := context.WithCancel(c.ctx)
		cancel()
		c.Expect(handle.Publish(cancelled, "news", []byte("hello"))).To(MatchError(context.Canceled))
		c.expectRates(handle, 0, 0)
	})

	c.it("health-13", "counts in the rates the last ten seconds and no more", func(c *cluster) {
		need[VirtualTime](c, tenSeconds)
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		for i := range 40 {
			c.publish(other, "news", fmt.Sprint(i))
			c.expectNext(subscription, fmt.Sprint(i))
		}
		start := time.Now()
		c.past(start, rateWindow-rateGrain)
		c.expectRates(other, 4, 0)
		c.expectRates(one, 0, 4)
		c.past(start, rateWindow+rateGrain)
		c.expectRates(other, 0, 0)
		c.expectRates(one, 0, 0)
		c.past(start, 10*rateWindow)
		c.expectRates(other, 0, 0)
	})

	c.it("health-14", "tells the rate of steady traffic as it is, and lets it fall as the traffic stops", func(c *cluster) {
		need[VirtualTime](c, tenSeconds)
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		const rate, tolerance = 10.0, 1.0
		const pause = time.Second / rate
		start := time.Now()
		for i := range 250 {
			c.past(start, time.Duration(i)*pause)
			c.publish(other, "news", fmt.Sprint(i))
			c.expectNext(subscription, fmt.Sprint(i))
		}
		c.Expect(c.stats(other).PublishRate).To(BeNumerically("~", rate, tolerance))
		c.Expect(c.stats(one).ReceiveRate).To(BeNumerically("~", rate, tolerance))
		c.past(start, 250*pause+rateWindow/2)
		c.Expect(c.stats(other).PublishRate).To(BeNumerically("~", rate/2, tolerance))
		c.Expect(c.stats(one).ReceiveRate).To(BeNumerically("~", rate/2, tolerance))
	})

	c.it("health-15", "names the kind of backend and the namespace, and while healthy no degradation", func(c *cluster) {
		handle := c.open()
		c.Expect(handle.HealthCheck(c.ctx)).To(BeTrue())
		metadata := c.stats(handle).Metadata
		c.Expect(metadata).To(HaveKeyWithValue(coordination.BackendKey, Not(BeEmpty())))
		c.Expect(metadata).To(HaveKeyWithValue(coordination.NamespaceKey, c.namespace))
		c.Expect(metadata).NotTo(HaveKey(coordination.DegradedKey))
	})

	c.it("health-17", "tells the leader byte by byte, and members and subscriptions by the hundred, in the stats", func(c *cluster) {
		one, other := c.pair()
		const node, count = " \xff leader\n", 150
		c.lead(one, node, time.Hour)
		for i := range count {
			c.register(one, fmt.Sprint("node ", i), "")
			c.subscribe(other, fmt.Sprint("channel ", i))
		}
		stats := c.stats(other)
		c.Expect(stats.Leader).To(Equal(node))
		c.Expect(stats.ClusterSize).To(Equal(count))
		c.Expect(stats.Subscriptions).To(Equal(count))
		c.Expect(other.HealthCheck(c.ctx)).To(BeTrue())
		c.Expect(c.stats(other).Metadata).NotTo(HaveKey(coordination.DegradedKey))
	})

	c.it("health-16", "is not healthy while the backend takes no writes, without an error, and says so in the stats until it does", func(c *cluster) {
		refuse := c.refusing()
		handle := c.open()
		refuse(true)
		for range 2 {
			c.Expect(handle.HealthCheck(c.ctx)).To(BeFalse())
			c.Expect(c.stats(handle).Metadata).To(HaveKeyWithValue(coordination.DegradedKey, Not(BeEmpty())))
		}
		refuse(false)
		c.Expect(handle.HealthCheck(c.ctx)).To(BeTrue())
		c.Expect(c.stats(handle).Metadata).NotTo(HaveKey(coordination.DegradedKey))
	})
}

func (c *cluster) stats(handle coordination.Diagnostics) coordination.Stats {
	GinkgoHelper()
	stats, err := handle.Stats(c.ctx)
	c.Expect(err).NotTo(HaveOccurred(), "the stats")
	return stats
}

func (c *cluster) expectRates(handle coordination.Diagnostics, published, received float64) {
	GinkgoHelper()
	const rounding = 1e-6
	stats := c.stats(handle)
	c.Expect(stats.PublishRate).To(BeNumerically("~", published, rounding), "the rate of messages published")
	c.Expect(stats.ReceiveRate).To(BeNumerically("~", received, rounding), "the rate of messages received")
}

// lead makes a node leader.
func (c *cluster) lead(handle coordination.Leadership, node string, ttl time.Duration) (term uint64) {
	GinkgoHelper()
	term, acquired, err := handle.TryAcquireLeadership(c.ctx, node, ttl)
	c.Expect(err).NotTo(HaveOccurred(), "acquiring the leadership")
	c.Expect(acquired).To(BeTrue(), "%.50q acquires the leadership", node)
	return term
}

func (c *cluster) expectLeader(handle coordination.Leadership, node string, term uint64) {
	GinkgoHelper()
	leader, led, err := handle.Leader(c.ctx)
	c.Expect(err).NotTo(HaveOccurred(), "the leader")
	c.Expect(led).To(BeTrue(), "somebody leads")
	c.Expect(leader.NodeID).To(Equal(node), "the leader")
	c.Expect(leader.Term).To(Equal(term), "the term")
}
