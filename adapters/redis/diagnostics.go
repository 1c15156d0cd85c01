package redis

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/coordination"
)

// HealthCheck implements coordination.Diagnostics. The handle is degraded where
// the server answers but is loading or refuses writes, where it is a replica,
// and while the link of the subscriptions is broken.
func (c *Coordination) HealthCheck(ctx context.Context) (bool, error) {
	const operation = "health check"
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return false, err
	}
	degraded, err := c.degraded(ctx, operation)
	return err == nil && degraded == "", err
}

// degraded says what is wrong, "" where nothing is.
func (c *Coordination) degraded(ctx context.Context, operation string) (string, error) {
	if err := c.begin(ctx, operation); err != nil {
		return "", err
	}
	ping, role := c.submit(ctx, "ping"), c.submit(ctx, "role")
	var refusal redis.Error
	if _, err := ping.wait(ctx); errors.As(err, &refusal) {
		return refusal.Error(), nil
	} else if err != nil {
		return "", c.failure(ctx, operation, err)
	}
	// A server may not know ROLE, or not allow it; then it is no replica that
	// we know of.
	reply, err := role.wait(ctx)
	if err != nil && !errors.As(err, &refusal) {
		return "", c.failure(ctx, operation, err)
	}
	if answer, ok := reply.([]any); ok && len(answer) > 0 && answer[0] != "master" {
		return "the server is a read-only replica", nil
	}
	return c.link.broken(), nil
}

// Stats implements coordination.Diagnostics.
func (c *Coordination) Stats(ctx context.Context) (coordination.Stats, error) {
	const operation = "stats"
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return coordination.Stats{}, err
	}
	reply, err := c.run(ctx, operation, statsScript, []string{c.names.memberRecords()[0], c.names.leaderRecord()})
	if err != nil {
		return coordination.Stats{}, err
	}
	answer, ok := reply.([]any)
	if !ok || len(answer) != 2 {
		return coordination.Stats{}, c.unexpected(operation, reply)
	}
	size, sizeOK := answer[0].(int64)
	leader, leaderOK := answer[1].(string)
	if !sizeOK || !leaderOK {
		return coordination.Stats{}, c.unexpected(operation, reply)
	}
	degraded, err := c.degraded(ctx, operation)
	if err != nil {
		return coordination.Stats{}, err
	}
	now := time.Now()
	stats := coordination.Stats{
		Subscriptions: c.link.subscriptions(),
		ClusterSize:   int(size),
		Leader:        leader,
		PublishRate:   c.published.PerSecond(now),
		ReceiveRate:   c.received.PerSecond(now),
		Metadata: map[string]string{
			coordination.BackendKey:   "redis",
			coordination.NamespaceKey: c.namespace,
			"address":                 c.address,
		},
	}
	if degraded != "" {
		stats.Metadata[coordination.DegradedKey] = strings.TrimSpace(degraded)
	}
	return stats, nil
}
