package honest

import (
	"context"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Membership wraps a mock of coordination.Membership.
func Membership(t T, mock coordination.Membership) coordination.Membership {
	t.Helper()
	if !exists(t, "Membership", mock) {
		return nil
	}
	return &membership{&witness{t: t}, mock}
}

type membership struct {
	*witness
	mock coordination.Membership
}

func (m *membership) RegisterNode(ctx context.Context, nodeID string, metadata []byte) error {
	m.t.Helper()
	c := m.begin(ctx, "RegisterNode", []any{nodeID, metadata},
		coordination.CheckName("register node", "nodeID", nodeID),
		coordination.CheckPayload("register node", "metadata", metadata))
	err := m.mock.RegisterNode(ctx, nodeID, metadata)
	c.succeeded(failures{unavailable, mostErrors, zeroValues}, err)
	return err
}

func (m *membership) DeregisterNode(ctx context.Context, nodeID string) (bool, error) {
	m.t.Helper()
	c := m.begin(ctx, "DeregisterNode", []any{nodeID},
		coordination.CheckName("deregister node", "nodeID", nodeID))
	removed, err := m.mock.DeregisterNode(ctx, nodeID)
	c.succeeded(failures{unavailable, mostErrors, zeroValues}, err, removed)
	return removed, err
}

func (m *membership) Heartbeat(ctx context.Context, nodeID string, ttl time.Duration) error {
	m.t.Helper()
	c := m.begin(ctx, "Heartbeat", []any{nodeID, ttl},
		coordination.CheckName("heartbeat", "nodeID", nodeID),
		coordination.CheckLease("heartbeat", ttl))
	err := m.mock.Heartbeat(ctx, nodeID, ttl)
	may := []error{coordination.ErrNotRegistered, coordination.ErrUnavailable}
	c.succeeded(failures{may, errorsOfHeartbeat, zeroValues}, err)
	return err
}

func (m *membership) ListNodes(ctx context.Context) ([]string, error) {
	m.t.Helper()
	c := m.begin(ctx, "ListNodes", nil)
	nodes, err := m.mock.ListNodes(ctx)
	if c.succeeded(failures{unavailable, nameless, zeroValues}, err, nodes) {
		c.judgeNames(nodes, listsNodes, listsNodesOnce)
	}
	return nodes, err
}

func (m *membership) NodeMetadata(ctx context.Context, nodeID string) ([]byte, bool, error) {
	m.t.Helper()
	c := m.begin(ctx, "NodeMetadata", []any{nodeID},
		coordination.CheckName("node metadata", "nodeID", nodeID))
	metadata, found, err := m.mock.NodeMetadata(ctx, nodeID)
	if c.succeeded(failures{unavailable, mostErrors, zeroValues}, err, metadata, found) {
		c.judgePayload(metadata, found, tellsMetadata, foundNode)
	}
	return metadata, found, err
}
