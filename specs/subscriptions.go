package specs

import (
	"context"
	"errors"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// idle reports whether a subscription has nothing to deliver at this moment.
func (c *cluster) idle(subscription coordination.Subscription) bool {
	_, err := subscription.Next(c.within(5 * time.Millisecond))
	return errors.Is(err, context.DeadlineExceeded)
}

// calling calls Next in a goroutine and returns the channel of its outcome.
func (c *cluster) calling(ctx context.Context, subscription coordination.Subscription) <-chan error {
	outcome := make(chan error, 1)
	go c.safely(func() {
		_, err := subscription.Next(ctx)
		outcome <- err
	})()
	return outcome
}

// waiting is calling with the time to have come to wait; where that is too
// short, the outcome is the same.
func (c *cluster) waiting(subscription coordination.Subscription) <-chan error {
	outcome := c.calling(c.ctx, subscription)
	c.pass(10 * time.Millisecond)
	return outcome
}

func (c *contract) subscriptions() {
	c.it("subscribe-1", "waits in Next until a message comes", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		outcome := c.waiting(subscription)
		c.Expect(outcome).NotTo(Receive())
		c.publish(other, "news", "hello")
		c.Expect(c.outcome(outcome)).To(Succeed())
	})

	c.it("subscribe-2", "loses no message to a Next whose context is cancelled", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		for i := range 100 {
			ctx, cancel := context.WithCancel(c.ctx)
			outcome := c.calling(ctx, subscription)
			if i%2 == 1 {
				c.pass(time.Millisecond) // for it to wait
			}
			c.publish(other, "news", fmt.Sprint(i)) // and the cancellation races with it
			cancel()
			if err := c.outcome(outcome); err != nil {
				c.Expect(err).To(MatchError(context.Canceled))
				c.expectNext(subscription, fmt.Sprint(i))
			}
		}
		c.Expect(c.idle(subscription)).To(BeTrue())
	})

	c.it("subscribe-3", "returns the next message to the call after one that was cancelled", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		cancelled, cancel := context.WithCancel(c.ctx)
		cancel()
		c.publish(other, "news", "kept")
		_, err := subscription.Next(cancelled)
		c.Expect(err).To(MatchError(context.Canceled))
		c.expectNext(subscription, "kept")
	})

	c.it("subscribe-4", "shares the messages between several callers of Next, each to one of them", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "work")
		const callers, count = 8, 200
		counts := make(chan int, callers)
		ctx, cancel := context.WithCancel(c.ctx)
		took := make(chan struct{}, 2*count) // more, if some are taken twice
		for range callers {
			go c.safely(func() {
				taken := 0
				for {
					if _, err := subscription.Next(ctx); err != nil {
						counts <- taken
						c.Expect(err).To(MatchError(context.Canceled))
						return
					}
					taken++
					took <- struct{}{}
				}
			})()
		}
		c.pass(10 * time.Millisecond) // for them to wait
		for i := range count {
			c.publish(other, "work", fmt.Sprint(i))
		}
		for range count {
			select {
			case <-took:
			case <-time.After(c.patience):
				c.Fail("some message is taken by nobody")
			}
		}
		c.pass(10 * time.Millisecond) // for what may be taken twice
		cancel()
		sum := 0
		for range callers {
			sum += <-counts
		}
		c.Expect(sum).To(Equal(count))
	})

	c.it("subscribe-5", "wakes a blocked Next with ErrClosed when its subscription is closed", func(c *cluster) {
		subscription := c.subscribe(c.open(), "news")
		outcome := c.waiting(subscription)
		c.Expect(subscription.Close()).To(Succeed())
		c.Expect(c.outcome(outcome)).To(MatchError(coordination.ErrClosed))
	})

	c.it("subscribe-6", "wakes every blocked Next when its subscription is closed", func(c *cluster) {
		subscription := c.subscribe(c.open(), "news")
		var outcomes []<-chan error
		for range 5 {
			outcomes = append(outcomes, c.waiting(subscription))
		}
		c.Expect(subscription.Close()).To(Succeed())
		for _, outcome := range outcomes {
			c.Expect(c.outcome(outcome)).To(MatchError(coordination.ErrClosed))
		}
	})

	c.it("subscribe-7", "delivers nothing after a subscription was closed, not even what it had buffered", func(c *cluster) {
		one, other := c.pair()
		subscription, witness := c.subscribe(one, "news"), c.subscribe(one, "news")
		c.publish(other, "news", "buffered")
		c.expectNext(witness, "buffered")
		c.Expect(subscription.Close()).To(Succeed())
		c.publish(other, "news", "later")
		c.expectNext(witness, "later")
		_, err := subscription.Next(c.ctx)
		c.Expect(err).To(MatchError(coordination.ErrClosed))
	})

	c.it("subscribe-8", "lets a subscription be closed again", func(c *cluster) {
		subscription := c.subscribe(c.open(), "news")
		c.Expect(subscription.Close()).To(Succeed())
		c.Expect(subscription.Close()).To(Succeed())
	})

	c.it("subscribe-9", "closes one subscription without touching another of the same pattern", func(c *cluster) {
		one, other := c.pair()
		for _, pattern := range []string{"news", "n*"} {
			closed, open := c.subscribe(one, pattern), c.subscribe(one, pattern)
			c.Expect(closed.Close()).To(Succeed())
			c.publish(other, "news", "hello")
			c.expectNext(open, "hello")
		}
	})

	c.it("subscribe-10", "delivers to a pattern that is subscribed to again after it was closed", func(c *cluster) {
		one, other := c.pair()
		for i := range 20 {
			subscription := c.subscribe(one, "news")
			c.publish(other, "news", fmt.Sprint(i))
			c.expectNext(subscription, fmt.Sprint(i))
			c.Expect(subscription.Close()).To(Succeed())
		}
	})

	c.it("subscribe-11", "is not bound to the context with which it was opened", func(c *cluster) {
		one, other := c.pair()
		ctx, cancel := context.WithCancel(c.ctx)
		subscription, err := one.Subscribe(ctx, "news")
		c.Expect(err).NotTo(HaveOccurred())
		cancel()
		c.pass(10 * time.Millisecond) // for what the cancellation may set off
		c.publish(other, "news", "hello")
		c.expectNext(subscription, "hello")
	})

	c.it("subscribe-12", "serves 1,000 subscriptions on one handle", func(c *cluster) {
		one, other := c.pair()
		subscriptions := make([]coordination.Subscription, 1000)
		for i := range subscriptions {
			pattern := fmt.Sprint("channel ", i)
			if i%10 == 0 {
				pattern += " [x]" // a tenth are patterns
			}
			subscriptions[i] = c.subscribe(one, pattern)
		}
		for i := range subscriptions {
			channel := fmt.Sprint("channel ", i)
			if i%10 == 0 {
				channel += " x"
			}
			c.publish(other, channel, channel)
		}
		for i := range subscriptions {
			c.Expect(string(c.next(subscriptions[i]).Payload)).To(HavePrefix(fmt.Sprint("channel ", i)))
		}
	})

	c.it("subscribe-13", "costs the backend a bounded number of connections, however many subscriptions there are", func(c *cluster) {
		connections := c.connected()
		one := c.open()
		c.subscribe(one, "first")
		before := connections(one)
		for i := range 300 {
			c.subscribe(one, fmt.Sprint("channel ", i))
		}
		c.Expect(connections(one)).To(BeNumerically("<=", before+1))
	})

	c.it("subscribe-14", "is ranged over with Messages, gaps and all, until it is closed", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		c.publish(other, "news", "a", "b", "c")
		var payloads []string
		for message, err := range coordination.Messages(c.ctx, subscription) {
			c.Expect(err).NotTo(HaveOccurred())
			payloads = append(payloads, string(message.Payload))
			if len(payloads) == 3 {
				c.Expect(subscription.Close()).To(Succeed())
			}
		}
		c.Expect(payloads).To(Equal([]string{"a", "b", "c"}))
	})

	c.it("subscribe-15", "is opened and closed by many goroutines at the same time", func(c *cluster) {
		one, other := c.pair()
		running := c.group()
		for i := range 16 {
			running.Go(func() {
				pattern := fmt.Sprint("channel ", i%4)
				for range 10 {
					subscription := c.subscribe(one, pattern)
					c.publish(other, pattern, "hello")
					c.next(subscription)
					c.Expect(subscription.Close()).To(Succeed())
				}
			})
		}
		running.Wait()
	})
}

// outcome waits for what a goroutine came to.
func (c *cluster) outcome(outcome <-chan error) error {
	GinkgoHelper()
	select {
	case err := <-outcome:
		return err
	case <-time.After(c.patience):
		c.Fail("a call that must end does not")
		return nil
	}
}
