package specs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// The names that an adapter is likely to have given to records of its own.
var likelyRecords = []string{
	"leader", "nodes", "node", "members", "metadata", "ack", "acks", "term", "lock", "keys", "k", "c", "i",
	":leader", ":nodes", "k:leader", "nodes:n1", "node:n1", "{leader}", "}:members", "}:metadata", "*",
}

func (c *contract) values() {
	c.it("value-1", "returns the value of a key to every peer", func(c *cluster) {
		one, other := c.pair()
		c.set(one, "key", "value")
		c.expectValue(one, "key", "value")
		c.expectValue(other, "key", "value")
	})

	c.it("value-2", "says of a missing key that it is not found, without an error", func(c *cluster) {
		one, other := c.pair()
		c.expectMissing(one, "key")
		c.set(other, "another key", "value")
		c.expectMissing(one, "key")
	})

	c.it("value-3", "finds a value that was given as nil or empty, as an empty slice", func(c *cluster) {
		one, other := c.pair()
		for key, none := range map[string][]byte{"nil": nil, "empty": {}} {
			c.Expect(one.Set(c.ctx, key, none, 0)).To(Succeed())
			c.expectEmptyValue(other, key)
		}
	})

	c.it("value-4", "replaces the value of a key that is set again, also by a shorter one and by none", func(c *cluster) {
		one, other := c.pair()
		c.set(one, "key", "first")
		c.set(other, "key", "and another, longer one")
		c.expectValue(one, "key", "and another, longer one")
		c.set(one, "key", "short")
		c.expectValue(other, "key", "short")
		c.set(other, "key", "")
		c.expectEmptyValue(one, "key")
	})

	c.it("value-5", "shows a peer what was written and what was deleted as soon as the call has returned", func(c *cluster) {
		one, other := c.pair()
		for i := range 20 {
			c.set(one, "key", fmt.Sprint(i))
			c.expectValue(other, "key", fmt.Sprint(i))
			c.expectKeys(other, "k*", "key")
			c.Expect(one.Delete(c.ctx, "key")).To(BeTrue())
			c.expectMissing(other, "key")
			c.expectKeys(other, "k*")
			one, other = other, one
		}
	})

	c.it("value-6", "returns values as they are, with any bytes", func(c *cluster) {
		one, other := c.pair()
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		for _, value := range []string{"\x00", string(every), "a\x00b", "\r\n", "$3\r\nfoo\r\n", "\xff\xfe", "(nil)", "007", "1e3", " "} {
			c.set(one, "key", value)
			c.expectValue(other, "key", value)
		}
	})

	c.it("value-7", "takes keys with any bytes, and tells those apart that look alike", func(c *cluster) {
		one, other := c.pair()
		keys := []string{
			"a", "A", " a", "a ", "a\n", "a\x00", "a\x00b", "\x00", "\n", " ", "0", "00", "\xff", "\xfe\xff", "\xc3", "é", "e\u0301",
			"a:b:c", ":", "a/b", "{a}", "{a}b", "{", "{}", "*", "a*", "?", "a?", "[a]", "[", `\`, `\a`, "%", "%61", "$1", "@", "日本",
		}
		for _, key := range keys {
			c.set(one, key, "value of "+key)
		}
		for _, key := range keys {
			c.expectValue(other, key, "value of "+key)
		}
	})

	c.it("value-8", "keeps a value of 1 MiB", func(c *cluster) {
		one, other := c.pair()
		value := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		c.Expect(one.Set(c.ctx, "large", value, 0)).To(Succeed())
		got, found, err := other.Get(c.ctx, "large")
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(found).To(BeTrue())
		c.Expect(bytes.Equal(got, value)).To(BeTrue(), "the value that was set")
	})

	c.it("value-9", "takes keys of the greatest length, and tells those apart whose last byte differs", func(c *cluster) {
		one, other := c.pair()
		long := strings.Repeat("k", coordination.MaxNameLen-1)
		c.set(one, long+"1", "first")
		c.set(one, long+"2", "second")
		c.expectValue(other, long+"1", "first")
		c.expectKeys(other, "*", long+"1", long+"2")
		c.Expect(other.Delete(c.ctx, long+"1")).To(BeTrue())
		c.expectMissing(one, long+"1")
		c.expectValue(one, long+"2", "second")
	})

	c.it("value-10", "keeps one whole value where peers set a key at the same time", func(c *cluster) {
		one, other := c.pair()
		running := c.group()
		for i := range 8 {
			handle, letter := one, string(rune('a'+i))
			if i%2 > 0 {
				handle = other
			}
			running.Go(func() {
				for length := range 20 {
					c.set(handle, "key", strings.Repeat(letter, 100+length))
				}
			})
		}
		running.Wait()
		value, found, err := one.Get(c.ctx, "key")
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(found).To(BeTrue())
		c.Expect(string(value)).To(Equal(strings.Repeat(string(value[:1]), 119)), "the last value of one of them")
		c.expectValue(other, "key", string(value))
	})

	c.it("value-11", "confuses no key with what the namespace holds besides keys, whatever it is called", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "leader")
		c.register(one, "n1", "metadata of n1")
		term := c.lead(one, "n1", time.Minute)
		unharmed := func() {
			GinkgoHelper()
			c.expectNodes(other, "n1")
			c.expectMember(other, "n1", "metadata of n1")
			c.expectLeader(other, "n1", term)
			c.publish(other, "leader", "still heard")
			c.expectNext(subscription, "still heard")
		}

		names := append([]string{"n1"}, likelyRecords...)
		for _, name := range names {
			c.expectMissing(other, name)
			c.set(other, name, "value of "+name)
		}
		unharmed()
		for _, name := range names {
			c.expectValue(one, name, "value of "+name)
			c.Expect(one.Delete(c.ctx, name)).To(BeTrue())
		}
		unharmed()
	})
}

// set stores a value without an end.
func (c *cluster) set(handle coordination.KeyStore, key, value string) {
	GinkgoHelper()
	c.Expect(handle.Set(c.ctx, key, []byte(value), 0)).To(Succeed(), "setting %.50q", key)
}

// setFor stores a value with a time to live and returns when that has begun.
func (c *cluster) setFor(handle coordination.KeyStore, ttl time.Duration, keys ...string) (start time.Time) {
	GinkgoHelper()
	for _, key := range keys {
		c.Expect(handle.Set(c.ctx, key, []byte("value of "+key), ttl)).To(Succeed(), "setting %.50q", key)
	}
	return time.Now()
}

// fill stores many keys, soon gone by themselves, and returns them in order.
func (c *cluster) fill(handle coordination.KeyStore, prefix string, count int) []string {
	GinkgoHelper()
	const writers = 16
	keys := make([]string, count)
	running := c.group()
	for writer := range writers {
		running.Go(func() {
			for i := writer; i < count; i += writers {
				keys[i] = fmt.Sprintf("%s%05d", prefix, i)
				c.Expect(handle.Set(c.ctx, keys[i], nil, 2*time.Minute)).To(Succeed(), "setting one of many keys")
			}
		})
	}
	running.Wait()
	return keys
}

func (c *cluster) expectValue(handle coordination.KeyStore, key, value string) {
	GinkgoHelper()
	got, found, err := handle.Get(c.ctx, key)
	c.Expect(err).NotTo(HaveOccurred(), "getting %.50q", key)
	c.Expect(found).To(BeTrue(), "%.50q is found", key)
	c.Expect(string(got)).To(Equal(value), "the value of %.50q", key)
}

func (c *cluster) expectEmptyValue(handle coordination.KeyStore, key string) {
	GinkgoHelper()
	value, found, err := handle.Get(c.ctx, key)
	c.Expect(err).NotTo(HaveOccurred(), "getting %.50q", key)
	c.Expect(found).To(BeTrue(), "%.50q is found", key)
	c.Expect(value).NotTo(BeNil())
	c.Expect(value).To(BeEmpty())
}

func (c *cluster) expectMissing(handle coordination.KeyStore, key string) {
	GinkgoHelper()
	value, found, err := handle.Get(c.ctx, key)
	c.Expect(err).NotTo(HaveOccurred(), "getting %.50q", key)
	c.Expect(found).To(BeFalse(), "%.50q is found", key)
	c.Expect(value).To(BeEmpty(), "the value of a missing key")
}

// expectKeys says which keys a pattern lists, in this order.
func (c *cluster) expectKeys(handle coordination.KeyStore, pattern string, keys ...string) {
	GinkgoHelper()
	listed, err := handle.Keys(c.ctx, pattern)
	c.Expect(err).NotTo(HaveOccurred(), "listing %.50q", pattern)
	c.Expect(listed).NotTo(BeNil(), "the keys of %.50q", pattern)
	if !slices.Equal(listed, keys) { // spares the writing out of thousands
		c.Expect(len(listed)).To(Equal(len(keys)), "the number of keys of %.50q, %.300q", pattern, listed)
		c.Expect(listed).To(Equal(keys), "the keys of %.50q", pattern)
	}
}

// shuffled returns a copy in another order, the same one in each run of a seed.
func shuffled(names []string) []string {
	names = slices.Clone(names)
	random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 0))
	random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names
}
