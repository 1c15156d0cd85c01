package redis

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (n names) leaderRecord() string { return n.records + "leader" }

// TryAcquireLeadership implements coordination.Leadership.
func (c *Coordination) TryAcquireLeadership(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
	const operation = "try acquire leadership"
	if err := checkName(ctx, operation, "nodeID", nodeID); err != nil {
		return 0, false, err
	}
	if err := coordination.CheckLease(operation, ttl); err != nil {
		return 0, false, err
	}
	reply, err := c.run(ctx, operation, acquireScript, []string{c.names.leaderRecord()}, c.id, nodeID, coordination.Millis(ttl))
	if err != nil {
		return 0, false, err
	}
	text, _ := reply.(string)
	term, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, false, c.unexpected(operation, reply)
	}
	return term, term > 0, nil
}

// ReleaseLeadership implements coordination.Leadership.
func (c *Coordination) ReleaseLeadership(ctx context.Context, nodeID string) (bool, error) {
	const operation = "release leadership"
	if err := checkName(ctx, operation, "nodeID", nodeID); err != nil {
		return false, err
	}
	reply, err := c.run(ctx, operation, releaseScript, []string{c.names.leaderRecord()}, c.id, nodeID)
	return c.toBool(operation, reply, err)
}

// Leader implements coordination.Leadership.
func (c *Coordination) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	const operation = "leader"
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return coordination.Leader{}, false, err
	}
	reply, err := c.run(ctx, operation, leaderScript, []string{c.names.leaderRecord()})
	fields, err := c.toStrings(operation, reply, err)
	if err != nil || len(fields) == 0 {
		return coordination.Leader{}, false, err
	}
	if len(fields) != 3 {
		return coordination.Leader{}, false, c.unexpected(operation, reply)
	}
	term, termErr := strconv.ParseUint(fields[1], 10, 64)
	left, leftErr := strconv.ParseInt(fields[2], 10, 64)
	if termErr != nil || leftErr != nil {
		return coordination.Leader{}, false, c.unexpected(operation, reply)
	}
	left = min(left, math.MaxInt64/int64(time.Microsecond)) // the server rounds very long ones up
	return coordination.Leader{NodeID: fields[0], Term: term, Remaining: time.Duration(left) * time.Microsecond}, true, nil
}
