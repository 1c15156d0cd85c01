package specs

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (c *contract) candidates() {
	c.it("lease-20", "takes the same node ID on two handles for two candidates", func(c *cluster) {
		one, other := c.pair()
		term := c.lead(one, "node", time.Hour)
		c.expectOutrun(other, "node", time.Hour)
		c.Expect(c.lead(one, "node", time.Hour)).To(Equal(term))
		c.Expect(c.release(one, "node")).To(BeTrue())
		c.lead(other, "node", time.Hour)
		c.expectOutrun(one, "node", time.Hour)
	})

	c.it("lease-21", "takes two node IDs on one handle for two candidates", func(c *cluster) {
		one := c.open()
		term := c.lead(one, "first", time.Hour)
		c.expectOutrun(one, "second", time.Hour)
		c.Expect(c.lead(one, "first", time.Hour)).To(Equal(term))
		c.expectLeader(one, "first", term)
	})

	c.it("lease-22", "takes node IDs with any bytes, and mistakes none for another", func(c *cluster) {
		one, other := c.pair()
		for _, nodeID := range []string{
			"node", "Node", "node ", "node\n", "node\x00", "\x00", "\xff\xfe", "nodé", "a:b", "{tag}", "*", "0", "-1", "\r\n", "a b",
		} {
			term := c.lead(one, nodeID, time.Hour)
			c.expectLeader(other, nodeID, term)
			for _, another := range []string{nodeID + "\x00", nodeID + " ", "x" + nodeID, "*?"} {
				c.expectOutrun(one, another, time.Hour)
				c.Expect(c.release(one, another)).To(BeFalse())
			}
			c.Expect(c.release(one, nodeID)).To(BeTrue())
		}
	})

	c.it("lease-23", "lets nodes lead that are not registered, and does not mind when they are deregistered", func(c *cluster) {
		one, other := c.pair()
		term := c.lead(one, "node", time.Hour)
		c.expectNodes(one)
		c.register(one, "node", "")
		c.expectLeader(other, "node", term)
		c.Expect(one.DeregisterNode(c.ctx, "node")).To(BeTrue())
		c.expectLeader(other, "node", term)
		c.Expect(c.release(one, "node")).To(BeTrue())
		c.register(one, "node", "")
		c.expectNobody(other)
	})

	c.it("lease-24", "keeps the lease for its time to live when the handle of its holder is closed", func(c *cluster) {
		one, other := c.pair()
		start := time.Now()
		term := c.lead(one, "first", c.shortly)
		c.Expect(one.Close()).To(Succeed())
		c.nearlyPast(start, c.shortly)
		c.expectOutrun(other, "second", time.Hour)
		c.expectLeader(other, "first", term)
		c.past(start, c.shortly)
		c.expectNobody(other)
		c.lead(other, "second", time.Hour)
	})

	c.it("lease-25", "takes a node that has opened its handle anew for another candidate", func(c *cluster) {
		one := c.open()
		term := c.lead(one, "node", time.Hour)
		c.Expect(one.Close()).To(Succeed())
		anew := c.open()
		c.expectOutrun(anew, "node", time.Hour)
		c.Expect(c.release(anew, "node")).To(BeFalse())
		c.expectLeader(anew, "node", term)
	})
}

func (c *contract) unknowns() {
	c.it("lease-26", "renews the lease of a candidate that was not told that it had acquired it", func(c *cluster) {
		one := c.open()
		for range 50 {
			ctx, cancel := context.WithCancel(c.ctx)
			go cancel()
			_, acquired, err := one.TryAcquireLeadership(ctx, "node", time.Hour)
			cancel()
			if err != nil {
				c.Expect(err).To(MatchError(context.Canceled))
				c.Expect(acquired).To(BeFalse(), "an error does not make a leader")
			}
			c.lead(one, "node", time.Hour)
			c.Expect(c.release(one, "node")).To(BeTrue())
		}
	})
}

