package specs

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (c *contract) deletion() {
	c.it("delete-1", "deletes a key for every peer, and says whether it was there", func(c *cluster) {
		one, other := c.pair()
		c.Expect(one.Delete(c.ctx, "key")).To(BeFalse())
		c.set(one, "key", "value")
		c.Expect(other.Delete(c.ctx, "key")).To(BeTrue())
		c.expectMissing(one, "key")
		c.expectKeys(one, "*")
		c.Expect(one.Delete(c.ctx, "key")).To(BeFalse())
		c.Expect(other.Delete(c.ctx, "key")).To(BeFalse())
	})

	c.it("delete-2", "deletes the keys that are named and no others", func(c *cluster) {
		one, other := c.pair()
		for _, key := range []string{"a", "aa", "A", "a:1", "b", "b:1", "c"} {
			c.set(one, key, "value of "+key)
		}
		c.Expect(other.Delete(c.ctx, "a")).To(BeTrue())
		c.Expect(other.DeleteMany(c.ctx, "b", "c")).To(Equal(2))
		c.expectKeys(one, "*", "A", "a:1", "aa", "b:1")
		c.expectValue(one, "aa", "value of aa")
	})

	c.it("delete-3", "takes no key to be deleted for a pattern", func(c *cluster) {
		one, other := c.pair()
		for _, key := range []string{"a", "ab", "b", "a*"} {
			c.set(one, key, "value")
		}
		for _, key := range []string{"*", "?", "[ab]", `\a`, `a\*`} {
			c.Expect(other.Delete(c.ctx, key)).To(BeFalse(), "%q is there", key)
		}
		c.Expect(other.DeleteMany(c.ctx, "*", "?", "[ab]", `\a`)).To(BeZero())
		c.expectKeys(one, "*", "a", "a*", "ab", "b")
		c.Expect(other.Delete(c.ctx, "a*")).To(BeTrue())
		c.expectKeys(one, "*", "a", "ab", "b")
	})

	c.it("delete-4", "counts of the keys to delete those that were there", func(c *cluster) {
		one, other := c.pair()
		c.set(one, "a", "value")
		c.set(one, "c", "")
		c.Expect(other.DeleteMany(c.ctx, "a", "b", "c", "d")).To(Equal(2))
		c.expectKeys(one, "*")
		c.Expect(one.DeleteMany(c.ctx, "a", "b", "c", "d")).To(BeZero())
	})

	c.it("delete-5", "counts a key that is to be deleted twice once", func(c *cluster) {
		one, other := c.pair()
		c.set(one, "a", "value")
		c.set(one, "b", "value")
		c.Expect(other.DeleteMany(c.ctx, "a", "b", "a", "missing", "a", "missing")).To(Equal(2))
	})

	c.it("delete-6", "counts a key once also where thousands of others are named in between", func(c *cluster) {
		one, other := c.pair()
		keys := c.fill(one, "key ", 2500)
		c.Expect(other.DeleteMany(c.ctx, append(slices.Clone(keys), keys...)...)).To(Equal(len(keys)))
	})

	c.it("delete-7", "deletes none where none is named, without an error", func(c *cluster) {
		handle := c.open()
		c.set(handle, "key", "value")
		c.Expect(handle.DeleteMany(c.ctx)).To(BeZero())
		c.Expect(handle.DeleteMany(c.ctx, []string{}...)).To(BeZero())
		c.expectKeys(handle, "*", "key")
	})

	c.it("delete-8", "deletes 10,000 keys at once", func(c *cluster) {
		one, other := c.pair()
		keys := c.fill(one, "key ", 10_000)
		c.set(one, "another", "value")
		c.Expect(other.DeleteMany(c.ctx, shuffled(keys)...)).To(Equal(10_000))
		c.expectKeys(one, "*", "another")
	})

	c.it("delete-9", "says to one alone of those who delete a key at the same time that it was there", func(c *cluster) {
		one, other := c.pair()
		for range 5 {
			c.set(one, "key", "value")
			c.Expect(c.atOnce(one, other, func(handle coordination.KeyStore) int {
				was, err := handle.Delete(c.ctx, "key")
				c.Expect(err).NotTo(HaveOccurred())
				if was {
					return 1
				}
				return 0
			})).To(Equal(1))
		}
	})

	c.it("delete-10", "counts each key for one alone of those who delete many at the same time", func(c *cluster) {
		one, other := c.pair()
		keys := c.fill(one, "key ", 200)
		c.Expect(c.atOnce(one, other, func(handle coordination.KeyStore) int {
			count, err := handle.DeleteMany(c.ctx, keys...)
			c.Expect(err).NotTo(HaveOccurred())
			return count
		})).To(Equal(200))
	})

	c.it("delete-11", "flushes every key, whatever it is called and whenever it ends", func(c *cluster) {
		one, other := c.pair()
		for _, key := range append([]string{"*", "?", "[a]", `\`, "\x00", "\n", "\xff", "{a}", ":"}, likelyRecords...) {
			c.set(one, key, "value")
		}
		c.setFor(one, time.Hour, "ends in an hour")
		c.Expect(other.FlushAll(c.ctx)).To(Succeed())
		c.expectKeys(one, "*")
		c.expectMissing(one, "\x00")
		c.expectMissing(one, "ends in an hour")
		c.Expect(one.DeleteMany(c.ctx, likelyRecords...)).To(BeZero())
	})

	c.it("delete-12", "flushes thousands of keys", func(c *cluster) {
		one, other := c.pair()
		c.fill(one, "key ", 5000)
		c.Expect(other.FlushAll(c.ctx)).To(Succeed())
		c.expectKeys(one, "*")
	})

	c.it("delete-13", "flushes a namespace without keys, and one that was just flushed", func(c *cluster) {
		one, other := c.pair()
		c.Expect(one.FlushAll(c.ctx)).To(Succeed())
		c.set(one, "key", "value")
		c.Expect(other.FlushAll(c.ctx)).To(Succeed())
		c.Expect(one.FlushAll(c.ctx)).To(Succeed())
		c.expectKeys(other, "*")
	})

	c.it("delete-14", "keeps what is set after a flush", func(c *cluster) {
		one, other := c.pair()
		for i := range 5 {
			c.set(one, "key", "old")
			c.Expect(one.FlushAll(c.ctx)).To(Succeed())
			c.set(other, "key", fmt.Sprint("new ", i))
			c.expectValue(one, "key", fmt.Sprint("new ", i))
		}
	})

	c.it("delete-15", "leaves the members as they are when it flushes the keys", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "node", "metadata")
		for _, handle := range []coordination.KeyStore{one, other} {
			c.set(one, "key", "value")
			c.Expect(handle.FlushAll(c.ctx)).To(Succeed())
			c.expectMember(one, "node", "metadata")
			c.expectNodes(one, "node")
		}
		c.Expect(one.Heartbeat(c.ctx, "node", time.Minute)).To(Succeed())
	})

	c.it("delete-16", "leaves the leader as it is when it flushes the keys", func(c *cluster) {
		one, other := c.pair()
		term := c.lead(one, "node", time.Minute)
		for _, handle := range []coordination.KeyStore{one, other} {
			c.set(one, "key", "value")
			c.Expect(handle.FlushAll(c.ctx)).To(Succeed())
			c.expectLeader(other, "node", term)
		}
		c.Expect(c.lead(one, "node", time.Minute)).To(Equal(term), "the term of a renewal")
	})

	c.it("delete-17", "leaves the subscriptions as they are when it flushes the keys", func(c *cluster) {
		one, other := c.pair()
		subscriptions := []coordination.Subscription{
			c.subscribe(one, "news"), c.subscribe(one, "n*"), c.subscribe(other, "news"), c.subscribe(other, "n*"),
		}
		c.publish(other, "news", "before")
		c.set(one, "news", "value")
		c.Expect(other.FlushAll(c.ctx)).To(Succeed())
		c.publish(other, "news", "after")
		for _, subscription := range subscriptions {
			c.expectNext(subscription, "before", "after")
		}
	})

	c.it("delete-18", "leaves what other programs keep on the same backend when it flushes the keys", func(c *cluster) {
		store := c.foreign()
		handle := c.open()
		there := store()
		c.set(handle, "key", "value")
		c.expectKeys(handle, "*", "key")
		c.Expect(handle.FlushAll(c.ctx)).To(Succeed())
		c.Expect(there()).To(BeTrue(), "what another program stored is still there")
	})

	c.it("delete-19", "finds a key with an empty value when it deletes it, as any other", func(c *cluster) {
		one, other := c.pair()
		c.set(one, "key", "")
		c.Expect(other.Delete(c.ctx, "key")).To(BeTrue())
		c.expectMissing(one, "key")
		c.Expect(other.Delete(c.ctx, "key")).To(BeFalse())
	})
}

// atOnce does the same several times at the same time, on either of two peers,
// and returns the sum of the results.
func (c *cluster) atOnce(one, other coordination.KeyStore, do func(coordination.KeyStore) int) int {
	running := c.group()
	var sum atomic.Int64
	for i := range 8 {
		handle := one
		if i%2 > 0 {
			handle = other
		}
		running.Go(func() {
			sum.Add(int64(do(handle)))
		})
	}
	running.Wait()
	return int(sum.Load())
}
