package specs

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// taker takes messages from a subscription in a goroutine until it is closed.
func (c *cluster) taker(subscription coordination.Subscription) {
	go c.safely(func() {
		for range coordination.Messages(c.ctx, subscription) {
		}
	})()
}

// acks publishes with acknowledgement and returns how many there were.
func (c *cluster) acks(handle coordination.Messaging, channel string, timeout time.Duration) int {
	GinkgoHelper()
	acks, err := handle.PublishWithAck(c.ctx, channel, []byte("hello"), timeout)
	c.Expect(err).NotTo(HaveOccurred())
	return acks
}

func (c *contract) acknowledgement() {
	c.it("ack-1", "returns how many subscriptions took the message, on all handles", func(c *cluster) {
		one, other := c.pair()
		for _, handle := range []coordination.Messaging{one, other, c.open()} {
			c.taker(c.subscribe(handle, "news"))
		}
		c.Expect(c.acks(one, "news", c.patience)).To(Equal(3))
	})

	c.it("ack-2", "counts each of a handle's subscriptions, with the same pattern and with others", func(c *cluster) {
		one, other := c.pair()
		for _, pattern := range []string{"news", "news", "n*", "n*", "*", "new[s]", "n?ws", "old", "o*"} {
			c.taker(c.subscribe(one, pattern))
		}
		c.Expect(c.acks(other, "news", c.patience)).To(Equal(7))
	})

	c.it("ack-3", "returns as soon as all have taken the message", func(c *cluster) {
		one, other := c.pair()
		c.taker(c.subscribe(one, "news"))
		start := time.Now()
		c.Expect(c.acks(other, "news", time.Hour)).To(Equal(1))
		c.Expect(time.Since(start)).To(BeNumerically("<", c.patience))
	})

	c.it("ack-4", "counts the taking of the message, not its delivery", func(c *cluster) {
		one, other := c.pair()
		c.taker(c.subscribe(one, "news"))
		c.subscribe(one, "news") // never read
		start := time.Now()
		c.Expect(c.acks(other, "news", c.shortly)).To(Equal(1))
		c.Expect(time.Since(start)).To(BeNumerically(">=", c.shortly), "it waits for the one that does not read")
	})

	c.it("ack-5", "times out with ErrAckTimeout where nobody takes the message", func(c *cluster) {
		one, other := c.pair()
		c.subscribe(one, "news")
		start := time.Now()
		acks, err := other.PublishWithAck(c.ctx, "news", nil, c.shortly)
		c.Expect(err).To(MatchError(coordination.ErrAckTimeout))
		c.Expect(acks).To(BeZero())
		c.Expect(time.Since(start)).To(BeNumerically(">=", c.shortly))
	})

	c.it("ack-6", "fails with ErrNoSubscribers, long before its timeout, where nobody is subscribed", func(c *cluster) {
		handle := c.open()
		start := time.Now()
		acks, err := handle.PublishWithAck(c.ctx, "news", nil, time.Hour)
		c.Expect(err).To(MatchError(coordination.ErrNoSubscribers))
		c.Expect(acks).To(BeZero())
		c.Expect(time.Since(start)).To(BeNumerically("<", c.patience))
	})

	c.it("ack-7", "fails with ErrNoSubscribers where the subscriptions are to other channels", func(c *cluster) {
		one, other := c.pair()
		for _, pattern := range []string{"old", "new?s", "n[^e]ws", "n*x"} {
			c.taker(c.subscribe(one, pattern))
		}
		_, err := other.PublishWithAck(c.ctx, "news", nil, time.Hour)
		c.Expect(err).To(MatchError(coordination.ErrNoSubscribers))
	})

	c.it("ack-8", "does not count a subscription that was closed", func(c *cluster) {
		one, other := c.pair()
		closed := c.subscribe(one, "news")
		c.taker(c.subscribe(one, "news"))
		c.Expect(closed.Close()).To(Succeed())
		c.Expect(c.acks(other, "news", c.patience)).To(Equal(1))
	})

	c.it("ack-9", "waits for no subscription that was just closed", func(c *cluster) {
		one, other := c.pair()
		start := time.Now()
		for range 30 {
			c.Expect(c.subscribe(one, "news").Close()).To(Succeed())
			_, err := other.PublishWithAck(c.ctx, "news", nil, c.patience)
			c.Expect(err).To(MatchError(coordination.ErrNoSubscribers))
		}
		c.Expect(time.Since(start)).To(BeNumerically("<", c.patience))
	})

	c.it("ack-10", "waits no longer for a subscription that is closed before it takes the message", func(c *cluster) {
		one, other := c.pair()
		c.taker(c.subscribe(one, "news"))
		closed := c.subscribe(one, "news")
		witness := c.subscribe(one, "news")
		go c.safely(func() {
			c.next(witness) // the message has come in
			c.Expect(closed.Close()).To(Succeed())
		})()
		start := time.Now()
		c.Expect(c.acks(other, "news", time.Hour)).To(Equal(2))
		c.Expect(time.Since(start)).To(BeNumerically("<", c.patience))
	})

	c.it("ack-11", "fails with ErrNoSubscribers where all are closed before they take the message", func(c *cluster) {
		one, other := c.pair()
		closed := c.subscribe(one, "news")
		go c.safely(func() {
			c.pass(100 * time.Millisecond)
			c.Expect(closed.Close()).To(Succeed())
		})()
		_, err := other.PublishWithAck(c.ctx, "news", nil, time.Hour)
		c.Expect(err).To(MatchError(coordination.ErrNoSubscribers))
	})

	c.it("ack-12", "delivers an acknowledged message like any other: payload, channel and pattern", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "n*")
		payload := []byte{0, 255, '\r', '\n'}
		go c.safely(func() { _, _ = other.PublishWithAck(c.ctx, "news", payload, c.patience) })()
		message := c.next(subscription)
		c.Expect(message.Payload).To(Equal(payload))
		c.Expect(message.Channel).To(Equal("news"))
		c.Expect(message.Pattern).To(Equal("n*"))
	})

	c.it("ack-13", "delivers an empty acknowledged message", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		go c.safely(func() { _, _ = other.PublishWithAck(c.ctx, "news", nil, c.patience) })()
		c.Expect(c.next(subscription).Payload).To(BeEmpty())
	})

	c.it("ack-14", "keeps the order between messages that are acknowledged and messages that are not", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		publisher := c.group()
		publisher.Go(func() {
			for i := range 20 {
				c.publish(other, "news", fmt.Sprint(2*i))
				_, err := other.PublishWithAck(c.ctx, "news", []byte(fmt.Sprint(2*i+1)), c.patience)
				c.Expect(err).NotTo(HaveOccurred())
			}
		})
		for i := range 40 {
			c.expectNext(subscription, fmt.Sprint(i))
		}
		publisher.Wait()
	})

	c.it("ack-15", "never counts an acknowledgement for another message", func(c *cluster) {
		one, other := c.pair()
		slow := c.subscribe(one, "slow")
		c.taker(c.subscribe(one, "quick"))
		late := make(chan error, 1)
		go c.safely(func() {
			_, err := other.PublishWithAck(c.ctx, "slow", nil, c.shortly)
			late <- err
		})()
		for range 10 {
			c.Expect(c.acks(other, "quick", c.patience)).To(Equal(1))
		}
		c.Expect(c.outcome(late)).To(MatchError(coordination.ErrAckTimeout))
		c.next(slow) // too late, and for nobody
		c.Expect(c.acks(other, "quick", c.patience)).To(Equal(1))
	})

	c.it("ack-16", "counts right for many that publish at the same time", func(c *cluster) {
		one, other := c.pair()
		const channels = 8
		for i := range channels {
			for range i + 1 {
				c.taker(c.subscribe(one, fmt.Sprint("channel ", i)))
			}
		}
		running := c.group()
		for i := range channels {
			running.Go(func() {
				for range 10 {
					c.Expect(c.acks(other, fmt.Sprint("channel ", i), c.patience)).To(Equal(i + 1))
				}
			})
		}
		running.Wait()
	})

	c.it("ack-17", "counts right on the way back from a flood of messages", func(c *cluster) {
		one, other := c.pair()
		c.taker(c.subscribe(one, "news"))
		for range 200 {
			c.publish(other, "news", "flood")
		}
		c.Expect(c.acks(other, "news", c.patience)).To(Equal(1))
	})

	c.it("ack-18", "counts the publisher's own subscriptions", func(c *cluster) {
		handle := c.open()
		c.taker(c.subscribe(handle, "news"))
		c.Expect(c.acks(handle, "news", c.patience)).To(Equal(1))
	})

	c.it("ack-19", "gives up waiting when its context is done, with that error and no count", func(c *cluster) {
		one, other := c.pair()
		c.subscribe(one, "news")
		ctx, cancel := context.WithCancel(c.ctx)
		time.AfterFunc(50*time.Millisecond, cancel)
		acks, err := other.PublishWithAck(ctx, "news", nil, time.Hour)
		c.Expect(err).To(MatchError(context.Canceled))
		c.Expect(acks).To(BeZero())
	})

	c.it("ack-20", "never counts more than the subscriptions there are, even while the subscriber's link breaks", func(c *cluster) {
		links := c.links()
		one, other := c.pair()
		for range 3 {
			c.taker(c.subscribe(one, "news"))
		}
		c.subscribe(one, "news") // never read: for this one it still waits when the link breaks
		for range 5 {
			breaking := time.AfterFunc(time.Millisecond, func() {
				links.Cut(one)
				links.Heal(one)
			})
			acks, err := other.PublishWithAck(c.ctx, "news", nil, c.shortly)
			breaking.Stop()
			c.Expect(acks).To(BeNumerically("<=", 3))
			if err != nil {
				c.Expect(err).To(Or(MatchError(coordination.ErrNoSubscribers), MatchError(coordination.ErrAckTimeout)))
			}
		}
	})

	c.it("ack-21", "counts hundreds of subscriptions as exactly as a few", func(c *cluster) {
		one, other := c.pair()
		const count = 300
		for range count {
			c.taker(c.subscribe(one, "news"))
		}
		c.Expect(c.acks(other, "news", c.patience)).To(Equal(count))
	})
}
