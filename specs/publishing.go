package specs

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (c *contract) publishing() {
	c.it("publish-1", "delivers a message to every subscription that matches, on this handle and on its peers", func(c *cluster) {
		one, other := c.pair()
		here, there := c.subscribe(one, "news"), c.subscribe(other, "news")
		c.publish(one, "news", "hello")
		c.expectNext(here, "hello")
		c.expectNext(there, "hello")
	})

	c.it("publish-2", "delivers one copy to a subscription, and one to each of two that are alike", func(c *cluster) {
		one, other := c.pair()
		first, second := c.subscribe(one, "n*"), c.subscribe(one, "n*")
		c.publish(other, "news", "once", "end")
		c.expectNext(first, "once", "end")
		c.expectNext(second, "once", "end")
	})

	c.it("publish-3", "delivers one copy to each of a handle's subscriptions whose different patterns match the same channel", func(c *cluster) {
		one, other := c.pair()
		var subscriptions []coordination.Subscription
		for _, pattern := range []string{"news", "n*", "*s", "*e*", "n[e]ws", "new?"} {
			subscriptions = append(subscriptions, c.subscribe(one, pattern))
		}
		c.publish(other, "news", "once", "end")
		for _, subscription := range subscriptions {
			c.expectNext(subscription, "once", "end")
		}
	})

	c.it("publish-4", "does not deliver to a subscription whose pattern does not match", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		for _, channel := range []string{"new", "newss", "News", "news:local", "old"} {
			c.publish(other, channel, "not for us")
		}
		c.publish(other, "news", "for us")
		c.expectNext(subscription, "for us")
	})

	c.it("publish-5", "succeeds in publishing where nobody is subscribed", func(c *cluster) {
		c.publish(c.open(), "nobody listens", "hello")
	})

	c.it("publish-6", "does not deliver what was published before the subscription", func(c *cluster) {
		one, other := c.pair()
		c.publish(other, "news", "before")
		subscription := c.subscribe(one, "news")
		c.publish(other, "news", "after")
		c.expectNext(subscription, "after")
	})

	c.it("publish-7", "does not deliver to a second subscription of a channel what was published before it", func(c *cluster) {
		one, other := c.pair()
		first := c.subscribe(one, "news")
		for i := range 20 {
			before := fmt.Sprint("before ", i)
			c.publish(other, "news", before)
			if c.virtual {
				c.pass(time.Millisecond) // miniredis answers before it has delivered
			}
			later := c.subscribe(one, "news")
			after := fmt.Sprint("after ", i)
			c.publish(other, "news", after)
			c.expectNext(later, after)
			c.expectNext(first, before, after)
		}
	})

	c.it("publish-8", "delivers what is published as soon as Subscribe has returned", func(c *cluster) {
		one, other := c.pair()
		for i := range 20 {
			channel := fmt.Sprint("news ", i)
			subscription := c.subscribe(one, channel)
			c.publish(other, channel, "at once")
			c.expectNext(subscription, "at once")
		}
	})

	c.it("publish-9", "delivers the messages of one publisher in the order in which they were published", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "*")
		const count = 500
		for i := range count {
			c.publish(other, fmt.Sprint("channel ", i%3), fmt.Sprint(i))
		}
		for i := range count {
			c.expectNext(subscription, fmt.Sprint(i))
		}
	})

	c.it("publish-10", "keeps the order of each of several publishers that publish at the same time", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "load")
		const publishers, count = 8, 100
		running := c.group()
		for publisher := range publishers {
			running.Go(func() {
				for i := range count {
					c.publish(other, "load", fmt.Sprint(publisher, " ", i))
				}
			})
		}
		var last [publishers]int
		for range publishers * count {
			var publisher, i int
			_, err := fmt.Sscan(string(c.next(subscription).Payload), &publisher, &i)
			c.Expect(err).NotTo(HaveOccurred())
			c.Expect(i).To(Equal(last[publisher]), "the next message of publisher %d", publisher)
			last[publisher]++
		}
		running.Wait()
	})

	c.it("publish-11", "delivers payloads as they are: empty, and with any bytes", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "bytes")
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		for _, payload := range [][]byte{{}, {0}, every, []byte("\r\n*1\r\n$4\r\nPING\r\n")} {
			c.Expect(other.Publish(c.ctx, "bytes", payload)).To(Succeed())
			c.Expect(c.next(subscription).Payload).To(Equal(payload))
		}
	})

	c.it("publish-12", "takes a nil payload for an empty one", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "bytes")
		c.Expect(other.Publish(c.ctx, "bytes", nil)).To(Succeed())
		payload := c.next(subscription).Payload
		c.Expect(payload).NotTo(BeNil())
		c.Expect(payload).To(BeEmpty())
	})

	c.it("publish-13", "delivers a payload of 1 MiB", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "large")
		payload := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		c.Expect(other.Publish(c.ctx, "large", payload)).To(Succeed())
		c.Expect(bytes.Equal(c.next(subscription).Payload, payload)).To(BeTrue())
	})

	c.it("publish-14", "takes channels with any bytes, and tells them as the publisher named them", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "*")
		for _, channel := range []string{"plain", "a:b:c", "with space", "new\nline", "\x00nul", "\xff\xfe", "{tag}", "a*b?[c]\\", "*"} {
			c.publish(other, channel, "hello")
			message := c.next(subscription)
			c.Expect(message.Channel).To(Equal(channel))
			c.Expect(message.Pattern).To(Equal("*"), "the pattern as Subscribe was given it")
		}
	})

	c.it("publish-15", "tells each subscription its own pattern", func(c *cluster) {
		one, other := c.pair()
		patterns := []string{"news", "n*", "new[s]", `\news`}
		subscriptions := make([]coordination.Subscription, len(patterns))
		for i, pattern := range patterns {
			subscriptions[i] = c.subscribe(one, pattern)
		}
		c.publish(other, "news", "hello")
		for i, pattern := range patterns {
			c.Expect(c.next(subscriptions[i]).Pattern).To(Equal(pattern))
		}
	})

	c.it("publish-16", "stamps a message, if at all, with a time between its publishing and its receipt", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		c.pass(20 * time.Millisecond) // away from a whole second, with which virtual time begins
		before := time.Now()
		c.publish(other, "news", "hello")
		published := time.Now()
		c.pass(20 * time.Millisecond)
		stamp := c.next(subscription).Timestamp
		if !stamp.IsZero() {
			// A stamp may have lost what is finer than a clock's tick.
			c.Expect(stamp).To(BeTemporally(">=", before.Add(-time.Millisecond)))
			c.Expect(stamp).To(BeTemporally("<=", published), "the time of publishing, not that of the receipt")
		}
	})

	c.it("publish-17", "gives each receiver bytes of its own, and keeps none of the publisher's", func(c *cluster) {
		one, other := c.pair()
		first, second := c.subscribe(one, "news"), c.subscribe(one, "news")
		payload := []byte("untouched")
		c.Expect(other.Publish(c.ctx, "news", payload)).To(Succeed())
		copy(payload, "PUBLISHER")
		received := c.next(first).Payload
		c.Expect(string(received)).To(Equal("untouched"))
		copy(received, "RECEIVER!")
		c.expectNext(second, "untouched")
	})

	c.it("publish-18", "takes as many channels as there are", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "channel *")
		var channels []string
		for i := range 300 {
			channels = append(channels, fmt.Sprint("channel ", i))
			c.publish(other, channels[i], "hello")
		}
		var seen []string
		for range channels {
			seen = append(seen, c.next(subscription).Channel)
		}
		c.Expect(slices.Equal(seen, channels)).To(BeTrue())
	})
}
