package specs

import (
	"math"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// expectOutrun says that a candidate does not get the lease.
func (c *cluster) expectOutrun(handle coordination.Leadership, nodeID string, ttl time.Duration) {
	GinkgoHelper()
	term, acquired, err := handle.TryAcquireLeadership(c.ctx, nodeID, ttl)
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(acquired).To(BeFalse(), "the lease is acquired")
	c.Expect(term).To(BeZero(), "the term")
}

// release returns whether a candidate has released the lease.
func (c *cluster) release(handle coordination.Leadership, nodeID string) bool {
	GinkgoHelper()
	released, err := handle.ReleaseLeadership(c.ctx, nodeID)
	c.Expect(err).NotTo(HaveOccurred())
	return released
}

// leader returns who leads.
func (c *cluster) leader(handle coordination.Leadership) coordination.Leader {
	GinkgoHelper()
	leader, found, err := handle.Leader(c.ctx)
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(found).To(BeTrue(), "somebody leads")
	c.Expect(leader.Remaining).To(BeNumerically(">", 0), "what is left of the lease")
	return leader
}

// expectNobody says that nobody leads.
func (c *cluster) expectNobody(handle coordination.Leadership) {
	GinkgoHelper()
	leader, found, err := handle.Leader(c.ctx)
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(found).To(BeFalse(), "somebody leads: %v", leader)
	c.Expect(leader).To(BeZero())
}

func (c *contract) leadership() {
	c.acquisition()
	c.renewal()
	c.releasing()
	c.candidates()
	c.unknowns()
	c.terms()
}

func (c *contract) acquisition() {
	c.it("lease-1", "names no leader where nobody has acquired the lease", func(c *cluster) {
		c.expectNobody(c.open())
	})

	c.it("lease-2", "gives the lease to the first candidate, with a term greater than zero", func(c *cluster) {
		one := c.open()
		term := c.lead(one, "node", time.Hour)
		c.Expect(term).To(BeNumerically(">", 0))
		c.expectLeader(one, "node", term)
	})

	c.it("lease-3", "refuses a second candidate at once, and changes nothing", func(c *cluster) {
		one, other := c.pair()
		start := time.Now()
		term := c.lead(one, "first", time.Hour)
		for _, ttl := range []time.Duration{2 * time.Hour, time.Millisecond} {
			c.expectOutrun(other, "second", ttl)
		}
		c.Expect(time.Since(start)).To(BeNumerically("<", c.patience))
		c.pass(2 * time.Millisecond)
		c.expectLeader(one, "first", term)
		c.Expect(c.leader(other).Remaining).To(BeNumerically("~", time.Hour, time.Minute))
	})

	c.it("lease-4", "names the leader on every peer, with its term", func(c *cluster) {
		one, other := c.pair()
		term := c.lead(one, "node", time.Hour)
		for _, peer := range []coordination.Leadership{one, other, c.open()} {
			c.expectLeader(peer, "node", term)
		}
	})

	c.it("lease-5", "tells how much of the lease is left: at most its time to live, and less as time passes", func(c *cluster) {
		one, other := c.pair()
		start := time.Now()
		c.lead(one, "node", time.Hour)
		before := c.leader(other).Remaining
		c.Expect(before).To(BeNumerically("<=", time.Hour))
		c.Expect(before).To(BeNumerically(">=", time.Hour-time.Since(start)-time.Millisecond))
		c.pass(5 * time.Millisecond)
		c.Expect(c.leader(other).Remaining).To(BeNumerically("<=", before-4*time.Millisecond))
	})

	c.it("lease-6", "holds the lease until its time to live ends, and frees it then", func(c *cluster) {
		one, other := c.pair()
		start := time.Now()
		term := c.lead(one, "first", c.shortly)
		c.nearlyPast(start, c.shortly)
		c.expectOutrun(other, "second", time.Hour)
		c.expectLeader(other, "first", term)
		c.past(start, c.shortly)
		c.expectNobody(other)
		c.lead(other, "second", time.Hour)
	})

	c.it("lease-7", "does not prolong a lease by the tries of others, nor by asking for it", func(c *cluster) {
		one, other := c.pair()
		start := time.Now()
		c.lead(one, "first", c.shortly)
		c.expectOutrun(other, "second", time.Hour)
		c.expectOutrun(one, "second", time.Hour)
		c.leader(one)
		c.Expect(c.release(one, "second")).To(BeFalse())
		c.past(start, c.shortly)
		c.expectNobody(one)
	})

	c.it("lease-8", "rounds a lease's time to live up to whole milliseconds", func(c *cluster) {
		one := c.open()
		// What is left may only just have fallen below the hour: then again.
		c.eventually(func(g Gomega) {
			c.lead(one, "node", time.Hour+time.Nanosecond)
			left := c.leader(one).Remaining
			c.Expect(left).To(BeNumerically("<=", time.Hour+time.Millisecond))
			g.Expect(left).To(BeNumerically(">", time.Hour))
		}).Should(Succeed())
	})

	c.it("lease-9", "takes a lease for as long as a Duration can say", func(c *cluster) {
		one, other := c.pair()
		term := c.lead(one, "first", math.MaxInt64)
		c.expectOutrun(other, "second", math.MaxInt64)
		c.expectLeader(other, "first", term)
		c.Expect(c.leader(other).Remaining).To(BeNumerically("~", time.Duration(math.MaxInt64), time.Hour))
		c.Expect(c.lead(one, "first", time.Hour)).To(Equal(term))
		c.Expect(c.leader(other).Remaining).To(BeNumerically("<=", time.Hour))
	})
}

func (c *contract) renewal() {
	c.it("lease-10", "renews the lease of its holder: the same term, and its full time to live from then on", func(c *cluster) {
		one, other := c.pair()
		first := time.Now()
		term := c.lead(one, "first", c.shortly)
		c.nearlyPast(first, c.shortly)
		second := time.Now()
		c.Expect(c.lead(one, "first", c.shortly)).To(Equal(term))
		c.past(first, c.shortly)
		c.expectOutrun(other, "second", time.Hour)
		c.expectLeader(other, "first", term)
		c.past(second, c.shortly)
		c.expectNobody(other)
	})

	c.it("lease-11", "renews a lease also for a shorter time", func(c *cluster) {
		one, other := c.pair()
		term := c.lead(one, "first", time.Hour)
		start := time.Now()
		c.Expect(c.lead(one, "first", c.briefly)).To(Equal(term))
		c.past(start, c.briefly)
		c.expectNobody(other)
		c.lead(other, "second", time.Hour)
	})

	c.it("lease-12", "keeps the term through many renewals", func(c *cluster) {
		one := c.open()
		term := c.lead(one, "node", time.Hour)
		for range 50 {
			c.Expect(c.lead(one, "node", time.Hour)).To(Equal(term))
		}
		c.expectLeader(one, "node", term)
	})
}

func (c *contract) releasing() {
	c.it("lease-13", "frees the lease at once when its holder releases it", func(c *cluster) {
		one, other := c.pair()
		c.lead(one, "first", time.Hour)
		c.Expect(c.release(one, "first")).To(BeTrue())
		c.expectNobody(one)
		c.expectNobody(other)
		c.lead(other, "second", time.Hour)
	})

	c.it("lease-14", "releases a lease once: again, it says no", func(c *cluster) {
		one := c.open()
		c.lead(one, "node", time.Hour)
		c.Expect(c.release(one, "node")).To(BeTrue())
		c.Expect(c.release(one, "node")).To(BeFalse())
		c.expectNobody(one)
	})

	c.it("lease-15", "has nothing to release where nobody leads", func(c *cluster) {
		one, other := c.pair()
		c.Expect(c.release(one, "node")).To(BeFalse())
		c.expectNobody(other)
		c.lead(other, "node", time.Hour)
	})

	c.it("lease-16", "does not release for another node ID on the leader's handle", func(c *cluster) {
		one, other := c.pair()
		term := c.lead(one, "first", time.Hour)
		c.Expect(c.release(one, "second")).To(BeFalse())
		c.expectLeader(other, "first", term)
	})

	c.it("lease-17", "does not release for the leader's node ID on another handle", func(c *cluster) {
		one, other := c.pair()
		term := c.lead(one, "node", time.Hour)
		c.Expect(c.release(other, "node")).To(BeFalse())
		c.expectLeader(other, "node", term)
	})

	c.it("lease-18", "has nothing to release once the lease has ended", func(c *cluster) {
		one, other := c.pair()
		start := time.Now()
		c.lead(one, "node", c.briefly)
		c.past(start, c.briefly)
		c.Expect(c.release(one, "node")).To(BeFalse())
		c.expectNobody(other)
	})

	c.it("lease-19", "never removes a successor by a late release", func(c *cluster) {
		one, other := c.pair()
		for _, successor := range []string{"first", "second"} { // with the same node ID, too
			start := time.Now()
			c.lead(one, "first", c.briefly)
			c.past(start, c.briefly)
			term := c.lead(other, successor, time.Hour)
			c.Expect(c.release(one, "first")).To(BeFalse())
			c.expectLeader(one, successor, term)
			c.Expect(c.release(other, successor)).To(BeTrue())
		}
	})
}
