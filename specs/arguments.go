package specs

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

var (
	noContext context.Context

	longestName = strings.Repeat("n", coordination.MaxNameLen)

	// tooLarge is a payload of a byte too many, and without that the largest.
	tooLarge = sync.OnceValue(func() []byte {
		return bytes.Repeat([]byte("p"), coordination.MaxPayloadLen+1)
	})
)

// spoilt is how an argument is made a bad one.
type spoilt func(*arguments)

func named(name string) spoilt            { return func(with *arguments) { with.name = name } }
func lasting(length time.Duration) spoilt { return func(with *arguments) { with.length = length } }

// refuses says that the methods which have an argument refuse bad ones, name the
// argument, and change nothing.
func (c *cluster) refuses(argument func(method) string, bad ...spoilt) {
	GinkgoHelper()
	scenes := map[bool]*scene{}
	for _, m := range methods {
		name := argument(m)
		if name == "" {
			continue
		}
		if scenes[m.leads] == nil {
			scenes[m.leads] = c.scene(m.leads)
		}
		for _, spoil := range bad {
			with := m.valid
			spoil(&with)
			c.expectRefused(m.call(c.ctx, scenes[m.leads].handle, with), m.name, name)
		}
		scenes[m.leads].expectUntouched()
	}
}

func (c *cluster) expectRefused(err error, method, argument string) {
	GinkgoHelper()
	c.Expect(err).To(MatchError(coordination.ErrInvalidArgument), method)
	c.Expect(err.Error()).To(ContainSubstring(argument), method)
}

