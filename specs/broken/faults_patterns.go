package broken

import (
	"path"
	"slices"
	"strings"

	"github.com/riptidecrawler/coordkit/coordination"
)

func patternFaults() []Fault {
	return slices.Concat(wildcards(), classes(), escapes(), matchers())
}

func wildcards() []Fault {
	return []Fault{
		{
			Name:   "patterns-are-channels",
			Does:   "takes every pattern for the name of a channel",
			Breaks: breaks("publish-2..3 publish-9 publish-14..15 publish-18 pattern-2..22 buffer-8 subscribe-9 subscribe-12 ack-2 ack-12 delete-17 health-2 health-10 isolate-3 isolate-11..17 argument-1..8 done-* closed-* close-7 outage-11"),
			spoil:  rewritten(literally),
		},
		{
			Name:   "case-is-ignored",
			Does:   "matches letters of either case",
			Breaks: breaks("publish-4 pattern-1"),
			spoil: perElement(func(element string) string {
				if lower, upper := strings.ToLower(element), strings.ToUpper(element); len(element) == 1 && lower != upper {
					return "[" + lower + upper + "]"
				}
				return element
			}),
		},
	}
}

func classes() []Fault {
	return []Fault{}
}

func escapes() []Fault {
	return []Fault{}
}

// matchers are faults of a matcher that has the last word on what is delivered.
func matchers() []Fault {
	return []Fault{
		{
			Name:   "channels-matched-by-path-match",
			Does:   "leaves out what path.Match does not match",
			Breaks: breaks("pattern-2..4 pattern-6..7 pattern-11 pattern-16 pattern-18..20 pattern-22 isolate-17"),
			spoil:  sifted(func(pattern, channel string) bool { matches, _ := path.Match(pattern, channel); return matches }),
		},
		{
			Name:   "star-within-a-line",
			Does:   "matches with * no newline, as a regular expression does",
			Breaks: breaks("publish-14 pattern-2"),
			spoil: sifted(func(pattern, channel string) bool {
				return !strings.Contains(pattern, "*") || !strings.Contains(channel, "\n")
			}),
		},
		{
			Name:   "a-step-for-each-way",
			Does:   "tries every way in which the * of a pattern can match, which takes for ever",
			Breaks: breaks("pattern-21"),
			spoil: byNamespace(func(a *adapter, all *audience) {
				all.join(a, alike)
				a.every(func(c *call) error {
					if c.method == "Publish" && coordination.CheckName("", "", c.name) == nil && all.tiresome(c.name) {
						a.strike()
						<-c.ctx.Done()
						return c.ctx.Err()
					}
					return c.proceed()
				})
			}),
		},
	}
}

// sifted is a fault that does not deliver what a matcher of its own does not
// match.
func sifted(match func(pattern, channel string) bool) func(*backend) func(*adapter) {
	return listened(func(p publication, l *listener) fate { return fate{hidden: !match(l.pattern, p.channel)} })
}

// tiresome reports whether there is a subscription whose pattern a matcher that
// tries every way compares with the channel in more than a million steps.
func (all *audience) tiresome(channel string) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return slices.ContainsFunc(all.listeners, func(l *listener) bool {
		steps := 1_000_000
		backtrack(l.pattern, channel, &steps)
		return steps <= 0
	})
}
