package broken

import (
	"context"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// leaderAmongTheKeys is a fault that keeps the leader where users keep values. It
// takes each step under a lock, or it would have other faults as well.
func leaderAmongTheKeys() func(*backend) func(*adapter) {
	const key = "leader"
	always := context.Background()
	return ofLeaders(func(c *candidacy) {
		c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
			c.step.Lock()
			defer c.step.Unlock()
			term, acquired, err := c.acquire(ctx, nodeID, ttl)
			if acquired {
				c.strike()
				err = c.self.Set(always, key, []byte(nodeID), ttl)
			}
			return term, acquired, err
		}
		c.free = func(nodeID string) bool {
			c.step.Lock()
			defer c.step.Unlock()
			released := c.release(nodeID)
			if released {
				_, _ = c.self.Delete(always, key)
			}
			return released
		}
		c.tells(func(coordination.Leader, bool) (coordination.Leader, bool) {
			c.step.Lock()
			defer c.step.Unlock()
			leader, found := c.now()
			if !found {
				return leader, found
			}
			nodeID, found, _ := c.self.Get(always, key)
			if !found {
				return coordination.Leader{}, false
			}
			leader.NodeID = string(nodeID)
			return leader, found
		})
	})
}
