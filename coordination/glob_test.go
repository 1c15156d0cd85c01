package coordination_test

import (
	"strings"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
)

// matchCases are also the first inputs of FuzzMatchAgreesWithServer, so that a
// wrong expectation here is found out by a real server.
var matchCases = []struct {
	pattern, name string
	want          bool
}{
	// Literals, byte for byte and as a whole.
	{"crawl", "crawl", true},
	{"crawl", "crawler", false},
	{"crawl", "craw", false},
	{"crawl", "Crawl", false},
	{"", "", true},
	{"", "a", false},
	{"a", "", false},
	{"]", "]", true},
	{"-", "-", true},
	{"^", "^", true},

	// A * takes any bytes, none and separators included.
	{"*", "", true},
	{"**", "", true},
	{"*", "a/b.c\nd", true},
	{"a*", "a", true},
	{"a*", "ba", false},
	{"*a", "bba", true},
	{"*a", "bab", false},
	{"a*c", "abbc", true},
	{"a*c", "abcb", false},
	{"a**c", "ac", true},
	{"a***", "a", true},
	{"*ab", "aab", true},
	{"*aab*", "aaaabb", true},
	{"a*b*c", "a-b-b-c", true},
	{"a*b*c", "a-c-b", false},
	{"*?", "a", true},
	{"*?", "", false},
	{"?*?", "a", false},
	{"?*?", "ab", true},

	// A ? takes one byte, not one character.
	{"a?c", "abc", true},
	{"a?c", "ac", false},
	{"a?c", "a\nc", true},
	{"a?c", "a\x00c", true},
	{"?", "é", false},
	{"??", "é", true},
	{"?", "\xff", true},

	// Classes.
	{"[abc]", "b", true},
	{"[abc]", "d", false},
	{"[abc]", "ab", false},
	{"[abc]", "", false},
	{"x[abc]y", "xcy", true},
	{"[^abc]", "d", true},
	{"[^abc]", "a", false},
	{"[^abc]", "", false},
	{"[^a]", "\n", true},
	{"[a^]", "^", true},
	{"[!a]", "b", false},
	{"[!a]", "!", true},
	{"[*]", "*", true},
	{"[*]", "a", false},
	{"[?]", "a", false},
	{"[[]", "[", true},
	{"*[ab]*", "--b--", true},
	{"*[ab]*", "--c--", false},
	{"[a][b]", "ab", true},

	// Ranges.
	{"[a-c]", "b", true},
	{"[a-c]", "c", true},
	{"[a-c]", "d", false},
	{"[a-c]", "-", false},
	{"[c-a]", "b", true},
	{"[c-a]", "d", false},
	{"[^c-a]", "b", false},
	{"[^a-c]", "d", true},
	{"[a-cx-z]", "y", true},
	{"[a-cx-z]", "m", false},
	{"[-a]", "-", true},
	{"[-a]", "a", true},
	{"[a-a]", "a", true},
	{"[a-b-d]", "c", false},
	{"[a-b-d]", "-", true},
	{"[--a]", "Z", true},

	// A - takes the byte after it as the end of the range, be it a ].
	{"[a-]", "a", true},
	{"[a-]", "]", true},
	{"[a-]", "-", false},
	{"[a-]", "^", true},
	{"[a-]b]", "b", true},
	{"[a-]b]", "_", true},
	{"[a-]b", "b", true},
	{"[a-", "-", true},
	{"[a-", "b", false},

	// Escapes, outside of a class and in it.
	{`\*`, "*", true},
	{`\*`, "a", false},
	{`\?`, "?", true},
	{`\?`, "a", false},
	{`\[a]`, "[a]", true},
	{`\[a]`, "a", false},
	{`\a`, "a", true},
	{`\\`, `\`, true},
	{`\\`, `\\`, false},
	{`\\*`, `\abc`, true},
	{`*\*`, "ab*", true},
	{`*\*`, "abc", false},
	{`[\]]`, "]", true},
	{`[\]]`, `\`, false},
	{`[\\]`, `\`, true},
	{`[\^]`, "^", true},
	{`[^\^]`, "^", false},
	{`[a\-c]`, "b", false},
	{`[a\-c]`, "-", true},
	{`[\a-c]`, "b", false},
	{`[\a-c]`, "-", true},
	{`[a-\c]`, "b", false}, // a to \, and c
	{`[a-\c]`, "]", true},
	{`[a-\]`, "]", true},
	{`[a-\]`, "b", false},

	// A backslash at the end stands for itself.
	{`\`, `\`, true},
	{`\`, "a", false},
	{`a\`, `a\`, true},
	{`a\`, "a", false},
	{`*\`, `ab\`, true},
	{`[\`, `\`, true},
	{`[\`, "a", false},
	{`[a\`, `\`, true},
	{`[\a`, "a", true},
	{`[\a`, `\`, false},
	{`[^\`, `\`, false},

	// Empty classes: [] matches nothing, [^] any one byte.
	{"[]", "a", false},
	{"[]", "]", false},
	{"[]", "[]", false},
	{"[]", "", false},
	{"[]a]", "a", false},
	{"[]a]", "]a]", false},
	{"*[]", "a", false},
	{"[^]", "a", true},
	{"[^]", "^", true},
	{"[^]", "]", true},
	{"[^]", "", false},
	{"[^]", "ab", false},
	{"[^]a]", "xa]", true},

	// A class without its ] ends with the pattern.
	{"[", "[", false},
	{"[", "a", false},
	{"[", "", false},
	{"[^", "a", true},
	{"[^", "^", true},
	{"[^", "", false},
	{"[a", "a", true},
	{"[a", "[a", false},
	{"[abc", "c", true},
	{"[abc", "cd", false},
	{"[^abc", "c", false},
	{"[^abc", "d", true},
	{"[a-c", "b", true},
	{"[a*", "ab", false},
	{"[a*", "*", true},
	{"*[a", "bba", true},
	{"x[", "x", false},
	{"x[a", "xa", true},

	// Bytes of 0x80 and above are matched as bytes, and are less than 0x00 in
	// a range.
	{"\xff", "\xff", true},
	{"\xff", "\xfe", false},
	{"é", "é", true},
	{"[é]", "é", false},
	{"[é]", "\xa9", true},
	{"[^a]", "\x80", true},
	{"[\x80-\xff]", "\xc3", true},
	{"[\x80-\xff]", "a", false},
	{"[\xff-\x01]", "\x00", true},
	{"[\xff-\x01]", "\x80", false},
	{"[a-\xff]", "\x01", true},
	{"[a-\xff]", "z", false},
	{"[\x00-\x7f]", "\x80", false},
	{"[\x80-\x7f]", "a", true},
	{"[\x00-a]", "\x00", true},

	// Newlines and NUL bytes are bytes like any other.
	{"a\nb", "a\nb", true},
	{"a*b", "a\n\nb", true},
	{"a\x00*", "a\x00b", true},
	{"a\x00*", "a", false},
	{"[\n]", "\n", true},
	{"[\x00]", "\x00", true},
}

func TestMatchDecidesAsRedisDoes(t *testing.T) {
	for _, c := range matchCases {
		if got := coordination.Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v, want %v", c.pattern, c.name, got, c.want)
		}
		if got := reference(c.pattern, c.name); got != c.want {
			t.Errorf("reference(%q, %q) = %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

func TestMatchAndLiteralPrefixAllocateNothing(t *testing.T) {
	for _, c := range matchCases {
		if n := testing.AllocsPerRun(10, func() { coordination.Match(c.pattern, c.name) }); n != 0 {
			t.Errorf("Match(%q, %q) allocates %v times", c.pattern, c.name, n)
		}
		if strings.Contains(c.pattern, `\`) {
			continue // its literal prefix is no substring of the pattern
		}
		if n := testing.AllocsPerRun(10, func() { coordination.LiteralPrefix(c.pattern) }); n != 0 {
			t.Errorf("LiteralPrefix(%q) allocates %v times", c.pattern, n)
		}
	}
}

// A matcher that goes back to every * would try some 10^50 ways for the first
// of these and never end; the test's time-out is its only clock.
func TestMatchNeverTakesExponentialTime(t *testing.T) {
	name := strings.Repeat("a", coordination.MaxNameLen)
	for _, pattern := range []string{
		strings.Repeat("a*", 20) + "b",
		strings.Repeat("*a", coordination.MaxNameLen/2-1) + "*b",
		strings.Repeat("*?", 20) + "[b]",
		strings.Repeat("*[a]", 20) + "b",
		"*" + strings.Repeat("a", coordination.MaxNameLen/8) + "b",
	} {
		if coordination.Match(pattern, name) {
			t.Errorf("Match(%.20q..., 4096 of a) = true", pattern)
		}
		if !coordination.Match(pattern, name+"b") {
			t.Errorf("Match(%.20q..., 4096 of a and b) = false", pattern)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	const key = "riptide:cache:invalidate:pages:42"
	for _, c := range []struct{ title, pattern, name string }{
		{"literal", key, key},
		{"prefix", "riptide:cache:*", key},
		{"middle", "riptide:*:42", key},
		{"three stars", "riptide:*:invalidate:*:*", key},
		{"class", "riptide:[a-c]ache:[^x]*", key},
		{"miss", "other:*", key},
		{"a*a*a*a*b", "a*a*a*a*b", strings.Repeat("a", 64)},
		{"a*a*a*a*b*", "a*a*a*a*b*", strings.Repeat("a", 64)},
	} {
		b.Run(c.title, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				coordination.Match(c.pattern, c.name)
			}
		})
	}
}
