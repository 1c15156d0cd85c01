package specs

import (
	"time"

	. "github.com/onsi/gomega"
)

// exactly is why a spec needs virtual time.
const exactly = "real time is too coarse to tell"

func (c *contract) expiry() {
	c.it("ttl-1", "returns a key until its time ends, and no longer", func(c *cluster) {
		one, other := c.pair()
		start := c.setFor(one, c.shortly, "key")
		c.nearlyPast(start, c.shortly)
		c.expectValue(one, "key", "value of key")
		c.expectValue(other, "key", "value of key")
		c.past(start, c.shortly)
		c.expectMissing(one, "key")
		c.expectMissing(other, "key")
	})

	c.it("ttl-2", "lists a key until its time ends, and no longer", func(c *cluster) {
		one, other := c.pair()
		c.set(one, "stays", "value")
		start := c.setFor(one, c.shortly, "key")
		c.nearlyPast(start, c.shortly)
		c.expectKeys(other, "*", "key", "stays")
		c.expectKeys(other, "key", "key")
		c.past(start, c.shortly)
		c.expectKeys(other, "*", "stays")
		c.expectKeys(other, "key")
		c.expectKeys(other, "k*")
	})

	c.it("ttl-3", "deletes a key until its time ends, and then finds nothing to delete", func(c *cluster) {
		one, other := c.pair()
		start := c.setFor(one, c.shortly, "early", "late")
		c.nearlyPast(start, c.shortly)
		c.Expect(other.Delete(c.ctx, "early")).To(BeTrue())
		c.past(start, c.shortly)
		c.Expect(other.Delete(c.ctx, "late")).To(BeFalse())
	})

	c.it("ttl-4", "counts a key among many deleted until its time ends, and no longer", func(c *cluster) {
		one, other := c.pair()
		start := c.setFor(one, c.shortly, "early 1", "early 2", "late 1", "late 2")
		c.set(one, "stays", "value")
		c.nearlyPast(start, c.shortly)
		c.Expect(other.DeleteMany(c.ctx, "early 1", "early 2")).To(Equal(2))
		c.past(start, c.shortly)
		c.Expect(other.DeleteMany(c.ctx, "late 1", "late 2", "stays")).To(Equal(1))
	})

	c.it("ttl-5", "ends a thousand keys at the same moment for every method", func(c *cluster) {
		one, other := c.pair()
		var keys []string
		for _, letter := range "abcdefghij" {
			for i := range 100 {
				keys = append(keys, string(letter)+string(rune(' '+i)))
			}
		}
		start := c.setFor(one, c.briefly, keys...)
		c.past(start, c.briefly)
		c.expectKeys(other, "*")
		c.expectMissing(other, keys[500])
		c.Expect(other.Delete(c.ctx, keys[0])).To(BeFalse())
		c.Expect(other.DeleteMany(c.ctx, keys...)).To(BeZero())
	})

	c.it("ttl-6", "ends each key at a time of its own", func(c *cluster) {
		one, other := c.pair()
		c.set(one, "never", "value")
		c.setFor(one, time.Hour, "late")
		start := c.setFor(one, c.shortly, "soon")
		c.setFor(one, c.shortly/2, "sooner")
		c.past(start, c.shortly/2+c.shortly/6)
		c.expectKeys(other, "*", "late", "never", "soon")
		c.past(start, c.shortly)
		c.expectKeys(other, "*", "late", "never")
	})

	c.it("ttl-7", "holds times to live to the millisecond", func(c *cluster) {
		need[VirtualTime](c, exactly)
		one, other := c.pair()
		for _, ttl := range []time.Duration{
			time.Millisecond, 2 * time.Millisecond, 17 * time.Millisecond, 500 * time.Millisecond,
			999 * time.Millisecond, 1001 * time.Millisecond, 1500 * time.Millisecond, 2999 * time.Millisecond,
		} {
			start := c.setFor(one, ttl, "key")
			c.nearlyPast(start, ttl)
			c.expectValue(other, "key", "value of key")
			c.past(start, ttl)
			c.expectMissing(other, "key")
		}
	})

	c.it("ttl-8", "rounds a time to live up to whole milliseconds", func(c *cluster) {
		need[VirtualTime](c, exactly)
		one, other := c.pair()
		for ttl, end := range map[time.Duration]time.Duration{
			time.Millisecond + 1:               2 * time.Millisecond,
			1500 * time.Microsecond:            2 * time.Millisecond,
			2*time.Millisecond - 1:             2 * time.Millisecond,
			time.Second + 400*time.Microsecond: 1001 * time.Millisecond,
		} {
			start := c.setFor(one, ttl, "key")
			c.pass(end - 100*time.Microsecond)
			c.expectValue(other, "key", "value of key")
			c.past(start, end)
			c.expectMissing(other, "key")
		}
	})

	c.it("ttl-9", "ends a key whose time to live is no whole number of milliseconds", func(c *cluster) {
		one, other := c.pair()
		const ttl = 1500 * time.Microsecond
		c.past(c.setFor(one, ttl, "key"), c.briefly)
		c.expectMissing(other, "key")
	})

	c.it("ttl-10", "keeps a key whose time to live is zero without an end", func(c *cluster) {
		one, other := c.pair()
		wait := c.briefly
		if c.virtual {
			wait = 11 * time.Hour
		}
		c.past(c.setFor(one, 0, "key"), wait)
		c.expectValue(other, "key", "value of key")
		c.expectKeys(other, "*", "key")
	})

	c.it("ttl-11", "keeps a key for hours where its time to live says so, and then ends it", func(c *cluster) {
		need[VirtualTime](c, "takes hours of real time")
		one, other := c.pair()
		const ttl = 11*time.Hour + 345*time.Millisecond
		start := c.setFor(one, ttl, "key")
		c.nearlyPast(start, ttl)
		c.expectValue(other, "key", "value of key")
		c.past(start, ttl)
		c.expectMissing(other, "key")
	})

	c.it("ttl-12", "removes the end of a key that is set again without one", func(c *cluster) {
		one, other := c.pair()
		start := c.setFor(one, c.shortly/3, "key")
		c.set(other, "key", "for good")
		c.past(start, c.shortly/3)
		c.expectValue(one, "key", "for good")
		c.expectKeys(one, "*", "key")
	})

	c.it("ttl-13", "gives an end to a key that is set again with one", func(c *cluster) {
		one, other := c.pair()
		c.set(one, "key", "for good")
		c.past(c.setFor(other, c.briefly, "key"), c.briefly)
		c.expectMissing(one, "key")
		c.expectKeys(one, "*")
	})

	c.it("ttl-14", "replaces a time to live by a shorter one", func(c *cluster) {
		one, other := c.pair()
		c.setFor(one, time.Hour, "key")
		c.past(c.setFor(other, c.briefly, "key"), c.briefly)
		c.expectMissing(one, "key")
		c.expectKeys(one, "*")
	})

	c.it("ttl-15", "starts a time to live anew with each Set", func(c *cluster) {
		one, other := c.pair()
		start := c.setFor(one, c.shortly, "key")
		c.nearlyPast(start, c.shortly)
		restart := c.setFor(other, c.shortly, "key")
		c.past(start, c.shortly)
		c.expectValue(one, "key", "value of key")
		c.past(restart, c.shortly)
		c.expectMissing(one, "key")
	})

	c.it("ttl-16", "does not lengthen a time to live by reading", func(c *cluster) {
		one, other := c.pair()
		start := c.setFor(one, c.shortly, "key")
		c.nearlyPast(start, c.shortly)
		c.expectValue(other, "key", "value of key")
		c.expectKeys(other, "*", "key")
		c.past(start, c.shortly)
		c.expectMissing(other, "key")
	})

	c.it("ttl-17", "keeps a key that is set again after its time has ended", func(c *cluster) {
		one, other := c.pair()
		c.past(c.setFor(one, c.briefly, "key"), c.briefly)
		restart := c.setFor(other, 0, "key")
		c.past(restart, c.briefly)
		c.expectValue(one, "key", "value of key")
		c.expectKeys(one, "*", "key")
	})

	c.it("ttl-18", "forgets the end of a key that is deleted or flushed", func(c *cluster) {
		one, other := c.pair()
		start := c.setFor(one, c.shortly, "deleted", "deleted among many", "flushed")
		c.Expect(one.Delete(c.ctx, "deleted")).To(BeTrue())
		c.Expect(one.DeleteMany(c.ctx, "deleted among many")).To(Equal(1))
		c.Expect(one.FlushAll(c.ctx)).To(Succeed())
		c.setFor(other, 0, "deleted", "deleted among many", "flushed")
		c.past(start, c.shortly)
		c.expectKeys(one, "*", "deleted", "deleted among many", "flushed")
	})
}
