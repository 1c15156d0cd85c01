package sync

import (
	"context"
	"time"
)

// watchReaders says where a node serves what it missed too long ago, though it says
// that its cache may be read. What only a node knew that has crashed nobody can know,
// and what the network drops at random has no bound.
func (s *simulation) watchReaders(ctx context.Context) {
	for ctx.Err() == nil && s.network.drop == 0 {
		for _, n := range s.nodes {
			n.checkReader()
		}
		pause(ctx, 7*time.Millisecond)
	}
}

func (n *simNode) checkReader() {
	node, cache := n.up()
	if node == nil || cache.hasFailed() || !node.Readable() {
		return
	}
	n.mu.Lock()
	port := n.port
	n.mu.Unlock()
	cache.mu.Lock()
	defer cache.mu.Unlock()
	for _, m := range port.missedBefore(time.Now().Add(-simStaleness)) {
		for key, entry := range cache.entries {
			if covers := m.Type == Clear || m.Type == InvalidatePattern && covers(m.Key, key) || m.Key == key; covers &&
				m.Stamp.newerThan(entry.stamp) && !m.by.dead.Load() && node.Readable() {
				n.violated("%s serves %s=%s of %d, though it missed %s of %d when it was cut off %v ago", n.id, key, entry.value, entry.stamp.Wall, m.Type, m.Stamp.Wall, time.Since(m.at))
				return
			}
		}
	}
}
