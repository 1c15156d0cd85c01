package specs

import (
	"context"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// taker takes messages from a subscription in a goroutine until it is closed.
func (c *cluster) taker(subscription coordination.Subscription) {
	go func() {
		for range coordination.Messages(c.ctx, subscription) {
		}
	}()
}

// acks publishes with acknowledgement and returns how many there were.
func (c *cluster) acks(handle coordination.Messaging, channel string, timeout time.Duration) int {
	GinkgoHelper()
	acks, err := handle.PublishWithAck(c.ctx, channel, []byte("hello"), timeout)
	Expect(err).NotTo(HaveOccurred())
	return acks
}

func (c contract) acknowledgement() {
	c.it("returns how many subscriptions took the message, on all handles", func(c *cluster) {
		one, other := c.pair()
		for _, handle := range []coordination.Messaging{one, other, c.open()} {
			c.taker(c.subscribe(handle, "news"))
		}
		Expect(c.acks(one, "news", patience)).To(Equal(3))
	})

	c.it("counts each of a handle's subscriptions, with the same pattern and with others", func(c *cluster) {
		one, other := c.pair()
		for _, pattern := range []string{"news", "news", "n*", "n*", "*", "new[s]", "n?ws", "old", "o*"} {
			c.taker(c.subscribe(one, pattern))
		}
		Expect(c.acks(other, "news", patience)).To(Equal(7))
	})

	c.it("returns as soon as all have taken the message", func(c *cluster) {
		one, other := c.pair()
		c.taker(c.subscribe(one, "news"))
		start := time.Now()
		Expect(c.acks(other, "news", time.Hour)).To(Equal(1))
		Expect(time.Since(start)).To(BeNumerically("<", patience))
	})

	c.it("counts the taking of the message, not its delivery", func(c *cluster) {
		one, other := c.pair()
		c.taker(c.subscribe(one, "news"))
		c.subscribe(one, "news") // never read
		start := time.Now()
		Expect(c.acks(other, "news", shortly)).To(Equal(1))
		Expect(time.Since(start)).To(BeNumerically(">=", shortly), "it waits for the one that does not read")
	})

	c.it("times out with ErrAckTimeout where nobody takes the message", func(c *cluster) {
		one, other := c.pair()
		c.subscribe(one, "news")
		start := time.Now()
		acks, err := other.PublishWithAck(c.ctx, "news", nil, shortly)
		Expect(err).To(MatchError(coordination.ErrAckTimeout))
		Expect(acks).To(BeZero())
		Expect(time.Since(start)).To(BeNumerically(">=", shortly))
	})

	c.it("fails with ErrNoSubscribers, long before its timeout, where nobody is subscribed", func(c *cluster) {
		handle := c.open()
		start := time.Now()
		acks, err := handle.PublishWithAck(c.ctx, "news", nil, time.Hour)
		Expect(err).To(MatchError(coordination.ErrNoSubscribers))
		Expect(acks).To(BeZero())
		Expect(time.Since(start)).To(BeNumerically("<", patience))
	})

	c.it("fails with ErrNoSubscribers where the subscriptions are to other channels", func(c *cluster) {
		one, other := c.pair()
		for _, pattern := range []string{"old", "new?s", "n[^e]ws", "n*x"} {
			c.taker(c.subscribe(one, pattern))
		}
		_, err := other.PublishWithAck(c.ctx, "news", nil, time.Hour)
		Expect(err).To(MatchError(coordination.ErrNoSubscribers))
	})

	c.it("does not count a subscription that was closed", func(c *cluster) {
		one, other := c.pair()
		closed := c.subscribe(one, "news")
		c.taker(c.subscribe(one, "news"))
		Expect(closed.Close()).To(Succeed())
		Expect(c.acks(other, "news", patience)).To(Equal(1))
	})

	c.it("waits for no subscription that was just closed", func(c *cluster) {
		one, other := c.pair()
		start := time.Now()
		for range 30 {
			Expect(c.subscribe(one, "news").Close()).To(Succeed())
			_, err := other.PublishWithAck(c.ctx, "news", nil, patience)
			Expect(err).To(MatchError(coordination.ErrNoSubscribers))
		}
		Expect(time.Since(start)).To(BeNumerically("<", patience))
	})

	c.it("waits no longer for a subscription that is closed before it takes the message", func(c *cluster) {
		one, other := c.pair()
		c.taker(c.subscribe(one, "news"))
		closed := c.subscribe(one, "news")
		witness := c.subscribe(one, "news")
		go func() {
			defer GinkgoRecover()
			c.next(witness) // the message has come in
			Expect(closed.Close()).To(Succeed())
		}()
		start := time.Now()
		Expect(c.acks(other, "news", time.Hour)).To(Equal(2))
		Expect(time.Since(start)).To(BeNumerically("<", patience))
	})

	c.it("fails with ErrNoSubscribers where all are closed before they take the message", func(c *cluster) {
		one, other := c.pair()
		closed := c.subscribe(one, "news")
		go func() {
			defer GinkgoRecover()
			c.pass(100 * time.Millisecond)
			Expect(closed.Close()).To(Succeed())
		}()
		_, err := other.PublishWithAck(c.ctx, "news", nil, time.Hour)
		Expect(err).To(MatchError(coordination.ErrNoSubscribers))
	})

	c.it("delivers an acknowledged message like any other: payload, channel and pattern", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "n*")
		payload := []byte{0, 255, '\r', '\n'}
		go func() { _, _ = other.PublishWithAck(c.ctx, "news", payload, patience) }()
		message := c.next(subscription)
		Expect(message.Payload).To(Equal(payload))
		Expect(message.Channel).To(Equal("news"))
		Expect(message.Pattern).To(Equal("n*"))
	})

	c.it("delivers an empty acknowledged message", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		go func() { _, _ = other.PublishWithAck(c.ctx, "news", nil, patience) }()
		Expect(c.next(subscription).Payload).To(BeEmpty())
	})

	c.it("keeps the order between messages that are acknowledged and messages that are not", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		var publisher sync.WaitGroup
		publisher.Go(func() {
			defer GinkgoRecover()
			for i := range 20 {
				c.publish(other, "news", fmt.Sprint(2*i))
				_, err := other.PublishWithAck(c.ctx, "news", []byte(fmt.Sprint(2*i+1)), patience)
				Expect(err).NotTo(HaveOccurred())
			}
		})
		for i := range 40 {
			c.expectNext(subscription, fmt.Sprint(i))
		}
		publisher.Wait()
	})

	c.it("never counts an acknowledgement for another message", func(c *cluster) {
		one, other := c.pair()
		slow := c.subscribe(one, "slow")
		c.taker(c.subscribe(one, "quick"))
		late := make(chan error, 1)
		go func() {
			_, err := other.PublishWithAck(c.ctx, "slow", nil, shortly)
			late <- err
		}()
		for range 10 {
			Expect(c.acks(other, "quick", patience)).To(Equal(1))
		}
		Expect(c.outcome(late)).To(MatchError(coordination.ErrAckTimeout))
		c.next(slow) // too late, and for nobody
		Expect(c.acks(other, "quick", patience)).To(Equal(1))
	})

	c.it("counts right for many that publish at the same time", func(c *cluster) {
		one, other := c.pair()
		const channels = 8
		for i := range channels {
			for range i + 1 {
				c.taker(c.subscribe(one, fmt.Sprint("channel ", i)))
			}
		}
		var running sync.WaitGroup
		for i := range channels {
			running.Go(func() {
				defer GinkgoRecover()
				for range 10 {
					Expect(c.acks(other, fmt.Sprint("channel ", i), patience)).To(Equal(i + 1))
				}
			})
		}
		running.Wait()
	})

	c.it("counts right on the way back from a flood of messages", func(c *cluster) {
		one, other := c.pair()
		c.taker(c.subscribe(one, "news"))
		for range 200 {
			c.publish(other, "news", "flood")
		}
		Expect(c.acks(other, "news", patience)).To(Equal(1))
	})

	c.it("counts the publisher's own subscriptions", func(c *cluster) {
		handle := c.open()
		c.taker(c.subscribe(handle, "news"))
		Expect(c.acks(handle, "news", patience)).To(Equal(1))
	})

	c.it("gives up waiting when its context is done, with that error and no count", func(c *cluster) {
		one, other := c.pair()
		c.subscribe(one, "news")
		ctx, cancel := context.WithCancel(c.ctx)
		time.AfterFunc(50*time.Millisecond, cancel)
		acks, err := other.PublishWithAck(ctx, "news", nil, time.Hour)
		Expect(err).To(MatchError(context.Canceled))
		Expect(acks).To(BeZero())
	})

	c.it("never counts more than the subscriptions there are, even while the subscriber's link breaks", func(c *cluster) {
		links := need[Links](c, noLinks)
		one, other := c.pair()
		for range 3 {
			c.taker(c.subscribe(one, "news"))
		}
		for range 5 {
			breaking := time.AfterFunc(time.Millisecond, func() {
				links.Cut(one)
				links.Heal(one)
			})
			acks, err := other.PublishWithAck(c.ctx, "news", nil, shortly)
			breaking.Stop()
			Expect(acks).To(BeNumerically("<=", 3))
			if err != nil {
				Expect(err).To(Or(MatchError(coordination.ErrNoSubscribers), MatchError(coordination.ErrAckTimeout)))
			}
		}
	})
}
