package redis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (n names) memberRecords() []string {
	return []string{n.records + "members", n.records + "metadata"}
}

// RegisterNode implements coordination.Membership.
func (c *Coordination) RegisterNode(ctx context.Context, nodeID string, metadata []byte) error {
	const operation = "register node"
	if err := checkName(ctx, operation, "nodeID", nodeID); err != nil {
		return err
	}
	if err := coordination.CheckPayload(operation, "metadata", metadata); err != nil {
		return err
	}
	_, err := c.run(ctx, operation, registerScript, c.names.memberRecords(),
		nodeID, string(metadata), coordination.Millis(coordination.DefaultNodeTTL))
	return err
}

// DeregisterNode implements coordination.Membership.
func (c *Coordination) DeregisterNode(ctx context.Context, nodeID string) (bool, error) {
	const operation = "deregister node"
	if err := checkName(ctx, operation, "nodeID", nodeID); err != nil {
		return false, err
	}
	reply, err := c.run(ctx, operation, deregisterScript, c.names.memberRecords(), nodeID)
	return c.toBool(operation, reply, err)
}

// Heartbeat implements coordination.Membership.
func (c *Coordination) Heartbeat(ctx context.Context, nodeID string, ttl time.Duration) error {
	const operation = "heartbeat"
	if err := checkName(ctx, operation, "nodeID", nodeID); err != nil {
		return err
	}
	if err := coordination.CheckLease(operation, ttl); err != nil {
		return err
	}
	reply, err := c.run(ctx, operation, heartbeatScript, c.names.memberRecords(), nodeID, coordination.Millis(ttl))
	live, err := c.toBool(operation, reply, err)
	if err == nil && !live {
		return fmt.Errorf("%s: nodeID %q: %w", operation, nodeID, coordination.ErrNotRegistered)
	}
	return err
}

// ListNodes implements coordination.Membership.
func (c *Coordination) ListNodes(ctx context.Context) ([]string, error) {
	const operation = "list nodes"
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return nil, err
	}
	reply, err := c.run(ctx, operation, nodesScript, c.names.memberRecords()[:1])
	nodes, err := c.toStrings(operation, reply, err)
	slices.Sort(nodes)
	return nodes, err
}

// NodeMetadata implements coordination.Membership.
func (c *Coordination) NodeMetadata(ctx context.Context, nodeID string) ([]byte, bool, error) {
	const operation = "node metadata"
	if err := checkName(ctx, operation, "nodeID", nodeID); err != nil {
		return nil, false, err
	}
	reply, err := c.run(ctx, operation, metadataScript, c.names.memberRecords(), nodeID)
	return c.toBytes(operation, reply, err)
}
