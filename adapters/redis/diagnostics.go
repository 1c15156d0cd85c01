package redis

import (
	"context"
	"errors"
	"slices"
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

// writeProbe is a script that writes nothing, but says that it may: a server
// that takes no writes at the moment refuses it (from version 7 on; older ones
// can't read it).
const writeProbe = "#!lua\nreturn 1"

// refusesWrites reports whether a server's error is one for which it would
// refuse any write.
func refusesWrites(err redis.Error) bool {
	reason, _, _ := strings.Cut(err.Error(), " ")
	return slices.Contains([]string{"OOM", "MISCONF", "NOREPLICAS", "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY"}, reason)
}

// isRefusal reports whether an error is a reply of the server.
func isRefusal(err error) bool {
	var refusal redis.Error
	return errors.As(err, &refusal)
}

// degraded says what is wrong, "" where nothing is.
func (c *Coordination) degraded(ctx context.Context, operation string) (string, error) {
	if err := c.begin(ctx, operation); err != nil {
		return "", err
	}
	probes := []pending{c.submit(ctx, "ping"), c.submit(ctx, "eval", writeProbe, 0), c.submit(ctx, "role")}
	replies, errs := make([]any, len(probes)), make([]error, len(probes))
	for i, probe := range probes {
		replies[i], errs[i] = probe.wait(ctx)
	}
	for i, err := range errs {
		var refusal redis.Error
		switch {
		case err == nil:
		case !errors.As(err, &refusal):
			return "", c.failure(ctx, operation, err)
		case i == 0, i == 1 && refusesWrites(refusal):
			return refusal.Error(), nil
		}
	}
	// A server may not know ROLE, or not allow it; then it is no replica that
	// we know of.
	if role, ok := replies[2].([]any); ok && len(role) > 0 && role[0] != "master" {
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
			"address":                 c.home.name,
		},
	}
	if degraded != "" {
		stats.Metadata[coordination.DegradedKey] = strings.TrimSpace(degraded)
	}
	return stats, nil
}
