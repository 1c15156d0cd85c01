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
	behaviour string
	pattern   string
	matches   []string
	others    []string
}{
	{"matches with a literal pattern its channel only", "a:b", []string{"a:b"}, []string{"a:", "a:bc", "a:c", "A:b"}},
	{"matches with * any bytes or none, slashes and newlines included", "a*", []string{"a", "ab", "a/b/c", "a\nb", "a\x00"}, []string{"b", "ba"}},
	{"matches with * everything, where it stands alone", "*", []string{"a", "*", "\xff", "a/b"}, nil},
	{"matches with a * in the middle what begins and ends alike", "a*z", []string{"az", "a/z", "azz", "a*z"}, []string{"a", "za", "azy"}},
	{"matches with several * in their order", "*a*b*", []string{"ab", "xaxbx", "aab"}, []string{"ba", "a", "b"}},
	{"matches with ? one byte", "a?c", []string{"abc", "a/c", "a?c", "a\xffc"}, []string{"ac", "abbc"}},
	{"matches with ?? a character of two bytes, and not with ?", "??", []string{"é", "ab"}, []string{"a", "abc", "€"}},
	{"matches with [abc] one of them", "h[ae]llo", []string{"hallo", "hello"}, []string{"hillo", "hllo", "haello"}},
	{"matches with [^a] one byte that is not it", "h[^e]llo", []string{"hallo", "h^llo"}, []string{"hello", "hllo"}},
	{"matches with [a-c] a byte of the range", "n[0-5]", []string{"n0", "n3", "n5"}, []string{"n6", "n-", "n"}},
	{"matches with [c-a] the same range the other way round", "n[5-0]", []string{"n0", "n3", "n5"}, []string{"n6", "n-"}},
	{"matches with several ranges in one class", "[a-cx-z]1", []string{"a1", "c1", "y1"}, []string{"d1", "-1"}},
	{"matches with an escaped wildcard that byte only", `a\*b\?\[`, []string{"a*b?["}, []string{"axb?[", `a\*b?[`}},
	{"matches with an escaped byte in a class that byte", `x[\]\-]`, []string{"x]", "x-"}, []string{`x\`, "xa"}},
	{"matches with a backslash before any other byte that byte", `\a\b`, []string{"ab"}, []string{`\a\b`}},
	{"matches with a backslash at the end a backslash", `a*\`, []string{`a\`, `ab\`}, []string{"a", `a\b`}},
	{"matches with [] nothing", "a[]b", nil, []string{"ab", "a[]b", "a]b"}},
	{"matches with [^] any byte", "a[^]b", []string{"axb", "a]b"}, []string{"ab", "axxb"}},
	{"ends a class without its bracket with the pattern", "a[bc", []string{"ab", "ac"}, []string{"a", "a[bc", "abc"}},
	{"takes ranges of bytes of 0x80 and above", "[\x80-\x90]", []string{"\x80", "\x85", "\x90"}, []string{"\x91", "a", "é"}},
}

func (c contract) patterns() {
	for _, glob := range globs {
		c.it(glob.behaviour, func(c *cluster) {
			one, other := c.pair()
			subscription := c.subscribe(one, glob.pattern)
			end := c.subscribe(one, "the end")
			for _, channel := range append(glob.others, glob.matches...) {
				c.publish(other, channel, "hello")
			}
			for _, channel := range glob.matches {
				Expect(c.next(subscription).Channel).To(Equal(channel), "the next channel that %q matches", glob.pattern)
			}
			c.publish(other, "the end", "end")
			c.expectNext(end, "end") // so that all before it has come in
			if coordination.Match(glob.pattern, "the end") {
				c.expectNext(subscription, "end")
			}
			Expect(c.idle(subscription)).To(BeTrue(), "%q matches nothing else", glob.pattern)
		})
	}

	c.it("matches in linear time where there are many *", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, strings.Repeat("a*", 30)+"b")
		c.publish(other, strings.Repeat("a", 2000), "no")
		c.publish(other, strings.Repeat("a", 2000)+"b", "yes")
		c.expectNext(subscription, "yes")
	})

	c.it("agrees with Match on which of many patterns match a channel", func(c *cluster) {
		one, other := c.pair()
		channels := []string{"a", "b", "ab", "ba", "a-", "]", "^", `\`, "a*", "a[b]"}
		var subscriptions []coordination.Subscription
		for _, head := range []string{"*", "?", "[a", "[^a", `\`, "a"} {
			for _, tail := range []string{"", "]", "*", "-", "-b]", "]*", `\`, "?"} {
				subscriptions = append(subscriptions, c.subscribe(one, head+tail))
			}
		}
		for _, subscription := range subscriptions {
			Expect(subscription).NotTo(BeNil())
		}
		for _, channel := range channels {
			c.publish(other, channel, "hello")
		}
		last := c.subscribe(one, "last")
		c.publish(other, "last", "end")
		c.expectNext(last, "end")
		i := 0
		for _, head := range []string{"*", "?", "[a", "[^a", `\`, "a"} {
			for _, tail := range []string{"", "]", "*", "-", "-b]", "]*", `\`, "?"} {
				pattern := head + tail
				for _, channel := range channels {
					if coordination.Match(pattern, channel) {
						Expect(c.next(subscriptions[i]).Channel).To(Equal(channel), fmt.Sprintf("pattern %q", pattern))
					}
				}
				if !coordination.Match(pattern, "last") {
					Expect(c.idle(subscriptions[i])).To(BeTrue(), fmt.Sprintf("pattern %q", pattern))
				}
				i++
			}
		}
	})
}
