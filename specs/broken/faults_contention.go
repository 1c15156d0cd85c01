package broken

import (
	"context"
	"time"
)

func contentionFaults() []Fault {
	return []Fault{
		{
			Name:   "looks-before-it-acquires",
			Does:   "looks whether the lease is free, and takes it afterwards",
			Breaks: breaks("contend-1..4 contend-7 linear-1"),
			spoil: ofLeaders(func(c *candidacy) {
				c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					if _, led := c.now(); led {
						return c.acquire(ctx, nodeID, ttl) // renews it, or is refused
					}
					c.interleave()
					if !c.holds(nodeID) && c.topple() {
						c.strike()
					}
					return c.acquire(ctx, nodeID, ttl)
				}
			}),
		},
	}
}
