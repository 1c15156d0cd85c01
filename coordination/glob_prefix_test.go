package coordination_test

import (
	"strings"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
)

func TestLiteralPrefixResolvesEscapes(t *testing.T) {
	for _, c := range []struct {
		pattern, prefix string
		exact           bool
	}{
		{"", "", true},
		{"crawl", "crawl", true},
		{"crawl:*", "crawl:", false},
		{"*", "", false},
		{"a?b", "a", false},
		{"a[b]", "a", false},
		{"a[", "a", false},
		{"a]b-^", "a]b-^", true},
		{`a\*`, "a*", true},
		{`a\*b*`, "a*b", false},
		{`\?\[\]`, "?[]", true},
		{`\\`, `\`, true},
		{`a\`, `a\`, true},
		{`\a\`, `a\`, true},
		{`\a?\`, "a", false},
		{"é\xff*", "é\xff", false},
		{"\xc3", "\xc3", true},
		{"\xc3*", "\xc3", false},
		{"\xe2\x82[a]", "\xe2\x82", false},
		{"longer than eight bytes\xc3*", "longer than eight bytes\xc3", false},
	} {
		prefix, exact := coordination.LiteralPrefix(c.pattern)
		if prefix != c.prefix || exact != c.exact {
			t.Errorf("LiteralPrefix(%q) = %q, %v, want %q, %v", c.pattern, prefix, exact, c.prefix, c.exact)
		}
	}
}

// All patterns and names of up to four bytes from a small alphabet are few
// enough to try each with each.
func TestLiteralPrefixAgreesWithMatch(t *testing.T) {
	words := wordsUpTo(4, `a*?[]\`)
	for _, pattern := range words {
		prefix, exact := coordination.LiteralPrefix(pattern)
		matched := 0
		for _, name := range words {
			if !coordination.Match(pattern, name) {
				continue
			}
			matched++
			if !strings.HasPrefix(name, prefix) {
				t.Errorf("%q matches %q, which lacks the prefix %q", pattern, name, prefix)
			}
		}
		switch {
		case exact && (matched != 1 || !coordination.Match(pattern, prefix)):
			t.Errorf("%q should match exactly %q, and matches %d names", pattern, prefix, matched)
		case !exact && matched <= 1 && !strings.Contains(pattern, "["):
			// A class of a single byte matches one name, or none, and is a
			// wildcard all the same.
			t.Errorf("%q has wildcards, and matches %d names", pattern, matched)
		}
	}
}

// wordsUpTo returns all words of up to length bytes, the empty one first.
func wordsUpTo(length int, alphabet string) []string {
	words := []string{""}
	for start := 0; length > 0; length-- {
		end := len(words)
		for _, word := range words[start:end] {
			for i := range len(alphabet) {
				words = append(words, word+alphabet[i:i+1])
			}
		}
		start = end
	}
	return words
}
