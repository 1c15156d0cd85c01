package specs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (c *contract) keys() {
	c.it("keys-1", "lists the keys by their logical names, each once, on every peer", func(c *cluster) {
		one, other := c.pair()
		for _, key := range []string{"crawl:2", "crawl:1", "index:1"} {
			c.set(one, key, "first")
			c.set(other, key, "second")
		}
		c.expectKeys(one, "*", "crawl:1", "crawl:2", "index:1")
		c.expectKeys(other, "*", "crawl:1", "crawl:2", "index:1")
		c.expectKeys(other, "crawl:*", "crawl:1", "crawl:2")
	})

	c.it("keys-2", "lists keys in ascending order of their bytes", func(c *cluster) {
		one, other := c.pair()
		ordered := []string{"\x00", "\n", "10", "9", "A", "B", "a", "a\x00", "a ", "a10", "a9", "aa", "b", "\x7f", "\x80", "é", "\xff", "\xff\xff"}
		for _, key := range shuffled(ordered) {
			c.set(one, key, "value")
		}
		c.expectKeys(other, "*", ordered...)
	})

	c.it("keys-3", "lists an empty slice where no key matches", func(c *cluster) {
		handle := c.open()
		for _, pattern := range []string{"*", "key", "k*", "[k]ey"} {
			c.expectKeys(handle, pattern)
		}
		c.set(handle, "another", "value")
		for _, pattern := range []string{"k*", "key", "[k]ey"} {
			c.expectKeys(handle, pattern)
		}
	})

	c.it("keys-4", "lists nothing but keys", func(c *cluster) {
		one, other := c.pair()
		c.register(one, "node", "metadata")
		c.lead(one, "node", time.Minute)
		c.subscribe(one, "news")
		c.subscribe(one, "n*")
		_, err := other.PublishWithAck(c.ctx, "news", []byte("nobody reads it"), 10*time.Millisecond)
		c.Expect(err).To(MatchError(coordination.ErrAckTimeout))
		c.expectKeys(other, "*")
		for _, name := range append([]string{"node", "news", c.namespace}, likelyRecords...) {
			c.expectKeys(other, "*"+strings.Trim(name, "*")+"*")
		}
	})

	c.it("keys-5", "matches a pattern with the whole of a key", func(c *cluster) {
		one, other := c.pair()
		for _, key := range []string{"ews", "new", "news", "News", "news:1", "newss", "old news"} {
			c.set(one, key, "value")
		}
		c.expectKeys(other, "news", "news")
		c.expectKeys(other, "new?", "news")
		c.expectKeys(other, "[n]ews", "news")
		c.expectKeys(other, "news*", "news", "news:1", "newss")
		c.expectKeys(other, "*news", "news", "old news")
		c.expectKeys(other, "ew*", "ews")
	})

	c.it("keys-6", "matches with a star any bytes, none and separators included", func(c *cluster) {
		handle := c.store("a", "a\x00b", "a\nb", "a/b", "ab", "abc", "ba", "\xff")
		for pattern, keys := range map[string][]string{
			"*":        {"a", "a\x00b", "a\nb", "a/b", "ab", "abc", "ba", "\xff"},
			"**":       {"a", "a\x00b", "a\nb", "a/b", "ab", "abc", "ba", "\xff"},
			"a*":       {"a", "a\x00b", "a\nb", "a/b", "ab", "abc"},
			"*a":       {"a", "ba"},
			"*b":       {"a\x00b", "a\nb", "a/b", "ab"},
			"a*b":      {"a\x00b", "a\nb", "a/b", "ab"},
			"a***b":    {"a\x00b", "a\nb", "a/b", "ab"},
			"*a*":      {"a", "a\x00b", "a\nb", "a/b", "ab", "abc", "ba"},
			"a*b*c":    {"abc"},
			"*\n*":     {"a\nb"},
			"*\x00*":   {"a\x00b"},
			"*\xff":    {"\xff"},
			"\xff*":    {"\xff"},
			"*c*b*":    {},
			"*a*b*a*b": {},
		} {
			c.expectKeys(handle, pattern, keys...)
		}
	})

	c.it("keys-7", "matches with a question mark one byte, not one character", func(c *cluster) {
		handle := c.store("\n", "a", "a\nb", "ab", "abc", "b", "é", "日", "\xff")
		for pattern, keys := range map[string][]string{
			"?":     {"\n", "a", "b", "\xff"},
			"??":    {"ab", "é"},
			"???":   {"a\nb", "abc", "日"},
			"????":  {},
			"a?":    {"ab"},
			"?b":    {"ab"},
			"a?b":   {"a\nb"},
			"a?c":   {"abc"},
			"?\xa9": {"é"},
			"\xc3?": {"é"},
			"?*":    {"\n", "a", "a\nb", "ab", "abc", "b", "é", "日", "\xff"},
			"*??":   {"a\nb", "ab", "abc", "é", "日"},
		} {
			c.expectKeys(handle, pattern, keys...)
		}
	})

	c.it("keys-8", "matches with a class one byte of its bytes and ranges, or none of them after a caret", func(c *cluster) {
		handle := c.store("-", "5", "B", "^", "a", "ab", "b", "c", "d", "\x80", "\xff")
		for pattern, keys := range map[string][]string{
			"[abc]":       {"a", "b", "c"},
			"[a-c]":       {"a", "b", "c"},
			"[a-bd]":      {"a", "b", "d"},
			"[0-9a]":      {"5", "a"},
			"[x-z]":       {},
			"[a^]":        {"^", "a"},
			"[-a]":        {"-", "a"},
			"[^a]":        {"-", "5", "B", "^", "b", "c", "d", "\x80", "\xff"},
			"[^a-c]":      {"-", "5", "B", "^", "d", "\x80", "\xff"},
			"[^^]":        {"-", "5", "B", "a", "b", "c", "d", "\x80", "\xff"},
			"[a][b]":      {"ab"},
			"a[^a]":       {"ab"},
			"[ab]*":       {"a", "ab", "b"},
			"*[b]":        {"ab", "b"},
			"[\xff]":      {"\xff"},
			"[\x80-\xff]": {"\x80", "\xff"},
			"[^\x80]":     {"-", "5", "B", "^", "a", "b", "c", "d", "\xff"},
		} {
			c.expectKeys(handle, pattern, keys...)
		}
	})

	c.it("keys-9", "takes the byte after a backslash as it is, in a class too", func(c *cluster) {
		handle := c.store("*", "-", "?", "[a]", `\`, `\*`, "]", "a", "a*", "ab")
		for pattern, keys := range map[string][]string{
			`\*`:     {"*"},
			`\?`:     {"?"},
			`\a`:     {"a"},
			`a\*`:    {"a*"},
			`a\b`:    {"ab"},
			`*\*`:    {"*", `\*`, "a*"},
			`\[a]`:   {"[a]"},
			`\[a\]`:  {"[a]"},
			`\[*`:    {"[a]"},
			`\\`:     {`\`},
			`\\*`:    {`\`, `\*`},
			`\\\*`:   {`\*`},
			`[\]]`:   {"]"},
			`[\]a]`:  {"]", "a"},
			`[\\]`:   {`\`},
			`[*?]`:   {"*", "?"},
			`[\*]`:   {"*"},
			`[*\-a]`: {"*", "-", "a"},
			`[^\]a]`: {"*", "-", "?", `\`},
		} {
			c.expectKeys(handle, pattern, keys...)
		}
	})

	c.it("keys-10", "reads malformed patterns as Redis does", func(c *cluster) {
		handle := c.store("-", "[", `\`, "]", "^", "a", "a[", `a\`, "a]", "ab", "b", "bb", "c", "d")
		single := []string{"-", "[", `\`, "]", "^", "a", "b", "c", "d"}
		for pattern, keys := range map[string][]string{
			"[c-a]":   {"a", "b", "c"},
			"[^c-a]":  {"-", "[", `\`, "]", "^", "d"},
			"[]":      {},
			"[]a]":    {},
			"*[]":     {},
			"[^]":     single,
			"[":       {},
			"a[":      {},
			"[^":      single,
			"[ab":     {"a", "b"},
			"a[ab":    {"ab"},
			"[^a":     {"-", "[", `\`, "]", "^", "b", "c", "d"},
			"[a-":     {"-", "a"},
			"[a-]":    {"]", "^", "a"},
			"[a-]b]":  {"]", "^", "a", "b"},
			"[[]":     {"["},
			`[a\`:     {`\`, "a"},
			`[\`:      {`\`},
			`\`:       {`\`},
			`a\`:      {`a\`},
			`*\`:      {`\`, `a\`},
			"]":       {"]"},
			"a]":      {"a]"},
			"*[b-a]]": {"a]"},
		} {
			c.expectKeys(handle, pattern, keys...)
		}
	})

	c.it("keys-11", "matches keys as coordination.Match does, for many odd patterns", func(c *cluster) {
		const alphabet = "ab-][^\\*?\xff\xc3\xa9\n"
		random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 0))
		words := func(count, longest int) (words []string) {
			for range count {
				word := make([]byte, 1+random.IntN(longest))
				for i := range word {
					word[i] = alphabet[random.IntN(len(alphabet))]
				}
				words = append(words, string(word))
			}
			return words
		}
		keys := words(80, 4)
		slices.Sort(keys)
		keys = slices.Compact(keys)
		handle := c.store(keys...)
		for _, pattern := range words(100, 8) {
			c.expectKeys(handle, pattern, slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
				return !coordination.Match(pattern, key)
			})...)
		}
	})

	c.it("keys-12", "matches patterns with very many stars", func(c *cluster) {
		const stars = coordination.MaxNameLen / 2
		handle := c.store(strings.Repeat("a", stars), strings.Repeat("a", stars)+"b")
		c.expectKeys(handle, strings.Repeat("a*", stars), strings.Repeat("a", stars), strings.Repeat("a", stars)+"b")
		c.expectKeys(handle, strings.Repeat("*a", stars), strings.Repeat("a", stars))
		c.expectKeys(handle, strings.Repeat("*", 2*stars), strings.Repeat("a", stars), strings.Repeat("a", stars)+"b")
	})

	c.it("keys-13", "takes no exponential time for a pattern of many stars that matches nothing", func(c *cluster) {
		// It either returns or does not, within the ages of this world.
		handle := c.store(strings.Repeat("a", coordination.MaxNameLen))
		c.expectKeys(handle, "a*a*a*a*b")
		c.expectKeys(handle, strings.Repeat("a*", 40)+"b")
		c.expectKeys(handle, strings.Repeat("*a", 40)+"?b*")
	})

	c.it("keys-14", "takes no byte of its own namespace for a pattern", func(c *cluster) {
		like := c.openIn(c.namespace + "a")
		c.set(like, "key", "value")
		for _, odd := range []string{"*", "?", "[a]", `\a`, "[^b]", "["} {
			handle := c.openIn(c.namespace + odd)
			c.expectKeys(handle, "*")
			c.set(handle, "own", "value")
			c.expectKeys(handle, "*", "own")
			c.expectKeys(handle, "o*", "own")
			c.expectKeys(handle, "own", "own")
		}
	})

	c.it("keys-15", "lists names that DeleteMany takes as they are", func(c *cluster) {
		one, other := c.pair()
		for _, key := range []string{"page:1", "page:*", "page:[2]", "page:\\", "page:\n", "page:\xff", "other"} {
			c.set(one, key, "value")
		}
		listed, err := other.Keys(c.ctx, "page:*")
		c.Expect(err).NotTo(HaveOccurred())
		c.Expect(listed).To(HaveLen(6))
		c.Expect(one.DeleteMany(c.ctx, listed...)).To(Equal(6))
		c.expectKeys(one, "*", "other")
	})

	c.it("keys-16", "lists each of 5,000 keys once, in order", func(c *cluster) {
		one, other := c.pair()
		keys := c.fill(one, "key ", 5000)
		c.expectKeys(other, "*", keys...)
		c.expectKeys(other, "key 0[0-3]*", keys[:4000]...)
		c.expectKeys(other, "key ??42?", slices.DeleteFunc(keys, func(key string) bool { return key[6:8] != "42" })...)
	})

	c.it("keys-17", "lists every key that is there throughout the walk, while others come and go", func(c *cluster) {
		one, other := c.pair()
		keys := c.fill(one, "stays ", 2500)
		running := c.group()
		defer running.Wait()
		stop := make(chan struct{})
		defer close(stop)
		for churner := range 4 {
			running.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					c.Expect(one.Set(c.ctx, fmt.Sprint("goes ", churner, " ", i), nil, time.Hour)).To(Succeed())
					if i >= 200 {
						c.Expect(one.Delete(c.ctx, fmt.Sprint("goes ", churner, " ", i-200))).To(BeTrue())
					}
					c.Expect(one.Set(c.ctx, keys[(i*4+churner)%len(keys)], []byte("anew"), 0)).To(Succeed())
					if i%50 == 0 {
						c.pass(time.Microsecond) // or no time passes in virtual time
					}
				}
			})
		}
		for range 4 {
			listed, err := other.Keys(c.ctx, "*")
			c.Expect(err).NotTo(HaveOccurred())
			c.Expect(slices.IsSorted(listed)).To(BeTrue(), "ascending order")
			c.Expect(slices.Compact(slices.Clone(listed))).To(HaveLen(len(listed)), "each once")
			listed = slices.DeleteFunc(listed, func(key string) bool { return strings.HasPrefix(key, "goes ") })
			c.Expect(slices.Equal(listed, keys)).To(BeTrue(), "all that stay are listed")
		}
	})
}

// store opens two peers, stores keys through one and returns the other.
func (c *cluster) store(keys ...string) coordination.DistributedCoordination {
	GinkgoHelper()
	one, other := c.pair()
	for _, key := range shuffled(keys) {
		c.set(one, key, "value")
	}
	return other
}
