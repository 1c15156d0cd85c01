package redis

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/riptidecrawler/coordkit/coordination"
)

func TestNarrowedPatternMatchesAllThatThePatternDoes(t *testing.T) {
	for pattern, want := range map[string]string{
		"*": "*", "a*": "a*", "a?c": "a*c", "a??*b": "a*b", "h[ae]llo": "h*", "a*[x": "a*",
		`a\*b*`: `a\*b*`, `\a*`: "a*", `a*\`: `a*\\`, "é*": "é*", `\é*`: "*", "\xff*": "*", "a\xffb*": "a*b*",
		strings.Repeat("a*", 20) + "b": strings.Repeat("a*", 8),
	} {
		if got := narrow(pattern); got != want {
			t.Errorf("narrow(%q) = %q, want %q", pattern, got, want)
		}
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	const alphabet = "ab*?[]^-\\\xc3\xa9"
	text := func() string {
		b := make([]byte, 1+random.IntN(8))
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(b)
	}
	for range 200_000 {
		pattern, name := text(), text()
		if coordination.Match(pattern, name) && !coordination.Match(narrow(pattern), name) {
			t.Fatalf("seed %d: %q matches %q, narrowed to %q it does not", seed, pattern, name, narrow(pattern))
		}
		if !utf8.ValidString(narrow(pattern)) {
			t.Fatalf("seed %d: narrow(%q) = %q is not valid UTF-8", seed, pattern, narrow(pattern))
		}
	}
}

func TestNamespacesAreEscapedSoThatNoneRunsIntoAnother(t *testing.T) {
	for namespace, want := range map[string]string{
		"riptide": "riptide", "a:k": "a%3Ak", "{a}": "%7Ba%7D", "a*": "a%2A", "a%3Ak": "a%253Ak", "é\x00": "%C3%A9%00",
	} {
		if got := escape(namespace); got != want {
			t.Errorf("escape(%q) = %q, want %q", namespace, got, want)
		}
	}
}
