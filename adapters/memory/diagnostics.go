package memory

import (
	"context"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// HealthCheck implements coordination.Diagnostics. A handle that is open is
// healthy.
func (c *Coordination) HealthCheck(ctx context.Context) (bool, error) {
	if err := c.admit(ctx, "health check"); err != nil {
		return false, err
	}
	return true, nil
}

// Stats implements coordination.Diagnostics.
func (c *Coordination) Stats(ctx context.Context) (coordination.Stats, error) {
	if err := c.admit(ctx, "stats"); err != nil {
		return coordination.Stats{}, err
	}
	c.mu.Lock()
	subscriptions := len(c.subscriptions)
	c.mu.Unlock()
	leader, _ := c.space.lease.leader()
	now := time.Now()
	return coordination.Stats{
		Subscriptions: subscriptions,
		ClusterSize:   c.space.members.count(),
		Leader:        leader.NodeID,
		PublishRate:   c.published.PerSecond(now),
		ReceiveRate:   c.received.PerSecond(now),
		Metadata: map[string]string{
			coordination.BackendKey:   "memory",
			coordination.NamespaceKey: c.namespace,
		},
	}, nil
}
