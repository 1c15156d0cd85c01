package specs

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (c contract) deletion() {
	c.it("deletes a key for every peer, and says whether it was there", func(c *cluster) {
		one, other := c.pair()
		Expect(one.Delete(c.ctx, "key")).To(BeFalse())
		c.set(one, "key", "value")
		Expect(other.Delete(c.ctx, "key")).To(BeTrue())
		c.expectMissing(one, "key")
		c.expectKeys(one, "*")
		Expect(one.Delete(c.ctx, "key")).To(BeFalse())
		Expect(other.Delete(c.ctx, "key")).To(BeFalse())
	})

	c.it("deletes the keys that are named and no others", func(c *cluster) {
		one, other := c.pair()
		for _, key := range []string{"a", "aa", "A", "a:1", "b", "b:1", "c"} {
			c.set(one, key, "value of "+key)
		}
		Expect(other.Delete(c.ctx, "a")).To(BeTrue())
		Expect(other.DeleteMany(c.ctx, "b", "c")).To(Equal(2))
		c.expectKeys(one, "*", "A", "a:1", "aa", "b:1")
		c.expectValue(one, "aa", "value of aa")
	})

	c.it("takes no key to be deleted for a pattern", func(c *cluster) {
		one, other := c.pair()
		for _, key := range []string{"a", "ab", "b", "a*"} {
			c.set(one, key, "value")
		}
		for _, key := range []string{"*", "?", "[ab]", `\a`, `a\*`} {
			Expect(other.Delete(c.ctx, key)).To(BeFalse(), "%q is there", key)
		}
		Expect(other.DeleteMany(c.ctx, "*", "?", "[ab]", `\a`)).To(BeZero())
		c.expectKeys(one, "*", "a", "a*", "ab", "b")
		Expect(other.Delete(c.ctx, "a*")).To(BeTrue())
		c.expectKeys(one, "*", "a", "ab", "b")
	})

	c.it("counts of the keys to delete those that were there", func(c *cluster) {
		one, other := c.pair()
		c.set(one, "a", "value")
		c.set(one, "c", "")
		Expect(other.DeleteMany(c.ctx, "a", "b", "c", "d")).To(Equal(2))
		c.expectKeys(one, "*")
		Expect(one.DeleteMany(c.ctx, "a", "b", "c", "d")).To(BeZero())
	})

	c.it("counts a key that is to be deleted twice once", func(c *cluster) {
		one, other := c.pair()
		c.set(one, "a", "value")
		c.set(one, "b", "value")
		Expect(other.DeleteMany(c.ctx, "a", "b", "a", "missing", "a", "missing")).To(Equal(2))
	})

	c.it("counts a key once also where thousands of others are named in between", func(c *cluster) {
		one, other := c.pair()
		keys := c.fill(one, "key ", 2500)
		Expect(other.DeleteMany(c.ctx, append(slices.Clone(keys), keys...)...)).To(Equal(len(keys)))
	})

	c.it("deletes none where none is named, without an error", func(c *cluster) {
		handle := c.open()
		c.set(handle, "key", "value")
		Expect(handle.DeleteMany(c.ctx)).To(BeZero())
		Expect(handle.DeleteMany(c.ctx, []string{}...)).To(BeZero())
		c.expectKeys(handle, "*", "key")
	})

	c.it("deletes 10,000 keys at once", func(c *cluster) {
		one, other := c.pair()
		keys := c.fill(one, "key ", 10_000)
		c.set(one, "another", "value")
		Expect(other.DeleteMany(c.ctx, shuffled(keys)...)).To(Equal(10_000))
		c.expectKeys(one, "*", "another")
	})

	c.it("says to one alone of those who delete a key at the same time that it was there", func(c *cluster) {
		one, other := c.pair()
		for range 5 {
			c.set(one, "key", "value")
			Expect(c.atOnce(one, other, func(handle coordination.KeyStore) int {
				was, err := handle.Delete(c.ctx, "key")
				Expect(err).NotTo(HaveOccurred())
				if was {
					return 1
				}
				return 0
			})).To(Equal(1))
		}
	})

	c.it("counts each key for one alone of those who delete many at the same time", func(c *cluster) {
		one, other := c.pair()
		keys := c.fill(one, "key ", 200)
		Expect(c.atOnce(one, other, func(handle coordination.KeyStore) int {
			count, err := handle.DeleteMany(c.ctx, keys...)
			Expect(err).NotTo(HaveOccurred())
			return count
		})).To(Equal(200))
	})

	c.it("flushes every key, whatever it is called and whenever it ends", func(c *cluster) {
		one, other := c.pair()
		for _, key := range append([]string{"*", "?", "[a]", `\`, "\x00", "\n", "\xff", "{a}", ":"}, likelyRecords...) {
			c.set(one, key, "value")
		}
		c.setFor(one, time.Hour, "ends in an hour")
		Expect(other.FlushAll(c.ctx)).To(Succeed())
		c.expectKeys(one, "*")
		c.expectMissing(one, "\x00")
		c.expectMissing(one, "ends in an hour")
		Expect(one.DeleteMany(c.ctx, likelyRecords...)).To(BeZero())
	})

	c.it("flushes thousands of keys", func(c *cluster) {
		one, other := c.pair()
		c.fill(one, "key ", 5000)
		Expect(other.FlushAll(c.ctx)).To(Succeed())
		c.expectKeys(one, "*")
	})

	c.it("flushes a namespace without keys, and one that was just flushed", func(c *cluster) {
		one, other := c.pair()
		Expect(one.FlushAll(c.ctx)).To(Succeed())
		c.set(one, "key", "value")
		Expect(other.FlushAll(c.ctx)).To(Succeed())
		Expect(one.FlushAll(c.ctx)).To(Succeed())
		c.expectKeys(other, "*")
	})

	c.it("keeps what is set after a flush", func(c *cluster) {
		one, other := c.pair()
		for i := range 5 {
			c.set(one, "key", "old")
			Expect(one.FlushAll(c.ctx)).To(Succeed())
			c.set(other, "key", fmt.Sprint("new ", i))
			c.expectValue(one, "key", fmt.Sprint("new ", i))
		}
	})

	c.it("leaves the members as they are when it flushes the keys", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "node", "metadata")
		for _, handle := range []coordination.KeyStore{one, other} {
			c.set(one, "key", "value")
			Expect(handle.FlushAll(c.ctx)).To(Succeed())
			c.expectMember(one, "node", "metadata")
			c.expectNodes(one, "node")
		}
		Expect(one.Heartbeat(c.ctx, "node", time.Minute)).To(Succeed())
	})

	c.it("leaves the leader as it is when it flushes the keys", func(c *cluster) {
		one, other := c.pair()
		term := c.lead(one, "node", time.Minute)
		for _, handle := range []coordination.KeyStore{one, other} {
			c.set(one, "key", "value")
			Expect(handle.FlushAll(c.ctx)).To(Succeed())
			c.expectLeader(other, "node", term)
		}
		Expect(c.lead(one, "node", time.Minute)).To(Equal(term), "the term of a renewal")
	})

	c.it("leaves the subscriptions as they are when it flushes the keys", func(c *cluster) {
		one, other := c.pair()
		subscriptions := []coordination.Subscription{
			c.subscribe(one, "news"), c.subscribe(one, "n*"), c.subscribe(other, "news"), c.subscribe(other, "n*"),
		}
		c.publish(other, "news", "before")
		c.set(one, "news", "value")
		Expect(other.FlushAll(c.ctx)).To(Succeed())
		c.publish(other, "news", "after")
		for _, subscription := range subscriptions {
			c.expectNext(subscription, "before", "after")
		}
	})

	c.it("leaves what other programs keep on the same backend when it flushes the keys", func(c *cluster) {
		foreign := need[Foreign](c, "the subject's backend is shared with nobody")
		handle := c.open()
		there, err := foreign.Store(c.ctx, c.namespace)
		Expect(err).NotTo(HaveOccurred())
		c.set(handle, "key", "value")
		c.expectKeys(handle, "*", "key")
		Expect(handle.FlushAll(c.ctx)).To(Succeed())
		Expect(there(c.ctx)).To(BeTrue(), "what another program stored is still there")
	})
}

// atOnce does the same several times at the same time, on either of two peers,
// and returns the sum of the results.
func (c *cluster) atOnce(one, other coordination.KeyStore, do func(coordination.KeyStore) int) int {
	var running sync.WaitGroup
	var sum atomic.Int64
	for i := range 8 {
		handle := one
		if i%2 > 0 {
			handle = other
		}
		running.Go(func() {
			defer GinkgoRecover()
			sum.Add(int64(do(handle)))
		})
	}
	running.Wait()
	return int(sum.Load())
}
