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

// listedByScript is the number of members from which on they are listed outside of a
// script. Redis lists 100,000 members in 3 ms, and in 30 ms for Lua.
const listedByScript = 1000

// ListNodes implements coordination.Membership. With more than 1,000 members it costs
// two round trips: a member that expires between them is still listed.
func (c *Coordination) ListNodes(ctx context.Context) ([]string, error) {
	const operation = "list nodes"
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return nil, err
	}
	members := c.names.memberRecords()[0]
	reply, err := c.run(ctx, operation, nodesScript, []string{members}, listedByScript)
	if from, ok := reply.(string); err == nil && ok {
		// One command, so that the answer is of one moment.
		reply, err = c.call(ctx, operation, "zrangebyscore", members, "("+from, "+inf")
	}
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
