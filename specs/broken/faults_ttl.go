package broken

import (
	"slices"
	"time"
)

func ttlFaults() []Fault {
	return slices.Concat(mistakenTTLs(), endsOfOldValues(), afterTheEnd())
}

// mistakenTTLs are faults in what a Set makes of its own time to live.
func mistakenTTLs() []Fault {
	return []Fault{
		{
			Name:   "ttl-in-whole-seconds",
			Does:   "cuts times to live to whole seconds, so that 500 ms are none",
			Breaks: breaks("ttl-1..9 ttl-11 ttl-13..16 isolate-6 close-9"),
			spoil:  lasts(func(ttl time.Duration) time.Duration { return ttl.Truncate(time.Second) }),
		},
		{
			Name:   "ttl-rounded-down",
			Does:   "rounds times to live down to whole milliseconds",
			Breaks: breaks("ttl-8"),
			spoil:  lasts(func(ttl time.Duration) time.Duration { return ttl.Truncate(time.Millisecond) }),
		},
		{
			Name:   "ttl-a-millisecond-too-long",
			Does:   "still has a key at the end of its time to live (> in place of >=)",
			Breaks: breaks("ttl-1..8 ttl-11 ttl-13..16 isolate-6 close-9"),
			spoil: lasts(func(ttl time.Duration) time.Duration {
				if ttl > 0 {
					return ttl + time.Millisecond
				}
				return 0
			}),
		},
		{
			Name:   "no-ttl-is-an-hour",
			Does:   "gives a key without a time to live an hour",
			Breaks: breaks("ttl-10"),
			spoil: lasts(func(ttl time.Duration) time.Duration {
				if ttl == 0 {
					return time.Hour
				}
				return ttl
			}),
		},
	}
}

// endsOfOldValues are faults in what a Set makes of the time to live before it.
func endsOfOldValues() []Fault {
	return []Fault{
		{
			Name:   "old-end-removes-new-value",
			Does:   "removes at the end of a time to live whatever the key holds by then",
			Breaks: breaks("ttl-12 ttl-15 ttl-17..18 argument-11"),
			spoil:  byNamespace(oldEndRemovesNewValue),
		},
	}
}

// afterTheEnd are faults in what methods make of a key that has ended.
func afterTheEnd() []Fault {
	return []Fault{}
}
