package coordination_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
)

// FuzzMatchAgreesWithServer compares Match with the reference, and with what a
// real server decides.
func FuzzMatchAgreesWithServer(f *testing.F) {
	for _, c := range matchCases {
		f.Add(c.pattern, c.name)
	}
	for _, name := range []string{"a", "aaaaaaaaaaaaaaab", "7", "-1", "\r\n", "\xc3\xa9", "a]b-c^d"} {
		f.Add(name, name)
		f.Add("a*a*a*a*b", name)
		f.Add(`[^\]-a]*[c-`, name)
		f.Add("[\x80-", name)
	}
	server := newGlobServer(f)

	f.Fuzz(func(t *testing.T, pattern, name string) {
		const longest = 256 // for the reference's sake; nothing new happens beyond
		if len(pattern) > longest || len(name) > longest {
			return
		}
		got := coordination.Match(pattern, name)
		if want := reference(pattern, name); got != want {
			t.Errorf("Match(%q, %q) = %v, want %v by the reference", pattern, name, got, want)
		}
		prefix, exact := coordination.LiteralPrefix(pattern)
		if got && !strings.HasPrefix(name, prefix) || exact && got != (name == prefix) {
			t.Errorf("LiteralPrefix(%q) = %q, %v, but Match(.., %q) = %v", pattern, prefix, exact, name, got)
		}
		if !server.judges(pattern) || name == "" {
			return // no name is empty, and Redis has its own view of ** there
		}
		if want := server.matched(t, []string{pattern}, []string{name})[0][name]; got != want {
			t.Errorf("Match(%q, %q) = %v, want %v by the server", pattern, name, got, want)
		}
	})
}

func TestMatchAgreesWithServer(t *testing.T) {
	// The special characters are most of the alphabet, so that few patterns
	// are well-formed; 0xff is the greatest byte, and the least of a range.
	const alphabet = "ab-][^\\*?\xff"
	const rounds, patterns, names = 20, 20, 50

	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	server := newGlobServer(t)
	hits := 0
	for range rounds {
		patterns := words(random, patterns, alphabet, 9)
		names := words(random, names, alphabet, 5)
		var matched []map[string]bool
		if server != nil {
			matched = server.matched(t, patterns, names)
		}
		for i, pattern := range patterns {
			for _, name := range names {
				got := coordination.Match(pattern, name)
				if got {
					hits++
				}
				if want := reference(pattern, name); got != want {
					t.Errorf("Match(%q, %q) = %v, want %v by the reference; seed %d", pattern, name, got, want, seed)
				}
				if !server.judges(pattern) {
					continue
				}
				if want := matched[i][name]; got != want {
					t.Errorf("Match(%q, %q) = %v, want %v by the server; seed %d", pattern, name, got, want, seed)
				}
			}
		}
	}
	// Where nothing ever matches, agreeing is easy.
	if pairs := rounds * patterns * names; hits < pairs/100 || hits > pairs/2 {
		t.Errorf("%d of %d pairs match, which is no good test; seed %d", hits, pairs, seed)
	}
}

// words returns n random words of 1 to longest bytes.
func words(random *rand.Rand, n int, alphabet string, longest int) []string {
	words := make([]string, n)
	for i := range words {
		word := make([]byte, 1+random.IntN(longest))
		for j := range word {
			word[j] = alphabet[random.IntN(len(alphabet))]
		}
		words[i] = string(word)
	}
	return words
}

// A server that has no say must be noticed: it would agree with anything.
func TestServerJudgesPatterns(t *testing.T) {
	server := newGlobServer(t)
	if server == nil {
		return // newGlobServer has told so
	}
	matched := server.matched(t, []string{"a*", "", "*"}, []string{"a", "ab", "b"})
	const want = "[map[a:true ab:true] map[] map[a:true ab:true b:true]]"
	if got := fmt.Sprint(matched); got != want {
		t.Errorf("the server matches %s, want %s", got, want)
	}
}
