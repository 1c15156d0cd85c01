package redis

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/coordination"
)

// isRefusal reports whether an error is a reply of the server.
func isRefusal(err error) bool {
	var refusal redis.Error
	return errors.As(err, &refusal)
}

// Stats implements coordination.Diagnostics. It checks what HealthCheck does.
//
// Metadata has the last probe's time from publish to receipt under "lag", once there
// are subscriptions.
func (c *Coordination) Stats(ctx context.Context) (coordination.Stats, error) {
	const operation = "stats"
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return coordination.Stats{}, err
	}
	found, err := c.diagnose(ctx, operation)
	if err != nil {
		return coordination.Stats{}, err
	}
	size, leader, err := c.figures(ctx, operation)
	if found.degraded != "" && isRefusal(err) {
		err = nil // and they stay zero
	}
	if err != nil {
		return coordination.Stats{}, err
	}
	now := time.Now()
	stats := coordination.Stats{
		Subscriptions: c.link.subscriptions(),
		ClusterSize:   size,
		Leader:        leader,
		PublishRate:   c.published.PerSecond(now),
		ReceiveRate:   c.received.PerSecond(now),
		Metadata: map[string]string{
			coordination.BackendKey:   "redis",
			coordination.NamespaceKey: c.namespace,
			"address":                 c.home.name,
		},
	}
	for key, text := range map[string]string{coordination.DegradedKey: found.degraded, "unknown": found.unknown, "lag": c.link.lag()} {
		if text != "" {
			stats.Metadata[key] = strings.TrimSpace(text)
		}
	}
	return stats, nil
}

// figures returns how many members are live, and who leads.
func (c *Coordination) figures(ctx context.Context, operation string) (size int, leader string, err error) {
	reply, err := c.run(ctx, operation, statsScript, []string{c.names.memberRecords()[0], c.names.leaderRecord()})
	if err != nil {
		return 0, "", err
	}
	answer, ok := reply.([]any)
	if !ok || len(answer) != 2 {
		return 0, "", c.unexpected(operation, reply)
	}
	live, liveOK := answer[0].(int64)
	leader, leaderOK := answer[1].(string)
	if !liveOK || !leaderOK {
		return 0, "", c.unexpected(operation, reply)
	}
	return int(live), leader, nil
}
