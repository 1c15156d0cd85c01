package specs

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// aMinute is why a spec about DefaultNodeTTL needs virtual time.
const aMinute = "takes a minute of real time"

// expiringMembers is the part of membership that is about time.
func (c *contract) expiringMembers() {
	c.it("member-16", "keeps a node that has registered for DefaultNodeTTL without a heartbeat", func(c *cluster) {
		one, other := c.pair()
		start := time.Now()
		c.register(one, "node", "metadata")
		if c.virtual {
			c.nearlyPast(start, coordination.DefaultNodeTTL)
		} else {
			c.past(start, c.briefly)
		}
		c.expectNodes(other, "node")
		c.expectMember(other, "node", "metadata")
		c.Expect(other.DeregisterNode(c.ctx, "node")).To(BeTrue())
	})

	c.it("member-17", "drops a node at the end of DefaultNodeTTL without a heartbeat", func(c *cluster) {
		need[VirtualTime](c, aMinute)
		one, other := c.pair()
		start := c.member(one, 0, "node")
		c.past(start, coordination.DefaultNodeTTL)
		c.expectNodes(other)
		c.expectNoMember(other, "node")
	})

	c.it("member-18", "starts DefaultNodeTTL anew when a node registers again", func(c *cluster) {
		need[VirtualTime](c, aMinute)
		one, other := c.pair()
		start := c.member(one, 0, "node")
		c.nearlyPast(start, coordination.DefaultNodeTTL)
		start = c.member(other, 0, "node")
		c.nearlyPast(start, coordination.DefaultNodeTTL)
		c.expectNodes(one, "node")
		c.past(start, coordination.DefaultNodeTTL)
		c.expectNodes(one)
	})

	c.it("member-19", "gives a node that registers again DefaultNodeTTL in place of the end of its last heartbeat", func(c *cluster) {
		one, other := c.pair()
		start := c.member(one, c.shortly/3, "node")
		c.register(other, "node", "metadata")
		c.past(start, c.shortly/3)
		c.expectNodes(one, "node")
		c.expectMember(one, "node", "metadata")
	})

	c.it("member-20", "gives a node that registers again no more than DefaultNodeTTL, however long its last heartbeat was for", func(c *cluster) {
		need[VirtualTime](c, aMinute)
		one, other := c.pair()
		c.member(one, time.Hour, "node")
		start := c.member(other, 0, "node")
		c.past(start, coordination.DefaultNodeTTL)
		c.expectNodes(one)
	})

	c.it("member-21", "keeps a node after a heartbeat until the end of the heartbeat's time", func(c *cluster) {
		one, other := c.pair()
		start := c.member(one, c.shortly, "node")
		c.nearlyPast(start, c.shortly)
		c.expectNodes(other, "node")
		c.expectMember(other, "node", "metadata of node")
	})

	c.it("member-22", "drops a node from the list and its metadata at the same moment, at the end of a heartbeat's time", func(c *cluster) {
		one, other := c.pair()
		start := c.member(one, c.briefly, "node")
		c.past(start, c.briefly)
		for _, handle := range []coordination.Membership{one, other} {
			c.expectNoMember(handle, "node")
			c.expectNodes(handle)
		}
	})

	c.it("member-23", "keeps a node for hours where a heartbeat says so, and then drops it", func(c *cluster) {
		need[VirtualTime](c, "takes hours of real time")
		one, other := c.pair()
		const ttl = 11 * time.Hour
		start := c.member(one, ttl, "node")
		c.nearlyPast(start, ttl)
		c.expectNodes(other, "node")
		c.expectMember(other, "node", "metadata of node")
		c.past(start, ttl)
		c.expectNodes(other)
		c.expectNoMember(other, "node")
	})

	c.it("member-24", "replaces the time of a heartbeat by that of the next one, longer or shorter", func(c *cluster) {
		one, other := c.pair()
		c.member(one, time.Hour, "shorter")
		c.member(one, c.shortly, "longer")
		c.Expect(other.Heartbeat(c.ctx, "shorter", c.shortly)).To(Succeed())
		c.Expect(other.Heartbeat(c.ctx, "longer", time.Hour)).To(Succeed())
		c.past(time.Now(), c.shortly)
		c.expectNodes(one, "longer")
		c.expectNoMember(one, "shorter")
	})

	c.it("member-25", "keeps a node for as long as it sends heartbeats in time", func(c *cluster) {
		one, other := c.pair()
		start := c.member(one, c.shortly, "node")
		for range 3 {
			c.nearlyPast(start, c.shortly)
			start = time.Now()
			c.Expect(other.Heartbeat(c.ctx, "node", c.shortly)).To(Succeed())
		}
		c.expectNodes(one, "node")
	})

	c.it("member-26", "holds the time of a heartbeat to the millisecond, rounded up", func(c *cluster) {
		need[VirtualTime](c, exactly)
		one, other := c.pair()
		for ttl, end := range map[time.Duration]time.Duration{
			time.Millisecond:           time.Millisecond,
			time.Millisecond + 1:       2 * time.Millisecond,
			1500 * time.Microsecond:    2 * time.Millisecond,
			500 * time.Millisecond:     500 * time.Millisecond,
			1999 * time.Millisecond:    1999 * time.Millisecond,
			1999*time.Millisecond + 42: 2 * time.Second,

			// However long it is.
			12345*time.Millisecond + 1:          12346 * time.Millisecond,
			3*time.Hour + 7001*time.Microsecond: 3*time.Hour + 8*time.Millisecond,
		} {
			start := c.member(one, ttl, "node")
			c.pass(end - 100*time.Microsecond)
			c.expectNodes(other, "node")
			c.past(start, end)
			c.expectNodes(other)
			c.expectNoMember(other, "node")
		}
	})

	c.it("member-27", "drops each node at a time of its own", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "default", "metadata")
		c.member(one, time.Hour, "late")
		start := c.member(one, c.shortly, "soon")
		c.member(one, c.shortly/2, "sooner")
		c.past(start, c.shortly/2+c.shortly/6)
		c.expectNodes(other, "default", "late", "soon")
		c.past(start, c.shortly)
		c.expectNodes(other, "default", "late")
		c.expectMember(other, "default", "metadata")
		c.expectMember(other, "late", "metadata of late")
	})

	c.it("member-28", "leaves the metadata as they are at a heartbeat, which any peer may send", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "node", "metadata")
		c.Expect(other.Heartbeat(c.ctx, "node", time.Minute)).To(Succeed())
		c.expectMember(one, "node", "metadata")
		c.expectNodes(one, "node")
	})

	c.it("member-29", "refuses the heartbeat of an unknown node, and registers nothing", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "another node", "metadata")
		c.Expect(one.Heartbeat(c.ctx, "node", time.Minute)).To(MatchError(coordination.ErrNotRegistered))
		c.expectNodes(other, "another node")
		c.expectNoMember(other, "node")
		c.Expect(one.Heartbeat(c.ctx, "node", time.Minute)).To(MatchError(coordination.ErrNotRegistered))
	})

	c.it("member-30", "refuses the heartbeat of a node that was deregistered, and registers nothing", func(c *cluster) {
		one, other := c.pair()
		c.member(one, time.Minute, "node")
		c.Expect(other.DeregisterNode(c.ctx, "node")).To(BeTrue())
		c.Expect(one.Heartbeat(c.ctx, "node", time.Minute)).To(MatchError(coordination.ErrNotRegistered))
		c.expectNodes(other)
		c.expectNoMember(other, "node")
	})

	c.it("member-31", "refuses the heartbeat of a node whose time has ended, and registers nothing", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "another node", "metadata")
		c.past(c.member(one, c.briefly, "node"), c.briefly)
		c.Expect(one.Heartbeat(c.ctx, "node", time.Minute)).To(MatchError(coordination.ErrNotRegistered))
		c.expectNodes(other, "another node")
		c.expectNoMember(other, "node")
	})

	c.it("member-32", "finds nothing to deregister of a node whose time has ended", func(c *cluster) {
		one, other := c.pair()
		c.past(c.member(one, c.briefly, "node"), c.briefly)
		c.Expect(other.DeregisterNode(c.ctx, "node")).To(BeFalse())
	})

	c.it("member-33", "takes a node whose time has ended again, with new metadata only and for DefaultNodeTTL", func(c *cluster) {
		one, other := c.pair()
		c.past(c.member(one, c.briefly, "node"), c.briefly)
		start := time.Now()
		c.register(other, "node", "")
		c.past(start, c.briefly)
		c.expectMember(one, "node", "")
		c.expectNodes(one, "node")
	})
}

// member registers a node, sends a heartbeat unless ttl is 0, and returns when
// its time to live has begun.
func (c *cluster) member(handle coordination.Membership, ttl time.Duration, node string) (start time.Time) {
	GinkgoHelper()
	c.register(handle, node, "metadata of "+node)
	if ttl > 0 {
		c.Expect(handle.Heartbeat(c.ctx, node, ttl)).To(Succeed(), "the heartbeat of %.50q", node)
	}
	return time.Now()
}