func (c *contract) arguments() {
	c.it("argument-1", "refuses an empty channel, pattern, key or node ID: names it, and changes nothing", func(c *cluster) {
		c.refuses(func(m method) string { return m.named }, named(""))
	})

	c.it("argument-2", "refuses a channel, pattern, key or node ID of more than 4,096 bytes", func(c *cluster) {
		c.refuses(func(m method) string { return m.named }, named(longestName+"n"), named(strings.Repeat("n", 1<<20)))
	})

	c.it("argument-3", "refuses a payload, value or metadata of more than 16 MiB", func(c *cluster) {
		c.refuses(func(m method) string { return m.loaded }, func(with *arguments) { with.payload = tooLarge() })
	})

	c.it("argument-4", "refuses a lease and a heartbeat of less than a millisecond", func(c *cluster) {
		c.refuses(func(m method) string {
			if m.name == "Set" || m.timed != "ttl" {
				return ""
			}
			return m.timed
		}, lasting(0), lasting(-1), lasting(-time.Hour), lasting(math.MinInt64), lasting(1), lasting(time.Millisecond-1))
	})

	c.it("argument-5", "refuses a key's time to live that is negative, or less than a millisecond but not zero", func(c *cluster) {
		c.refuses(func(m method) string {
			if m.name != "Set" {
				return ""
			}
			return m.timed
		}, lasting(-1), lasting(-time.Hour), lasting(math.MinInt64), lasting(1), lasting(time.Millisecond-1))
	})

	c.it("argument-6", "refuses a timeout that is not more than zero", func(c *cluster) {
		c.refuses(func(m method) string {
			if m.timed != "timeout" {
				return ""
			}
			return m.timed
		}, lasting(0), lasting(-1), lasting(-time.Hour))
	})

	c.it("argument-7", "refuses a nil context", func(c *cluster) {
		for _, leads := range []bool{false, true} {
			s := c.scene(leads)
			for _, m := range methods {
				c.expectRefused(m.do(noContext, s.handle), m.name, "ctx")
			}
			_, err := s.heard.Next(noContext)
			c.expectRefused(err, "Next", "ctx")
			s.expectUntouched()
		}
	})

	c.it("argument-8", "refuses a bad key in DeleteMany wherever it stands, and removes none", func(c *cluster) {
		s := c.scene(false)
		keys := make([]string, 3000)
		for i := range keys {
			keys[i] = "key"
		}
		for _, i := range []int{0, 1, 1500, len(keys) - 1} {
			keys[i] = ""
			_, err := s.handle.DeleteMany(c.ctx, keys...)
			c.expectRefused(err, "DeleteMany", fmt.Sprintf("keys[%d]", i))
			keys[i] = "key"
		}
		s.expectUntouched()
	})

	c.it("argument-9", "takes names of 4,096 bytes", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, longestName)
		c.publish(other, longestName, "hello")
		c.Expect(c.next(subscription).Channel == longestName).To(BeTrue(), "the channel")
		c.set(one, longestName, "value")
		c.expectKeys(other, longestName, longestName)
		c.expectKeys(other, "*", longestName)
		c.Expect(other.Delete(c.ctx, longestName)).To(BeTrue())
		c.register(one, longestName, "")
		c.Expect(other.Heartbeat(c.ctx, longestName, time.Hour)).To(Succeed())
		c.expectNodes(other, longestName)
		c.Expect(other.DeregisterNode(c.ctx, longestName)).To(BeTrue())
		c.expectLeader(other, longestName, c.lead(one, longestName, time.Hour))
		c.Expect(one.ReleaseLeadership(c.ctx, longestName)).To(BeTrue())
	})

	c.it("argument-10", "takes payloads of 16 MiB", func(c *cluster) {
		one, other := c.pair()
		largest := tooLarge()[:coordination.MaxPayloadLen]
		subscription := c.subscribe(one, "channel")
		c.Expect(other.Publish(c.ctx, "channel", largest)).To(Succeed())
		c.Expect(bytes.Equal(c.next(subscription).Payload, largest)).To(BeTrue(), "the message")
		c.Expect(other.Set(c.ctx, "key", largest, 0)).To(Succeed())
		value, _, err := one.Get(c.ctx, "key")
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(bytes.Equal(value, largest)).To(BeTrue(), "the value")
		c.Expect(other.RegisterNode(c.ctx, "node", largest)).To(Succeed())
		metadata, _, err := one.NodeMetadata(c.ctx, "node")
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(bytes.Equal(metadata, largest)).To(BeTrue(), "the metadata")
	}, serial) // beside others, a link on few cores may take longer for it than it may be silent

	c.it("argument-11", "takes a time to live of exactly a millisecond, and of two centuries", func(c *cluster) {
		one, other := c.pair()
		const centuries = 200 * 365 * 24 * time.Hour
		for _, ttl := range []time.Duration{time.Millisecond, centuries} {
			c.Expect(one.Set(c.ctx, "key", nil, ttl)).To(Succeed())
			c.register(one, "node", "")
			c.Expect(one.Heartbeat(c.ctx, "node", ttl)).To(Succeed())
			start := time.Now()
			c.lead(one, "node", ttl)
			if ttl == time.Millisecond {
				c.past(start, ttl)
			}
		}
		c.expectValue(other, "key", "")
		c.expectNodes(other, "node")
		c.Expect(c.leader(other).Remaining).To(BeNumerically("~", centuries, time.Hour))
	})

	c.it("argument-12", "takes a timeout however short", func(c *cluster) {
		// It counts from when the backend has the message: the publish is not bounded by it.
		one, other := c.pair()
		_, err := one.PublishWithAck(c.ctx, "news", nil, 1)
		c.Expect(err).To(MatchError(coordination.ErrNoSubscribers))
		subscription := c.subscribe(one, "news")
		_, err = other.PublishWithAck(c.ctx, "news", []byte("hello"), 1)
		c.Expect(err).To(MatchError(coordination.ErrAckTimeout))
		c.expectNext(subscription, "hello")
	})

	c.it("argument-13", "checks the arguments first, then whether it is closed, and then the context", func(c *cluster) {
		open, closed := c.pair()
		c.Expect(closed.Close()).To(Succeed())
		cancelled, cancel := context.WithCancel(c.ctx)
		cancel()
		for _, m := range methods {
			if m.named != "" {
				c.expectRefused(m.call(cancelled, open, arguments{}), m.name, m.named)
				c.expectRefused(m.call(cancelled, closed, arguments{}), m.name, m.named)
			}
			c.expectRefused(m.do(noContext, closed), m.name, "ctx")
			c.Expect(m.do(cancelled, closed)).To(MatchError(coordination.ErrClosed), m.name)
		}
	})

	c.it("argument-14", "checks them in that order in Next, and in a DeleteMany of no keys", func(c *cluster) {
		one := c.open()
		subscription := c.subscribe(one, "news")
		next := func(ctx context.Context) error {
			_, err := subscription.Next(ctx)
			return err
		}
		deleteNone := func(ctx context.Context) error {
			_, err := one.DeleteMany(ctx)
			return err
		}
		cancelled := c.cancelled()
		c.expectRefused(next(noContext), "Next", "ctx")
		c.expectRefused(deleteNone(noContext), "DeleteMany", "ctx")
		c.Expect(next(cancelled)).To(MatchError(context.Canceled))
		c.Expect(deleteNone(cancelled)).To(MatchError(context.Canceled))
		c.Expect(one.Close()).To(Succeed())
		c.expectRefused(next(noContext), "Next", "ctx")
		c.expectRefused(deleteNone(noContext), "DeleteMany", "ctx")
		c.Expect(next(cancelled)).To(MatchError(coordination.ErrClosed))
		c.Expect(deleteNone(cancelled)).To(MatchError(coordination.ErrClosed))
	})
}
