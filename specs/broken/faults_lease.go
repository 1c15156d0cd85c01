package broken

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func leaseFaults() []Fault {
	return slices.Concat(mistakenLeaders(), leasesOfOtherLengths(), badRenewals(), releaseFaults(), candidateFaults(), termFaults())
}

// mistakenLeaders are faults in what is told of the leader.
func mistakenLeaders() []Fault {
	return []Fault{
		{
			Name:   "leader-where-nobody-leads",
			Does:   "says that somebody leads where nobody does",
			Breaks: breaks("lease-1 lease-6..7 lease-10..11 lease-13..15 lease-18 lease-23..24 lease-31 linear-1..2 health-2 isolate-9"),
			spoil: told(func(a *adapter, leader coordination.Leader, found bool) (coordination.Leader, bool) {
				return leader, instead(a, found, true)
			}),
		},
		{
			Name:   "leader-known-to-itself-only",
			Does:   "knows of no leader but its own handle",
			Breaks: breaks("value-11 delete-16 member-11 lease-3..6 lease-9..10 lease-16..17 lease-19 lease-22..25 lease-31 contend-4 linear-1..2 isolate-1..2 argument-9 argument-11 close-10 outage-6 elect-1"),
			spoil: ofLeaders(func(c *candidacy) {
				c.tells(func(leader coordination.Leader, found bool) (coordination.Leader, bool) {
					if found && !c.holds(leader.NodeID) {
						c.strike()
						return coordination.Leader{}, false
					}
					return leader, found
				})
			}),
		},
		{
			Name:   "remaining-is-the-whole",
			Does:   "tells the whole time to live of a lease for what is left of it",
			Breaks: breaks("lease-5"),
			spoil: ofLeaders(func(c *candidacy) {
				c.tells(func(leader coordination.Leader, found bool) (coordination.Leader, bool) {
					if _, _, ttl := c.last(); found {
						leader.Remaining = instead(c.adapter, leader.Remaining, ttl)
					}
					return leader, found
				})
			}),
		},
		{
			Name:    "try-waits-for-the-lease",
			Does:    "waits until the lease is free",
			Breaks:  breaks("lease-3 lease-6..7 lease-9..10 lease-20..22 lease-24..25 lease-31 contend-1..5 isolate-2 context-3 outage-4 outage-6"),
			Perhaps: breaks("linear-2"),
			spoil: ofLeaders(func(c *candidacy) {
				c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					for {
						term, acquired, err := c.acquire(ctx, nodeID, ttl)
						if acquired || err != nil {
							return term, acquired, err
						}
						c.strike()
						leader, _ := c.now()
						select {
						case <-time.After(leader.Remaining):
						case <-ctx.Done():
							return 0, false, ctx.Err()
						}
					}
				}
			}),
		},
		{
			Name:   "last-candidate-leads",
			Does:   "gives the lease to whoever has tried last (SET without NX)",
			Breaks: breaks("lease-3 lease-6..7 lease-9..10 lease-20..22 lease-24..25 lease-31 contend-1..5 contend-7 linear-1..2 isolate-2 outage-4 outage-6"),
			spoil: ofLeaders(func(c *candidacy) {
				c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					if !c.holds(nodeID) && c.topple() {
						c.strike()
					}
					return c.acquire(ctx, nodeID, ttl)
				}
			}),
		},
	}
}

// leasesOfOtherLengths are faults in how long a lease lasts.
func leasesOfOtherLengths() []Fault {
	return []Fault{
		{
			Name:   "lease-without-an-end",
			Does:   "never gives a lease an end (SETNX, and EXPIRE is forgotten)",
			Breaks: breaks("lease-3 lease-5..11 lease-18..19 lease-24 lease-27 contend-4 linear-2 health-9 outage-6 outage-12"),
			spoil:  lasting(func(*candidacy, string, time.Duration) time.Duration { return 200 * 365 * 24 * time.Hour }),
		},
		{
			Name:   "lease-in-whole-seconds",
			Does:   "cuts the time of a lease to whole seconds",
			Breaks: breaks("lease-6..8 lease-10 lease-24 contend-7 linear-2 health-9"),
			spoil:  lasting(func(_ *candidacy, _ string, ttl time.Duration) time.Duration { return ttl.Truncate(time.Second) }),
		},
		{
			Name:   "lease-rounded-down",
			Does:   "rounds the time of a lease down to whole milliseconds",
			Breaks: breaks("lease-8"),
			spoil:  lasting(func(_ *candidacy, _ string, ttl time.Duration) time.Duration { return ttl.Truncate(time.Millisecond) }),
		},
		{
			Name:   "lease-overflows",
			Does:   "ends a lease at once whose end in nanoseconds since 1970 overflows",
			Breaks: breaks("lease-9"),
			spoil: lasting(func(_ *candidacy, _ string, ttl time.Duration) time.Duration {
				if int64(ttl) > math.MaxInt64-time.Now().UnixNano() {
					return 0
				}
				return ttl
			}),
		},
	}
}

// badRenewals are faults in what a holder gets who tries again.
func badRenewals() []Fault {
	return []Fault{
		{
			Name:    "holder-can-not-renew",
			Does:    "refuses the holder as it does everybody else (SETNX)",
			Breaks:  breaks("delete-16 lease-9..12 lease-20..21 lease-26 lease-32 contend-5 linear-1..2 close-7 outage-4"),
			Perhaps: breaks("outage-5"), // whether the try got through before the link broke
			spoil: ofLeaders(func(c *candidacy) {
				c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					if c.holds(nodeID) {
						c.strike()
						return 0, false, nil
					}
					return c.acquire(ctx, nodeID, ttl)
				}
			}),
		},
		{
			Name:   "renewal-takes-a-new-term",
			Does:   "gives the holder a new term with each renewal",
			Breaks: breaks("delete-16 lease-9..12 lease-20..21 contend-5 linear-1..2 close-7 outage-4"),
			spoil: ofLeaders(func(c *candidacy) {
				c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					if c.holds(nodeID) && c.topple() {
						c.strike()
					}
					return c.acquire(ctx, nodeID, ttl)
				}
			}),
		},
	}
}

// tells has a fault change what Leader says.
func (a *adapter) tells(spoil func(leader coordination.Leader, found bool) (coordination.Leader, bool)) {
	ask := a.leader
	a.leader = func(ctx context.Context) (coordination.Leader, bool, error) {
		leader, found, err := ask(ctx)
		if err == nil {
			leader, found = spoil(leader, found)
		}
		return leader, found, err
	}
}

func told(spoil func(a *adapter, leader coordination.Leader, found bool) (coordination.Leader, bool)) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		a.tells(func(leader coordination.Leader, found bool) (coordination.Leader, bool) {
			return spoil(a, leader, found)
		})
	})
}
