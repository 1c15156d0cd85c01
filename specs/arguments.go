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
			expectRefused(m.call(c.ctx, scenes[m.leads].handle, with), m.name, name)
		}
		scenes[m.leads].expectUntouched()
	}
}

func expectRefused(err error, method, argument string) {
	GinkgoHelper()
	Expect(err).To(MatchError(coordination.ErrInvalidArgument), method)
	Expect(err.Error()).To(ContainSubstring(argument), method)
}

func (c contract) arguments() {
	c.it("refuses an empty channel, pattern, key or node ID: names it, and changes nothing", func(c *cluster) {
		c.refuses(func(m method) string { return m.named }, named(""))
	})

	c.it("refuses a channel, pattern, key or node ID of more than 4,096 bytes", func(c *cluster) {
		c.refuses(func(m method) string { return m.named }, named(longestName+"n"), named(strings.Repeat("n", 1<<20)))
	})

	c.it("refuses a payload, value or metadata of more than 16 MiB", func(c *cluster) {
		c.refuses(func(m method) string { return m.loaded }, func(with *arguments) { with.payload = tooLarge() })
	})

	c.it("refuses a lease and a heartbeat of less than a millisecond", func(c *cluster) {
		c.refuses(func(m method) string {
			if m.name == "Set" || m.timed != "ttl" {
				return ""
			}
			return m.timed
		}, lasting(0), lasting(-1), lasting(-time.Hour), lasting(math.MinInt64), lasting(1), lasting(time.Millisecond-1))
	})

	c.it("refuses a key's time to live that is negative, or less than a millisecond but not zero", func(c *cluster) {
		c.refuses(func(m method) string {
			if m.name != "Set" {
				return ""
			}
			return m.timed
		}, lasting(-1), lasting(-time.Hour), lasting(math.MinInt64), lasting(1), lasting(time.Millisecond-1))
	})

	c.it("refuses a timeout that is not more than zero", func(c *cluster) {
		c.refuses(func(m method) string {
			if m.timed != "timeout" {
				return ""
			}
			return m.timed
		}, lasting(0), lasting(-1), lasting(-time.Hour))
	})

	c.it("refuses a nil context", func(c *cluster) {
		for _, leads := range []bool{false, true} {
			s := c.scene(leads)
			for _, m := range methods {
				expectRefused(m.do(noContext, s.handle), m.name, "ctx")
			}
			_, err := s.heard.Next(noContext)
			expectRefused(err, "Next", "ctx")
			s.expectUntouched()
		}
	})

	c.it("refuses a bad key in DeleteMany wherever it stands, and removes none", func(c *cluster) {
		s := c.scene(false)
		keys := make([]string, 3000)
		for i := range keys {
			keys[i] = "key"
		}
		for _, i := range []int{0, 1, 1500, len(keys) - 1} {
			keys[i] = ""
			_, err := s.handle.DeleteMany(c.ctx, keys...)
			expectRefused(err, "DeleteMany", fmt.Sprintf("keys[%d]", i))
			keys[i] = "key"
		}
		s.expectUntouched()
	})

	c.it("takes names of 4,096 bytes", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, longestName)
		c.publish(other, longestName, "hello")
		Expect(c.next(subscription).Channel == longestName).To(BeTrue(), "the channel")
		c.set(one, longestName, "value")
		c.expectKeys(other, longestName, longestName)
		c.expectKeys(other, "*", longestName)
		Expect(other.Delete(c.ctx, longestName)).To(BeTrue())
		c.register(one, longestName, "")
		Expect(other.Heartbeat(c.ctx, longestName, time.Hour)).To(Succeed())
		c.expectNodes(other, longestName)
		Expect(other.DeregisterNode(c.ctx, longestName)).To(BeTrue())
		c.expectLeader(other, longestName, c.lead(one, longestName, time.Hour))
		Expect(one.ReleaseLeadership(c.ctx, longestName)).To(BeTrue())
	})

	c.it("takes payloads of 16 MiB", func(c *cluster) {
		one, other := c.pair()
		largest := tooLarge()[:coordination.MaxPayloadLen]
		subscription := c.subscribe(one, "channel")
		Expect(other.Publish(c.ctx, "channel", largest)).To(Succeed())
		Expect(bytes.Equal(c.next(subscription).Payload, largest)).To(BeTrue(), "the message")
		Expect(other.Set(c.ctx, "key", largest, 0)).To(Succeed())
		value, _, err := one.Get(c.ctx, "key")
		Expect(err).NotTo(HaveOccurred())
		Expect(bytes.Equal(value, largest)).To(BeTrue(), "the value")
		Expect(other.RegisterNode(c.ctx, "node", largest)).To(Succeed())
		metadata, _, err := one.NodeMetadata(c.ctx, "node")
		Expect(err).NotTo(HaveOccurred())
		Expect(bytes.Equal(metadata, largest)).To(BeTrue(), "the metadata")
	}, Serial) // beside others, a link on few cores may take longer for it than it may be silent

	c.it("takes a time to live of exactly a millisecond, and of two centuries", func(c *cluster) {
		one, other := c.pair()
		const centuries = 200 * 365 * 24 * time.Hour
		for _, ttl := range []time.Duration{time.Millisecond, centuries} {
			Expect(one.Set(c.ctx, "key", nil, ttl)).To(Succeed())
			c.register(one, "node", "")
			Expect(one.Heartbeat(c.ctx, "node", ttl)).To(Succeed())
			start := time.Now()
			c.lead(one, "node", ttl)
			if ttl == time.Millisecond {
				c.past(start, ttl)
			}
		}
		c.expectValue(other, "key", "")
		c.expectNodes(other, "node")
		Expect(c.leader(other).Remaining).To(BeNumerically("~", centuries, time.Hour))
	})

	c.it("takes a timeout however short", func(c *cluster) {
		_, err := c.open().PublishWithAck(c.ctx, "channel", nil, 1)
		Expect(err).NotTo(MatchError(coordination.ErrInvalidArgument))
		Expect(err).NotTo(MatchError(context.DeadlineExceeded), "which is not the caller's context")
	})

	c.it("checks the arguments first, then whether it is closed, and then the context", func(c *cluster) {
		open, closed := c.pair()
		Expect(closed.Close()).To(Succeed())
		cancelled, cancel := context.WithCancel(c.ctx)
		cancel()
		for _, m := range methods {
			if m.named != "" {
				expectRefused(m.call(cancelled, open, arguments{}), m.name, m.named)
				expectRefused(m.call(cancelled, closed, arguments{}), m.name, m.named)
			}
			expectRefused(m.do(noContext, closed), m.name, "ctx")
			Expect(m.do(cancelled, closed)).To(MatchError(coordination.ErrClosed), m.name)
		}
	})
}
