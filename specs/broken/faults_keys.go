package broken

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/riptidecrawler/coordkit/coordination"
)

func keysFaults() []Fault {
	return slices.Concat(misnamedKeys(), mismatchedKeys(), unfinishedWalks())
}

// misnamedKeys are faults in how Keys returns what it has found.
func misnamedKeys() []Fault {
	return []Fault{
		{
			Name:   "keys-with-their-prefix",
			Does:   "lists keys with the namespace before them, which DeleteMany puts before them again",
			Breaks: breaks("value-5 value-9 ttl-2 ttl-6 ttl-10 ttl-12 ttl-16..18 keys-1..2 keys-5..12 keys-14..17 delete-2..3 delete-7..8 delete-18 isolate-6..7 isolate-11..16 argument-9 close-9 share-2 share-7"),
			spoil: each(func(a *adapter) {
				a.listed(func(_ string, keys []string) []string {
					for i := range keys {
						keys[i] = a.namespace + ":" + keys[i]
					}
					return keys
				})
			}),
		},
		{
			Name:   "keys-sorted-as-words",
			Does:   "lists keys in the order of their letters, whatever their case",
			Breaks: breaks("keys-2 keys-8 keys-11"),
			spoil: each(func(a *adapter) {
				a.listed(func(_ string, keys []string) []string {
					slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
					return keys
				})
			}),
		},
		{
			Name:   "no-keys-are-nil",
			Does:   "lists nil where there are no keys",
			Breaks: breaks("value-5 ttl-2 ttl-5 ttl-13..14 keys-3..4 keys-6..8 keys-10..11 keys-13..14 delete-1 delete-4 delete-11..13 health-2 isolate-6..7 isolate-11..17"),
			spoil: each(func(a *adapter) {
				a.listed(func(_ string, keys []string) []string {
					if len(keys) == 0 {
						return nil
					}
					return keys
				})
			}),
		},
	}
}

// mismatchedKeys are faults in what a pattern is taken for.
func mismatchedKeys() []Fault {
	return []Fault{
		{
			Name:   "keys-matched-by-path-match",
			Does:   "matches keys with path.Match",
			Breaks: breaks("keys-6..8 keys-10..11"),
			spoil:  matches(func(pattern, key string) bool { matches, _ := path.Match(pattern, key); return matches }),
		},
		{
			Name:   "patterns-match-in-part",
			Does:   "matches a pattern with any part of a key",
			Breaks: breaks("keys-5..12 share-2"),
			spoil:  matches(func(pattern, key string) bool { return coordination.Match("*"+pattern+"*", key) }),
		},
		{
			Name:   "matching-backtracks",
			Does:   "matches with one recursion for each byte that a * may take",
			Breaks: breaks("keys-12..13"),
			spoil:  each(matchingBacktracks),
		},
		{
			Name:   "namespace-is-a-pattern",
			Does:   "puts the namespace before the pattern without escaping it",
			Breaks: breaks("keys-14 isolate-11 isolate-13 isolate-17"),
			spoil:  each(namespaceIsAPattern),
		},
	}
}

// unfinishedWalks are faults in how Keys gets through the store.
func unfinishedWalks() []Fault {
	return []Fault{
		{
			Name:   "first-page-of-keys",
			Does:   "lists the first 1,000 keys, one page of a SCAN",
			Breaks: breaks("keys-16..17 isolate-7"),
			spoil: each(func(a *adapter) {
				a.listed(func(_ string, keys []string) []string { return insteadOf(a, keys, keys[:min(len(keys), 1000)]) })
			}),
		},
	}
}

// listed has a fault change what Keys returns.
func (a *adapter) listed(spoil func(pattern string, keys []string) []string) {
	list := a.keys
	a.keys = func(ctx context.Context, pattern string) ([]string, error) {
		keys, err := list(ctx, pattern)
		if err != nil {
			return nil, err
		}
		return insteadOf(a, keys, spoil(pattern, slices.Clone(keys))), nil
	}
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

// matches is a fault that takes patterns for something else.
func matches(mistaken func(pattern, key string) bool) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		list := a.keys
		a.keys = func(ctx context.Context, pattern string) ([]string, error) {
			right, err := list(ctx, pattern)
			if err != nil {
				return nil, err
			}
			keys, err := list(ctx, "*")
			if err != nil {
				return nil, err
			}
			return insteadOf(a, right, slices.DeleteFunc(keys, func(key string) bool { return !mistaken(pattern, key) })), nil
		}
	})
}

// matchingBacktracks takes as long as it takes: where that is longer than anyone
// will wait, it does not try to, but waits for the end of the caller's patience.
func matchingBacktracks(a *adapter) {
	list := a.keys
	a.keys = func(ctx context.Context, pattern string) ([]string, error) {
		right, err := list(ctx, pattern)
		if err != nil {
			return nil, err
		}
		keys, err := list(ctx, "*")
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if steps := 1_000_000; !backtrack(pattern, key, &steps) && steps <= 0 {
				a.strike()
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}
		return right, nil
	}
}

// backtrack gives up after so many steps.
func backtrack(pattern, name string, steps *int) bool {
	if *steps--; *steps <= 0 {
		return false
	}
	if !strings.HasPrefix(pattern, "*") {
		if pattern == "" || name == "" || pattern[0] != '?' && pattern[0] != name[0] {
			return pattern == name
		}
		return backtrack(pattern[1:], name[1:], steps)
	}
	for i := range len(name) + 1 {
		if backtrack(pattern[1:], name[i:], steps) {
			return true
		}
	}
	return false
}

func namespaceIsAPattern(a *adapter) {
	list := a.keys
	a.keys = func(ctx context.Context, pattern string) ([]string, error) {
		right, err := list(ctx, pattern)
		if err != nil {
			return nil, err
		}
		keys := []string{}
		for _, namespace := range a.backend.namespaces() {
			there, err := a.backend.in(namespace).Keys(ctx, "*")
			if err != nil {
				return nil, err
			}
			for _, key := range there {
				if key = namespace + ":" + key; coordination.Match(a.namespace+":"+pattern, key) && len(key) > len(a.namespace) {
					keys = append(keys, key[len(a.namespace)+1:])
				}
			}
		}
		return insteadOf(a, right, slices.Compact(sorted(keys))), nil
	}
}
