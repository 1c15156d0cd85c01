package specs

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gleak"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (c *contract) closing() {
	for _, m := range methods {
		c.it("closed-"+m.name, "gives ErrClosed from "+m.name+" after Close, and changes nothing", func(c *cluster) {
			s := c.scene(m.leads)
			c.Expect(s.handle.Close()).To(Succeed())
			for range 2 {
				c.Expect(m.do(c.ctx, s.handle)).To(MatchError(coordination.ErrClosed))
			}
			s.handle, s.before.Subscriptions = s.peer, 1
			s.expectUntouched()
		})
	}

	c.it("close-1", "closes its subscriptions, and delivers nothing more", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		c.publish(other, "news", "first", "second")
		c.expectNext(subscription, "first") // so that the second one is on its way
		c.Expect(one.Close()).To(Succeed())
		for range 2 {
			_, err := subscription.Next(c.ctx)
			c.Expect(err).To(MatchError(coordination.ErrClosed))
		}
		c.Expect(subscription.Close()).To(Succeed())
	})

	c.it("close-2", "wakes every Next that waits with ErrClosed", func(c *cluster) {
		one := c.open()
		var calls []*begun
		for i := range 6 {
			subscription := c.subscribe(one, []string{"news", "n*"}[i%2])
			calls = append(calls, c.begin("Next", func() error {
				_, err := subscription.Next(c.ctx)
				return err
			}))
		}
		c.expectWaiting(calls...)
		start := time.Now()
		c.Expect(one.Close()).To(Succeed())
		c.expectEnd(start, c.patience, coordination.ErrClosed, calls...)
	})

	c.it("close-3", "ends every PublishWithAck that waits with ErrClosed, for its own subscriptions as for those of others", func(c *cluster) {
		one, other := c.pair()
		c.subscribe(one, "here")
		c.subscribe(other, "there")
		var calls []*begun
		for _, channel := range []string{"here", "there"} {
			calls = append(calls, c.begin("PublishWithAck "+channel, func() error {
				_, err := one.PublishWithAck(c.ctx, channel, nil, time.Hour)
				return err
			}))
		}
		c.expectWaiting(calls...)
		start := time.Now()
		c.Expect(one.Close()).To(Succeed())
		c.expectEnd(start, c.patience, coordination.ErrClosed, calls...)
	})

	c.it("close-4", "answers calls that are under way, or ends them with ErrClosed", func(c *cluster) {
		one, other := c.pair()
		c.taker(c.subscribe(other, "*"))
		var calls []*begun
		made, closed := make(chan struct{}, 100), make(chan struct{})
		for _, m := range methods {
			calls = append(calls, c.begin(m.name, func() error {
				for {
					last := false
					select {
					case <-closed:
						last = true
					case made <- struct{}{}:
					default:
					}
					if err := answers(m.do(c.ctx, one)); err != nil || last {
						return err
					}
					c.pass(time.Microsecond) // or no time passes in virtual time
				}
			}))
		}
		for range 100 {
			<-made
		}
		start := time.Now()
		err := one.Close()
		close(closed)
		c.Expect(err).NotTo(HaveOccurred())
		c.expectEnd(start, c.patience, coordination.ErrClosed, calls...)
	})

	c.it("close-5", "is closed again without an error", func(c *cluster) {
		one := c.open()
		c.subscribe(one, "news")
		for range 3 {
			c.Expect(one.Close()).To(Succeed())
		}
	})

	c.it("close-6", "is closed by many goroutines at the same time, each of which finds it closed", func(c *cluster) {
		one := c.open()
		subscription := c.subscribe(one, "news")
		c.together(8, func(int) {
			c.Expect(one.Close()).To(Succeed())
			c.Expect(one.Publish(c.ctx, "news", nil)).To(MatchError(coordination.ErrClosed))
			_, err := subscription.Next(c.ctx)
			c.Expect(err).To(MatchError(coordination.ErrClosed))
		})
	})

	c.it("close-7", "lets peers go on working", func(c *cluster) {
		one, other := c.pair()
		third := c.open()
		subscription := c.subscribe(other, "n*")
		c.subscribe(one, "n*")
		c.publish(one, "news", "before")
		term := c.lead(other, "node", time.Hour)
		c.Expect(one.Close()).To(Succeed())
		c.publish(third, "news", "after")
		c.expectNext(subscription, "before", "after")
		c.Expect(c.lead(other, "node", time.Hour)).To(Equal(term))
		for _, m := range methods {
			c.Expect(answers(m.do(c.ctx, other))).To(Succeed(), m.name)
		}
	})

	c.it("close-8", "takes its subscriptions from those that peers reach and wait for", func(c *cluster) {
		one, other := c.pair()
		c.subscribe(one, "news")
		c.taker(c.subscribe(other, "news"))
		c.Expect(one.Close()).To(Succeed())
		start := time.Now()
		c.Expect(c.acks(other, "news", c.patience)).To(Equal(1))
		c.Expect(time.Since(start)).To(BeNumerically("<", c.patience), "for how long the closed ones are waited for")
	})

	c.it("close-9", "leaves keys and members to their time to live", func(c *cluster) {
		one, other := c.pair()
		start := time.Now()
		c.Expect(one.Set(c.ctx, "key", []byte("value"), c.shortly)).To(Succeed())
		c.set(one, "endless key", "value")
		c.register(one, "node", "metadata")
		c.Expect(one.Heartbeat(c.ctx, "node", c.shortly)).To(Succeed())
		c.register(one, "other node", "")
		c.Expect(one.Close()).To(Succeed())
		c.nearlyPast(start, c.shortly)
		c.expectKeys(other, "*", "endless key", "key")
		c.expectNodes(other, "node", "other node")
		c.past(start, c.shortly)
		c.expectKeys(other, "*", "endless key")
		c.expectNodes(other, "other node")
	})

	c.it("close-10", "leaves what was stored to handles that are opened later", func(c *cluster) {
		one := c.open()
		c.set(one, "key", "value")
		c.register(one, "node", "metadata")
		term := c.lead(one, "node", time.Hour)
		c.Expect(one.Close()).To(Succeed())
		later := c.open()
		c.expectValue(later, "key", "value")
		c.expectMember(later, "node", "metadata")
		c.expectLeader(later, "node", term)
	})

	c.it("close-11", "leaves no goroutines behind", func(c *cluster) {
		c.expectNoneLeft(func() {
			one, other := c.inUse(), c.inUse()
			for i := range 20 {
				c.taker(c.subscribe(one, fmt.Sprint("n", i)))
				c.subscribe(other, "n*")
			}
			c.publish(one, "n1", "hello")
			c.begin("PublishWithAck", func() error {
				_, err := one.PublishWithAck(c.ctx, "n1", nil, time.Hour)
				return err
			})
			c.Expect(one.Close()).To(Succeed())
			c.Expect(other.Close()).To(Succeed())
		})
	})

	c.it("close-12", "leaves nothing behind of a Subscribe that runs while it is closed", func(c *cluster) {
		c.expectNoneLeft(func() {
			other := c.open()
			for range 10 {
				one := c.open()
				c.together(5, func(i int) {
					if i == 0 {
						c.Expect(one.Close()).To(Succeed())
						return
					}
					subscription, err := one.Subscribe(c.ctx, "news")
					if err == nil {
						_, err = subscription.Next(c.ctx)
					}
					c.Expect(err).To(MatchError(coordination.ErrClosed))
				})
			}
			c.eventually(func() error {
				_, err := other.PublishWithAck(c.ctx, "news", nil, c.promptly)
				return err
			}).Should(MatchError(coordination.ErrNoSubscribers))
			c.Expect(other.Close()).To(Succeed())
		})
	})
}

// expectNoneLeft says that a body that opens and closes handles leaves no
// goroutines behind, once those that are on their last steps had the time for
// them. In virtual time they are those of the bubble, whatever else the process
// does.
func (c *cluster) expectNoneLeft(body func()) {
	GinkgoHelper()
	const lastSteps = 500 * time.Millisecond
	body() // what is started once for all handles stays
	if c.virtual {
		before := bubbled()
		body()
		c.eventually(func() string {
			for id, stack := range bubbled() {
				if _, known := before[id]; !known {
					return string(stack)
				}
			}
			return ""
		}).WithTimeout(lastSteps).Should(BeEmpty(), "goroutines left behind")
		return
	}
	before := gleak.Goroutines()
	body()
	c.eventually(gleak.Goroutines).WithTimeout(lastSteps).ShouldNot(gleak.HaveLeaked(before))
}
