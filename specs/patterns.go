package specs

import (
	"fmt"
	"strings"

	"github.com/riptidecrawler/coordkit/coordination"

	. "github.com/onsi/gomega"
)

// globs are patterns with channels that they match and others that they do not,
// as the glob of Redis has it.
var globs = []struct {
	id        string
	behaviour string
	pattern   string
	matches   []string
	others    []string
}{
	{"pattern-1", "matches with a literal pattern its channel only", "a:b", []string{"a:b"}, []string{"a:", "a:bc", "a:c", "A:b"}},
	{"pattern-2", "matches with * any bytes or none, slashes and newlines included", "a*", []string{"a", "ab", "a/b/c", "a\nb", "a\x00"}, []string{"b", "ba"}},
	{"pattern-3", "matches with * everything, where it stands alone", "*", []string{"a", "*", "\xff", "a/b"}, nil},
	{"pattern-4", "matches with a * in the middle what begins and ends alike", "a*z", []string{"az", "a/z", "azz", "a*z"}, []string{"a", "za", "azy"}},
	{"pattern-5", "matches with several * in their order", "*a*b*", []string{"ab", "xaxbx", "aab"}, []string{"ba", "a", "b"}},
	{"pattern-6", "matches with ? one byte", "a?c", []string{"abc", "a/c", "a?c", "a\xffc"}, []string{"ac", "abbc"}},
	{"pattern-7", "matches with ?? a character of two bytes, and not with ?", "??", []string{"é", "ab"}, []string{"a", "abc", "€"}},
	{"pattern-8", "matches with [abc] one of them", "h[ae]llo", []string{"hallo", "hello"}, []string{"hillo", "hllo", "haello"}},
	{"pattern-9", "matches with [^a] one byte that is not it", "h[^e]llo", []string{"hallo", "h^llo"}, []string{"hello", "hllo"}},
	{"pattern-10", "matches with [a-c] a byte of the range", "n[0-5]", []string{"n0", "n3", "n5"}, []string{"n6", "n-", "n"}},
	{"pattern-11", "matches with [c-a] the same range the other way round", "n[5-0]", []string{"n0", "n3", "n5"}, []string{"n6", "n-"}},
	{"pattern-12", "matches with several ranges in one class", "[a-cx-z]1", []string{"a1", "c1", "y1"}, []string{"d1", "-1"}},
	{"pattern-13", "matches with an escaped wildcard that byte only", `a\*b\?\[`, []string{"a*b?["}, []string{"axb?[", `a\*b?[`}},
	{"pattern-14", "matches with an escaped byte in a class that byte", `x[\]\-]`, []string{"x]", "x-"}, []string{`x\`, "xa"}},
	{"pattern-15", "matches with a backslash before any other byte that byte", `\a\b`, []string{"ab"}, []string{`\a\b`}},
	{"pattern-16", "matches with a backslash at the end a backslash", `a*\`, []string{`a\`, `ab\`}, []string{"a", `a\b`}},
	{"pattern-17", "matches with [] nothing", "a[]b", nil, []string{"ab", "a[]b", "a]b"}},
	{"pattern-18", "matches with [^] any byte", "a[^]b", []string{"axb", "a]b"}, []string{"ab", "axxb"}},
	{"pattern-19", "ends a class without its bracket with the pattern", "a[bc", []string{"ab", "ac"}, []string{"a", "a[bc", "abc"}},
	{"pattern-20", "takes ranges of bytes of 0x80 and above", "[\x80-\x90]", []string{"\x80", "\x85", "\x90"}, []string{"\x91", "a", "é"}},
}

func (c *contract) patterns() {
	for _, glob := range globs {
		c.it(glob.id, glob.behaviour, func(c *cluster) {
			one, other := c.pair()
			subscription := c.subscribe(one, glob.pattern)
			end := c.subscribe(one, "the end")
			for _, channel := range append(glob.others, glob.matches...) {
				c.publish(other, channel, "hello")
			}
			for _, channel := range glob.matches {
				c.Expect(c.next(subscription).Channel).To(Equal(channel), "the next channel that %q matches", glob.pattern)
			}
			c.publish(other, "the end", "end")
			c.expectNext(end, "end") // so that all before it has come in
			if coordination.Match(glob.pattern, "the end") {
				c.expectNext(subscription, "end")
			}
			c.Expect(c.idle(subscription)).To(BeTrue(), "%q matches nothing else", glob.pattern)
		})
	}

	c.it("pattern-21", "matches in linear time where there are many *", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, strings.Repeat("a*", 30)+"b")
		c.publish(other, strings.Repeat("a", 2000), "no")
		c.publish(other, strings.Repeat("a", 2000)+"b", "yes")
		c.expectNext(subscription, "yes")
	})

	c.it("pattern-22", "agrees with Match on which of many patterns match a channel", func(c *cluster) {
		one, other := c.pair()
		channels := []string{"a", "b", "ab", "ba", "a-", "]", "^", "!", `\`, "a*", "a[b]"}
		var subscriptions []coordination.Subscription
		for _, head := range []string{"*", "?", "[a", "[^a", "[!a", `\`, "a"} {
			for _, tail := range []string{"", "]", "*", "-", "-b]", "]*", `\`, "?"} {
				subscriptions = append(subscriptions, c.subscribe(one, head+tail))
			}
		}
		for _, subscription := range subscriptions {
			c.Expect(subscription).NotTo(BeNil())
		}
		for _, channel := range channels {
			c.publish(other, channel, "hello")
		}
		last := c.subscribe(one, "last")
		c.publish(other, "last", "end")
		c.expectNext(last, "end")
		i := 0
		for _, head := range []string{"*", "?", "[a", "[^a", "[!a", `\`, "a"} {
			for _, tail := range []string{"", "]", "*", "-", "-b]", "]*", `\`, "?"} {
				pattern := head + tail
				for _, channel := range channels {
					if coordination.Match(pattern, channel) {
						c.Expect(c.next(subscriptions[i]).Channel).To(Equal(channel), fmt.Sprintf("pattern %q", pattern))
					}
				}
				if !coordination.Match(pattern, "last") {
					c.Expect(c.idle(subscriptions[i])).To(BeTrue(), fmt.Sprintf("pattern %q", pattern))
				}
				i++
			}
		}
	})
}
