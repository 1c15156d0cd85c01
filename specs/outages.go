package specs

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (c *contract) outages() {
	for _, m := range methods {
		c.it("cut-"+m.name, "gives ErrUnavailable from "+m.name+" while the link is cut, and an answer once it is healed", func(c *cluster) {
			links := c.links()
			one := c.inUse()
			links.Cut(one)
			for range 2 {
				c.expectUnavailable(m.do(c.within(c.patience), one), m.name)
			}
			links.Heal(one)
			c.eventually(func() error { return answers(m.do(c.ctx, one)) }).Should(Succeed())
		})
	}

	c.it("outage-1", "gives ErrUnavailable from every method after a while on a frozen link, and answers once it is healed", func(c *cluster) {
		links := c.freezing()
		one := c.inUse()
		links.Freeze(one)
		c.together(len(methods), func(i int) {
			c.expectUnavailable(methods[i].do(c.within(c.patience), one), methods[i].name)
		})
		links.Heal(one)
		for _, m := range methods {
			c.eventually(func() error { return answers(m.do(c.ctx, one)) }).Should(Succeed(), m.name)
		}
	})

	c.it("outage-2", "does not touch peers whose own link is whole", func(c *cluster) {
		links := c.links()
		one, other := c.pair()
		subscription := c.subscribe(other, "news")
		c.subscribe(one, "news")
		breaks := []func(coordination.DistributedCoordination){links.Cut, links.Heal}
		if _, can := c.subject.(Freezing); can {
			breaks = append(breaks, links.Freeze)
		}
		for _, breakIt := range breaks {
			breakIt(one)
			for _, m := range methods {
				if m.name != "PublishWithAck" { // it waits for those that it can't reach
					c.Expect(answers(m.do(c.ctx, other))).To(Succeed(), m.name)
				}
			}
			c.publish(other, "news", "hello")
			c.expectNext(subscription, "hello")
		}
		links.Heal(one)
	})

	c.it("outage-3", "finds what it had stored when the link is healed", func(c *cluster) {
		links := c.links()
		one := c.open()
		c.set(one, "key", "value")
		c.register(one, "node", "metadata")
		term := c.lead(one, "node", time.Hour)
		links.Cut(one)
		c.expectUnavailable(one.Set(c.ctx, "key", []byte("other value"), 0), "Set")
		links.Heal(one)
		c.eventually(func() error {
			_, _, err := one.Get(c.ctx, "key")
			return err
		}).Should(Succeed())
		c.expectValue(one, "key", "value")
		c.expectNodes(one, "node")
		c.expectLeader(one, "node", term)
	})

	c.it("outage-4", "lets the leader renew its lease after a try that failed", func(c *cluster) {
		links := c.links()
		one, other := c.pair()
		term := c.lead(one, "node", time.Hour)
		links.Cut(one)
		its, acquired, err := one.TryAcquireLeadership(c.ctx, "node", time.Hour)
		c.expectUnavailable(err, "TryAcquireLeadership")
		c.Expect(acquired).To(BeFalse(), "an error does not make a leader")
		c.Expect(its).To(BeZero())
		c.expectOutrun(other, "node", time.Hour)
		links.Heal(one)
		c.eventually(func() (uint64, error) {
			its, _, err := one.TryAcquireLeadership(c.ctx, "node", time.Hour)
			return its, err
		}).Should(Equal(term))
	})

	c.it("outage-5", "never locks a candidate out by a try of which it was not told the outcome", func(c *cluster) {
		links := c.links()
		one, other := c.pair()
		for range 10 {
			try := c.begin("TryAcquireLeadership", func() error {
				_, _, err := one.TryAcquireLeadership(c.ctx, "node", time.Hour)
				return err
			})
			links.Cut(one) // before it, after it, or between its way there and its way back
			<-try.done
			leader, _, err := other.Leader(c.ctx)
			c.Expect(err).NotTo(HaveOccurred())
			links.Heal(one)
			c.eventually(func(g Gomega) {
				term, acquired, err := one.TryAcquireLeadership(c.ctx, "node", time.Hour)
				g.Expect(err).NotTo(HaveOccurred())
				c.Expect(acquired).To(BeTrue(), "after %v", try.err)
				c.Expect(term).To(BeNumerically(">=", leader.Term))
			}).Should(Succeed())
			c.Expect(c.release(one, "node")).To(BeTrue())
		}
	})

	c.it("outage-6", "lets the lease of a leader that is cut off end, and its late release touches no successor", func(c *cluster) {
		links := c.links()
		one, other := c.pair()
		start := time.Now()
		first := c.lead(one, "node", 2*c.briefly)
		links.Cut(one)
		c.past(start, 2*c.briefly)
		second := c.lead(other, "node", time.Hour)
		c.Expect(second).To(BeNumerically(">", first))
		links.Heal(one)
		c.eventually(func() error {
			released, err := one.ReleaseLeadership(c.ctx, "node")
			c.Expect(released).To(BeFalse())
			return err
		}).Should(Succeed())
		c.expectOutrun(one, "node", time.Hour)
		c.expectLeader(one, "node", second)
	})

	c.it("outage-7", "checks arguments, its own end and the context first, also while the link is cut", func(c *cluster) {
		links := c.links()
		one := c.inUse()
		links.Cut(one)
		for _, m := range methods {
			if m.named != "" {
				c.expectRefused(m.call(c.ctx, one, arguments{}), m.name, m.named)
			}
			c.Expect(m.do(c.cancelled(), one)).To(MatchError(context.Canceled), m.name)
		}
		c.Expect(one.Close()).To(Succeed())
		for _, m := range methods {
			c.Expect(m.do(c.ctx, one)).To(MatchError(coordination.ErrClosed), m.name)
		}
	})

	c.it("outage-8", "leaves no goroutines behind when it is closed after an outage", func(c *cluster) {
		links := c.links()
		c.expectNoneLeft(func() {
			one := c.inUse()
			c.subscribe(one, "news")
			links.Cut(one)
			c.together(len(methods), func(i int) {
				for range 3 {
					c.expectUnavailable(methods[i].do(c.ctx, one), methods[i].name)
				}
			})
			c.Expect(one.Close()).To(Succeed())
		})
	})

	c.it("outage-9", "is closed within seconds while its link is frozen", func(c *cluster) {
		links := c.freezing()
		one := c.inUse()
		subscription := c.subscribe(one, "news")
		links.Freeze(one)
		start := time.Now()
		c.Expect(one.Close()).To(Succeed())
		c.Expect(time.Since(start)).To(BeNumerically("<", c.patience))
		_, err := subscription.Next(c.ctx)
		c.Expect(err).To(MatchError(coordination.ErrClosed))
	})

	c.it("outage-10", "gives ErrUnavailable from every method while the backend is stopped, and an answer once it is started", func(c *cluster) {
		backend := c.backend()
		one := c.inUse()
		backend.stop()
		c.together(len(methods), func(i int) {
			c.expectUnavailable(methods[i].do(c.within(c.patience), one), methods[i].name)
		})
		backend.start()
		for _, m := range methods {
			c.eventually(func() error { return answers(m.do(c.ctx, one)) }).Should(Succeed(), m.name)
		}
	})

	c.it("outage-11", "tells every subscription of lost messages when the backend was stopped and started, and delivers again", func(c *cluster) {
		backend := c.backend()
		one, other := c.pair()
		subscriptions := []coordination.Subscription{c.subscribe(one, "news"), c.subscribe(one, "n*"), c.subscribe(other, "news")}
		c.publish(other, "news", "before")
		for _, subscription := range subscriptions {
			c.expectNext(subscription, "before")
		}
		backend.stop()
		backend.start()
		for _, subscription := range subscriptions {
			_, err := subscription.Next(c.within(c.patience))
			c.Expect(err).To(MatchError(coordination.ErrMessagesLost))
		}
		// Each subscription is back; the backend may not be for the publisher.
		c.eventually(func() error { return other.Publish(c.ctx, "news", []byte("after")) }).Should(Succeed())
		for _, subscription := range subscriptions {
			c.expectNext(subscription, "after")
		}
	})

	c.it("outage-12", "gives a greater term after the backend was stopped and started, whatever it has kept", func(c *cluster) {
		backend := c.backend()
		one, other := c.pair()
		start := time.Now()
		before := c.lead(one, "node", c.shortly)
		backend.stop()
		backend.start()
		c.past(start, c.shortly)
		c.eventually(func() (uint64, error) {
			term, _, err := other.TryAcquireLeadership(c.ctx, "other node", time.Hour)
			return term, err
		}).Should(BeNumerically(">", before))
	})

	c.it("outage-13", "waits in Next while the link is cut, with no error but that messages were lost", func(c *cluster) {
		links := c.links()
		one := c.open()
		subscription := c.subscribe(one, "news")
		links.Cut(one)
		ctx, told := c.within(3*c.promptly), 0
		for {
			_, err := subscription.Next(ctx)
			if ctx.Err() != nil {
				c.Expect(err).To(MatchError(context.DeadlineExceeded))
				break
			}
			c.Expect(err).To(MatchError(coordination.ErrMessagesLost))
			told++
		}
		c.Expect(told).To(BeNumerically("<=", 1), "how often it tells of one break")
		links.Heal(one)
	})
}

// expectUnavailable says that a call failed because of the backend, with the
// cause, and not with the error of a context of which the caller knows nothing.
func (c *cluster) expectUnavailable(err error, method string) {
	GinkgoHelper()
	c.Expect(err).To(MatchError(coordination.ErrUnavailable), method)
	c.Expect(err).NotTo(MatchError(context.Canceled), method)
	c.Expect(err).NotTo(MatchError(context.DeadlineExceeded), method)
	c.Expect(causes(err)).To(ContainElement(Not(BeIdenticalTo(coordination.ErrUnavailable))), "the cause in %q of %s", err, method)
}

// causes returns the ends of an error's tree.
func causes(err error) []error {
	var wrapped []error
	switch err := err.(type) { //nolint:errorlint // it is the tree itself that is looked at
	case interface{ Unwrap() error }:
		wrapped = []error{err.Unwrap()}
	case interface{ Unwrap() []error }:
		wrapped = err.Unwrap()
	}
	if len(wrapped) == 0 {
		return []error{err}
	}
	var all []error
	for _, err := range wrapped {
		all = append(all, causes(err)...)
	}
	return all
}
