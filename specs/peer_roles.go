package specs

import (
	"context"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (p *peer) RegisterNode(ctx context.Context, nodeID string, metadata []byte) error {
	end := p.call("RegisterNode(%s, %s)", brief(nodeID), load(metadata))
	err := p.DistributedCoordination.RegisterNode(ctx, nodeID, metadata)
	end(answered(err, "ok"))
	return err
}

func (p *peer) DeregisterNode(ctx context.Context, nodeID string) (bool, error) {
	end := p.call("DeregisterNode(%s)", brief(nodeID))
	there, err := p.DistributedCoordination.DeregisterNode(ctx, nodeID)
	end(answered(err, "%t", there))
	return there, err
}

func (p *peer) Heartbeat(ctx context.Context, nodeID string, ttl time.Duration) error {
	end := p.call("Heartbeat(%s, %v)", brief(nodeID), ttl)
	err := p.DistributedCoordination.Heartbeat(ctx, nodeID, ttl)
	end(answered(err, "ok"))
	return err
}

func (p *peer) ListNodes(ctx context.Context) ([]string, error) {
	end := p.call("ListNodes()")
	nodes, err := p.DistributedCoordination.ListNodes(ctx)
	end(answered(err, "%s", some(nodes)))
	return nodes, err
}

func (p *peer) NodeMetadata(ctx context.Context, nodeID string) ([]byte, bool, error) {
	end := p.call("NodeMetadata(%s)", brief(nodeID))
	metadata, found, err := p.DistributedCoordination.NodeMetadata(ctx, nodeID)
	end(answered(err, "%s, %t", load(metadata), found))
	return metadata, found, err
}

func (p *peer) TryAcquireLeadership(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
	end := p.call("TryAcquireLeadership(%s, %v)", brief(nodeID), ttl)
	term, acquired, err := p.DistributedCoordination.TryAcquireLeadership(ctx, nodeID, ttl)
	end(answered(err, "%d, %t", term, acquired))
	return term, acquired, err
}

func (p *peer) ReleaseLeadership(ctx context.Context, nodeID string) (bool, error) {
	end := p.call("ReleaseLeadership(%s)", brief(nodeID))
	released, err := p.DistributedCoordination.ReleaseLeadership(ctx, nodeID)
	end(answered(err, "%t", released))
	return released, err
}

func (p *peer) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	end := p.call("Leader()")
	leader, led, err := p.DistributedCoordination.Leader(ctx)
	end(answered(err, "%s in term %d for %v, %t", brief(leader.NodeID), leader.Term, leader.Remaining, led))
	return leader, led, err
}

func (p *peer) HealthCheck(ctx context.Context) (bool, error) {
	end := p.call("HealthCheck()")
	healthy, err := p.DistributedCoordination.HealthCheck(ctx)
	end(answered(err, "%t", healthy))
	return healthy, err
}

func (p *peer) Stats(ctx context.Context) (coordination.Stats, error) {
	end := p.call("Stats()")
	stats, err := p.DistributedCoordination.Stats(ctx)
	end(answered(err, "%+v", stats))
	return stats, err
}
