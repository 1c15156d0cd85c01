package broken

import (
	"context"
	"sync"
	"time"
)

// releaseFaults are those of the lease in who may end it.
func releaseFaults() []Fault {
	return []Fault{
		{
			Name:   "release-leaves-the-lease",
			Does:   "says yes to the holder that releases, and lets the lease run on",
			Breaks: breaks("lease-13..14 lease-19..20 lease-22..23 lease-28..30 lease-32..33 contend-3..4 contend-6 linear-1..2 health-8"),
			spoil:  releases(func(c *candidacy, nodeID string) bool { return c.holds(nodeID) && instead(c.adapter, false, true) }),
		},
		{
			Name:   "release-always-says-yes",
			Does:   "says to everybody that the lease was released",
			Breaks: breaks("lease-7 lease-14..19 lease-22 lease-25 lease-31 contend-6 linear-1..2 isolate-2 isolate-9 outage-6"),
			spoil:  releases(func(c *candidacy, nodeID string) bool { return instead(c.adapter, c.release(nodeID), true) }),
		},
		{
			Name:    "release-by-node-id",
			Does:    "releases the lease for the holder's node ID on every handle",
			Breaks:  breaks("lease-17 lease-19 lease-25 linear-1..2 isolate-2 outage-6"),
			Perhaps: breaks("contend-7"),
			spoil: releases(func(c *candidacy, nodeID string) bool {
				if _, leader, _ := c.last(); leader == nodeID {
					return instead(c.adapter, c.holds(nodeID), c.topple())
				}
				return false
			}),
		},
		{
			Name:    "release-without-owner-check",
			Does:    "releases the lease whoever asks (DEL)",
			Breaks:  breaks("lease-7 lease-16..17 lease-19 lease-22 lease-25 lease-31 linear-1..2 isolate-2 outage-6"),
			Perhaps: breaks("contend-7"),
			spoil:   releases(func(c *candidacy, nodeID string) bool { return instead(c.adapter, c.holds(nodeID), c.topple()) }),
		},
		{
			Name:   "looks-before-it-releases",
			Does:   "looks whether the candidate holds the lease, and releases it afterwards",
			Breaks: breaks("contend-6 linear-1"),
			spoil: releases(func(c *candidacy, nodeID string) bool {
				holds := c.holds(nodeID)
				c.wait()
				return instead(c.adapter, c.release(nodeID), holds)
			}),
		},
	}
}

// candidateFaults are those of the lease in who counts as the holder.
func candidateFaults() []Fault {
	return []Fault{
		{
			Name:   "candidates-by-node-id",
			Does:   "takes all with one node ID for one candidate, whatever their handles",
			Breaks: breaks("lease-17 lease-19..20 lease-25 contend-1..4 contend-7 linear-1..2 isolate-2 outage-4 outage-6"),
			spoil: ofLeaders(func(c *candidacy) {
				c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					holder, leader, _ := c.last()
					if _, led := c.now(); !led || leader != nodeID || holder == c.self {
						return c.acquire(ctx, nodeID, ttl)
					}
					c.strike()
					return holder.TryAcquireLeadership(context.Background(), nodeID, ttl)
				}
				c.free = func(nodeID string) bool {
					if _, leader, _ := c.last(); leader == nodeID {
						return instead(c.adapter, c.holds(nodeID), c.topple())
					}
					return false
				}
			}),
		},
		{
			Name:   "candidate-with-a-token-per-try",
			Does:   "tells the holder by a token that it makes for each try, and forgets where the try was cancelled",
			Breaks: breaks("lease-26"),
			spoil:  ofLeaders(tokenPerTry),
		},
	}
}

func releases(free func(c *candidacy, nodeID string) bool) func(*backend) func(*adapter) {
	return ofLeaders(func(c *candidacy) {
		c.free = func(nodeID string) bool { return free(c, nodeID) }
	})
}

// tokenPerTry loses the token of a try whose caller was not told of it, and with
// it the lease.
func tokenPerTry(c *candidacy) {
	var mu sync.Mutex
	lost := map[string]bool{}
	c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
		mu.Lock()
		out := lost[nodeID] && c.holds(nodeID)
		lost[nodeID] = out
		mu.Unlock()
		if out {
			c.strike()
			return 0, false, nil
		}
		term, acquired, err := c.acquire(ctx, nodeID, ttl)
		if c.interleave(); acquired && ctx.Err() != nil {
			mu.Lock()
			lost[nodeID] = true
			mu.Unlock()
			return 0, false, ctx.Err()
		}
		return term, acquired, err
	}
}
