package memory

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// members is the nodes of a space, with their metadata.
type members struct {
	mu      sync.Mutex // guards what follows
	entries *entries
}

// live locks the members and returns those that are live now. Each one that has
// ended is removed once, hence at the cost of its registration.
func (m *members) live() (live *entries, now time.Time, unlock func()) {
	m.mu.Lock()
	now = time.Now()
	m.entries.sweep(now, math.MaxInt)
	return m.entries, now, m.mu.Unlock
}

func (m *members) count() int {
	live, _, unlock := m.live()
	defer unlock()
	return live.byName.Len()
}

// RegisterNode implements coordination.Membership.
func (c *Coordination) RegisterNode(ctx context.Context, nodeID string, metadata []byte) error {
	if err := c.admit(ctx, "register node",
		coordination.CheckName("register node", "nodeID", nodeID),
		coordination.CheckPayload("register node", "metadata", metadata),
	); err != nil {
		return err
	}
	value := string(metadata)
	live, now, unlock := c.space.members.live()
	defer unlock()
	live.set(nodeID, entry{value: value, end: endOf(now, coordination.DefaultNodeTTL)})
	return nil
}

// DeregisterNode implements coordination.Membership.
func (c *Coordination) DeregisterNode(ctx context.Context, nodeID string) (bool, error) {
	if err := c.admit(ctx, "deregister node",
		coordination.CheckName("deregister node", "nodeID", nodeID),
	); err != nil {
		return false, err
	}
	live, now, unlock := c.space.members.live()
	defer unlock()
	return live.remove(nodeID, now), nil
}

// Heartbeat implements coordination.Membership.
func (c *Coordination) Heartbeat(ctx context.Context, nodeID string, ttl time.Duration) error {
	if err := c.admit(ctx, "heartbeat",
		coordination.CheckName("heartbeat", "nodeID", nodeID),
		coordination.CheckLease("heartbeat", ttl),
	); err != nil {
		return err
	}
	live, now, unlock := c.space.members.live()
	defer unlock()
	member, ok := live.get(nodeID, now)
	if !ok {
		return fmt.Errorf("heartbeat: %q: %w", nodeID, coordination.ErrNotRegistered)
	}
	member.end = endOf(now, ttl)
	live.set(nodeID, member)
	return nil
}

// ListNodes implements coordination.Membership.
func (c *Coordination) ListNodes(ctx context.Context) ([]string, error) {
	if err := c.admit(ctx, "list nodes"); err != nil {
		return nil, err
	}
	live, _, unlock := c.space.members.live()
	defer unlock()
	nodes := make([]string, 0, live.byName.Len())
	live.byName.Scan(func(nodeID string, _ entry) bool {
		nodes = append(nodes, nodeID)
		return true
	})
	return nodes, nil
}

// NodeMetadata implements coordination.Membership.
func (c *Coordination) NodeMetadata(ctx context.Context, nodeID string) ([]byte, bool, error) {
	if err := c.admit(ctx, "node metadata",
		coordination.CheckName("node metadata", "nodeID", nodeID),
	); err != nil {
		return nil, false, err
	}
	live, now, unlock := c.space.members.live()
	member, ok := live.get(nodeID, now)
	unlock()
	if !ok {
		return nil, false, nil
	}
	return []byte(member.value), true, nil
}
