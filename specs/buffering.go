package specs

import (
	"errors"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// flood publishes so many messages, in order and with their number, that a
// subscription which is not read has lost the first of them.
func (c *cluster) flood(handle coordination.Messaging, channel string) (published int) {
	GinkgoHelper()
	published = 2*c.buffer() + 100
	for i := range published {
		c.publish(handle, channel, fmt.Sprint(i))
	}
	return published
}

// drain reads a flooded subscription to the last message.
func (c *cluster) drain(subscription coordination.Subscription, last int) (received []int, gaps []error) {
	GinkgoHelper()
	for len(received) == 0 || received[len(received)-1] < last {
		message, err := subscription.Next(c.within(c.patience))
		if errors.Is(err, coordination.ErrMessagesLost) {
			gaps = append(gaps, err)
			continue
		}
		c.Expect(err).NotTo(HaveOccurred())
		var number int
		_, err = fmt.Sscan(string(message.Payload), &number)
		c.Expect(err).NotTo(HaveOccurred())
		received = append(received, number)
	}
	return received, gaps
}

func (c *contract) buffering() {
	c.it("buffer-1", "holds for a slow subscriber as many messages as it says", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "load")
		held := c.buffer()
		for i := range held {
			c.publish(other, "load", fmt.Sprint(i))
		}
		for i := range held {
			c.expectNext(subscription, fmt.Sprint(i))
		}
	})

	c.it("buffer-2", "never blocks a publisher on a subscriber that does not read", func(c *cluster) {
		one, other := c.pair()
		c.subscribe(one, "load")
		c.flood(other, "load")
	})

	c.it("buffer-3", "never lets a subscriber that does not read hold back another", func(c *cluster) {
		one, other := c.pair()
		c.subscribe(one, "load")
		reader := c.subscribe(one, "load")
		published := 2*c.buffer() + 100
		for i := range published {
			c.publish(other, "load", fmt.Sprint(i))
			c.expectNext(reader, fmt.Sprint(i))
		}
	})

	c.it("buffer-4", "never lets a subscriber that does not read hold back the other methods of its handle", func(c *cluster) {
		one, other := c.pair()
		c.subscribe(one, "load")
		c.flood(other, "load")
		c.Expect(one.Set(c.within(c.patience), "key", []byte("value"), 0)).To(Succeed())
		c.Expect(one.Publish(c.within(c.patience), "elsewhere", nil)).To(Succeed())
		c.Expect(one.ListNodes(c.within(c.patience))).To(BeEmpty())
	})

	c.it("buffer-5", "tells a slow subscriber of lost messages at the place of the gap, and goes on with newer ones in order", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "load")
		published := c.flood(other, "load")
		end := c.subscribe(one, "end")
		c.publish(other, "end", "end")
		c.expectNext(end, "end") // so that all of the flood has come in
		_, err := subscription.Next(c.within(c.patience))
		c.Expect(err).To(MatchError(coordination.ErrMessagesLost), "the first messages are lost")
		received, gaps := c.drain(subscription, published-1)
		c.Expect(gaps).To(BeEmpty(), "nothing is lost after the gap")
		for i, number := range received[1:] {
			c.Expect(number).To(Equal(received[i]+1), "the messages after the gap are without holes")
		}
	})

	c.it("buffer-6", "tells how many messages were lost in an overflow", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "load")
		published := c.flood(other, "load")
		received, gaps := c.drain(subscription, published-1)
		c.Expect(gaps).NotTo(BeEmpty())
		lost := 0
		for _, gap := range gaps {
			var told *coordination.MessagesLostError
			c.Expect(errors.As(gap, &told)).To(BeTrue(), "the error is a MessagesLostError")
			c.Expect(told.Count).To(BeNumerically(">", 0))
			lost += told.Count
		}
		c.Expect(lost + len(received)).To(Equal(published))
	})

	c.it("buffer-7", "loses nothing more once a slow subscriber reads again", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "load")
		published := c.flood(other, "load")
		c.drain(subscription, published-1)
		for i := range 50 {
			c.publish(other, "load", fmt.Sprint("again ", i))
		}
		for i := range 50 {
			c.expectNext(subscription, fmt.Sprint("again ", i))
		}
	})

	c.it("buffer-8", "tells of lost messages before the first one after a broken link came back, without a new Subscribe", func(c *cluster) {
		links := c.links()
		one, other := c.pair()
		exact, glob := c.subscribe(one, "news"), c.subscribe(one, "n*")
		c.publish(other, "news", "before")
		c.expectNext(exact, "before")
		c.expectNext(glob, "before")
		links.Cut(one)
		c.publish(other, "news", "missed")
		links.Heal(one)
		for _, subscription := range []coordination.Subscription{exact, glob} {
			_, err := subscription.Next(c.within(c.patience))
			c.Expect(err).To(MatchError(coordination.ErrMessagesLost))
		}
		c.publish(other, "news", "after")
		c.expectNext(exact, "after")
		c.expectNext(glob, "after")
	})

	c.it("buffer-9", "tells of lost messages once for each break of the link", func(c *cluster) {
		links := c.links()
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		for i := range 3 {
			links.Cut(one)
			links.Heal(one)
			_, err := subscription.Next(c.within(c.patience))
			c.Expect(err).To(MatchError(coordination.ErrMessagesLost), "after break %d", i)
			c.publish(other, "news", "between")
			c.expectNext(subscription, "between")
		}
	})

	c.it("buffer-10", "finds out that a link is open but dead, and treats it as broken", func(c *cluster) {
		links := c.freezing()
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		links.Freeze(one)
		c.publish(other, "news", "missed")
		degraded := func() bool {
			// The dead link is given up, and new ones come about after Heal.
			healthy, err := one.HealthCheck(c.within(200 * time.Millisecond))
			return err == nil && healthy
		}
		c.Expect(degraded()).To(BeFalse())
		c.pass(2500 * time.Millisecond)
		links.Heal(one)
		_, err := subscription.Next(c.within(c.patience))
		c.Expect(err).To(MatchError(coordination.ErrMessagesLost))
		c.publish(other, "news", "after")
		c.expectNext(subscription, "after")
	})

	c.it("buffer-11", "loses nothing on a link that is only idle", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		idle := 3 * time.Second
		if c.virtual {
			idle = 2 * time.Hour
		}
		c.pass(idle)
		c.publish(other, "news", "still here")
		c.expectNext(subscription, "still here")
	})

	c.it("buffer-12", "tells of each overflow, and how many messages this one has lost", func(c *cluster) {
		one, other := c.pair()
		subscription, end := c.subscribe(one, "load"), c.subscribe(one, "end")
		for round := range 3 {
			published := c.flood(other, "load")
			c.publish(other, "end", "end")
			c.expectNext(end, "end") // so that all of the flood has come in
			_, err := subscription.Next(c.within(c.patience))
			lost, ok := errors.AsType[*coordination.MessagesLostError](err)
			c.Expect(ok).To(BeTrue(), "overflow %d gives the error %v", round, err)
			received, gaps := c.drain(subscription, published-1)
			c.Expect(gaps).To(BeEmpty())
			c.Expect(lost.Count+len(received)).To(Equal(published), "overflow %d", round)
		}
	})
}