func (c *contract) terms() {
	c.it("lease-27", "gives a greater term after a lease has ended, to its former holder as well", func(c *cluster) {
		one, other := c.pair()
		var last uint64
		for _, handle := range []coordination.Leadership{one, one, other, one} {
			start := time.Now()
			term := c.lead(handle, "node", time.Millisecond)
			c.Expect(term).To(BeNumerically(">", last))
			last = term
			c.past(start, time.Millisecond)
		}
	})

	c.it("lease-28", "gives a greater term after a release, to its former holder as well", func(c *cluster) {
		one, other := c.pair()
		first := c.lead(one, "node", time.Hour)
		c.Expect(c.release(one, "node")).To(BeTrue())
		second := c.lead(one, "node", time.Hour)
		c.Expect(second).To(BeNumerically(">", first))
		c.Expect(c.release(one, "node")).To(BeTrue())
		c.Expect(c.lead(other, "node", time.Hour)).To(BeNumerically(">", second))
	})

	c.it("lease-29", "gives each of many holders a greater term than the one before", func(c *cluster) {
		one, other := c.pair()
		var last uint64
		for i := range 200 {
			handle, nodeID := one, fmt.Sprint("node ", i%3)
			if i%2 == 1 {
				handle = other
			}
			term := c.lead(handle, nodeID, time.Hour)
			c.Expect(term).To(BeNumerically(">", last))
			c.expectLeader(handle, nodeID, term)
			c.Expect(c.release(handle, nodeID)).To(BeTrue())
			last = term
		}
	})

	c.it("lease-30", "gives a greater term after a long time without a leader", func(c *cluster) {
		need[VirtualTime](c, "it takes hours, and the subject's time is real")
		one, other := c.pair()
		var last uint64
		for range 3 {
			for range 100 { // terms that run ahead of the clock
				last = c.lead(one, "node", time.Hour)
				c.Expect(c.release(one, "node")).To(BeTrue())
			}
			c.pass(3 * time.Hour)
			c.Expect(c.lead(other, "node", time.Hour)).To(BeNumerically(">", last))
			c.Expect(c.release(other, "node")).To(BeTrue())
		}
	})

	c.it("lease-31", "gives a greater term after the backend has lost its records", func(c *cluster) {
		forget := c.forgetful()
		one, other := c.pair()
		var last uint64
		for range 5 {
			last = c.lead(one, "first", time.Hour)
			c.Expect(c.release(one, "first")).To(BeTrue())
		}
		for range 3 {
			c.pass(time.Millisecond) // losing them takes no less
			forget()
			c.expectNobody(one)
			term := c.lead(other, "second", time.Hour)
			c.Expect(term).To(BeNumerically(">", last))
			c.expectOutrun(one, "first", time.Hour)
			c.Expect(c.release(one, "first")).To(BeFalse())
			c.expectLeader(one, "second", term)
			last = term
		}
	})

	c.it("lease-32", "gives a greater term after a flush of the keys, and after its former holder was deregistered", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "first", "metadata")
		last := c.lead(one, "first", time.Hour)
		c.lead(one, "first", time.Hour) // renewed: as great
		c.Expect(c.release(one, "first")).To(BeTrue())
		c.Expect(one.FlushAll(c.ctx)).To(Succeed())
		term := c.lead(other, "second", time.Hour)
		c.Expect(term).To(BeNumerically(">", last))
		c.Expect(c.release(other, "second")).To(BeTrue())
		c.Expect(one.DeregisterNode(c.ctx, "first")).To(BeTrue())
		c.Expect(c.lead(one, "first", time.Hour)).To(BeNumerically(">", term))
	})

	c.it("lease-33", "gives a greater term after all handles were closed and others opened", func(c *cluster) {
		var last uint64
		for range 3 {
			one, other := c.pair()
			for range 3 {
				term := c.lead(one, "node", time.Hour)
				c.Expect(term).To(BeNumerically(">", last))
				last = term
				c.Expect(c.release(one, "node")).To(BeTrue())
			}
			c.Expect(one.Close()).To(Succeed())
			c.Expect(other.Close()).To(Succeed())
		}
	})
}
