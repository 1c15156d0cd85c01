package sync

import (
	"context"
	"time"
)

// watchReaders says where a node tells that its cache may be read though its own
// heartbeats have not come back for too long, or serves what it missed though a later
// message has told it so.
func (s *simulation) watchReaders(ctx context.Context) {
	for ctx.Err() == nil {
		for _, n := range s.nodes {
			n.checkReader()
		}
		pause(ctx, 7*time.Millisecond)
	}
}

func (n *simNode) checkReader() {
	n.mu.Lock()
	node, cache, port := n.sync, n.cache, n.port
	n.mu.Unlock()
	if node == nil || !n.readable(node) {
		return
	}
	if proven := port.provenAt(); time.Since(proven) >= simBeat+simTrust {
		n.violated("%s is readable, though its newest heartbeat to come back was sent %v ago", n.id, time.Since(proven))
	}
	if cache.hasFailed() {
		return
	}
	cache.mu.Lock()
	defer cache.mu.Unlock()
	for _, m := range port.toldBefore(time.Now().Add(-simStaleness)) {
		for key, entry := range cache.entries {
			// What only a node knew that has crashed nobody can know.
			if m.bearsOn(key) && m.Stamp.newerThan(entry.stamp) && !m.by.dead.Load() {
				n.violated("%s serves %s=%s of %d, though it missed %s of %d, of which it was told %v ago", n.id, key, entry.value, entry.stamp.Wall, m.Type, m.Stamp.Wall, time.Since(m.told))
				return
			}
		}
	}
}

func (n *simNode) readable(node *DistributedSync) bool {
	if n.weak.readsGaps {
		return node.connection.isFresh()
	}
	return node.Readable()
}

// simMissed is an operation that a node did not receive.
type simMissed struct {
	Operation
	by   *simPort
	told time.Time // when a message came that told of its number; zero if none came
}

func (m simMissed) bearsOn(key string) bool {
	return m.Type == Clear || m.Type == InvalidatePattern && covers(m.Key, key) || m.Key == key
}

// miss notes what a node does not receive.
func (p *simPort) miss(from *simPort, channel string, payload []byte) {
	m, err := decode(payload)
	if err != nil || channel != DefaultChannel || from == p {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, operation := range m.operations {
		missed := simMissed{Operation: operation, by: from}
		if missed.Seq <= p.heard[from] {
			missed.told = time.Now()
		}
		p.missed = append(p.missed, missed)
	}
}

// hear notes what a message tells of, whatever the node makes of it.
func (p *simPort) hear(from *simPort, channel string, payload []byte, sent time.Time) {
	m, err := decode(payload)
	if err != nil || channel != DefaultChannel {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if from == p && m.heartbeat != nil && sent.After(p.proven) {
		p.proven = sent
	}
	p.heard[from] = max(p.heard[from], m.last)
	for i := range p.missed {
		if missed := &p.missed[i]; missed.by == from && missed.told.IsZero() && missed.Seq <= m.last {
			missed.told = time.Now()
		}
	}
}

func (p *simPort) provenAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proven
}

// toldBefore returns the missed operations of which it was told before an instant.
func (p *simPort) toldBefore(at time.Time) (missed []simMissed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.missed {
		if !m.told.IsZero() && m.told.Before(at) {
			missed = append(missed, m)
		}
	}
	return missed
}
