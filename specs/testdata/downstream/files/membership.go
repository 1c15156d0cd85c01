package files

import (
	"context"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// RegisterNode implements coordination.Membership.
func (h *Handle) RegisterNode(ctx context.Context, nodeID string, metadata []byte) error {
	const operation = "register node"
	if err := h.admit(ctx, operation,
		coordination.CheckName(operation, "nodeID", nodeID),
		coordination.CheckPayload(operation, "metadata", metadata),
	); err != nil {
		return err
	}
	return h.explain(operation, h.exclusively(ctx, h.done, func() error {
		return h.nodes.set(record{nodeID, metadata, endOf(coordination.DefaultNodeTTL)})
	}))
}

// DeregisterNode implements coordination.Membership.
func (h *Handle) DeregisterNode(ctx context.Context, nodeID string) (bool, error) {
	const operation = "deregister node"
	if err := h.admit(ctx, operation, coordination.CheckName(operation, "nodeID", nodeID)); err != nil {
		return false, err
	}
	removed, err := h.nodes.remove(ctx, nodeID)
	return removed, h.explain(operation, err)
}

// Heartbeat implements coordination.Membership.
func (h *Handle) Heartbeat(ctx context.Context, nodeID string, ttl time.Duration) error {
	const operation = "heartbeat"
	if err := h.admit(ctx, operation,
		coordination.CheckName(operation, "nodeID", nodeID),
		coordination.CheckLease(operation, ttl),
	); err != nil {
		return err
	}
	return h.explain(operation, h.exclusively(ctx, h.done, func() error {
		node, found, err := h.nodes.get(nodeID)
		if err != nil {
			return err
		}
		if !found {
			return coordination.ErrNotRegistered
		}
		node.End = endOf(ttl)
		return h.nodes.set(node)
	}))
}

// ListNodes implements coordination.Membership.
func (h *Handle) ListNodes(ctx context.Context) ([]string, error) {
	const operation = "list nodes"
	if err := h.admit(ctx, operation); err != nil {
		return nil, err
	}
	nodes, err := h.nodes.names(ctx)
	if err != nil {
		return nil, h.explain(operation, err)
	}
	return nodes, nil
}

// NodeMetadata implements coordination.Membership.
func (h *Handle) NodeMetadata(ctx context.Context, nodeID string) ([]byte, bool, error) {
	const operation = "node metadata"
	if err := h.admit(ctx, operation, coordination.CheckName(operation, "nodeID", nodeID)); err != nil {
		return nil, false, err
	}
	node, found, err := h.nodes.get(nodeID)
	return node.Value, found, h.explain(operation, err)
}
