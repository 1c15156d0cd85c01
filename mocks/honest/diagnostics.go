package honest

import (
	"context"
	"math"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Diagnostics wraps a mock of coordination.Diagnostics.
func Diagnostics(t T, mock coordination.Diagnostics) coordination.Diagnostics {
	t.Helper()
	if !exists(t, "Diagnostics", mock) {
		return nil
	}
	return &diagnostics{&witness{t: t}, mock}
}

type diagnostics struct {
	*witness
	mock coordination.Diagnostics
}

func (d *diagnostics) HealthCheck(ctx context.Context) (bool, error) {
	d.t.Helper()
	c := d.begin(ctx, "HealthCheck", nil)
	healthy, err := d.mock.HealthCheck(ctx)
	c.succeeded(failures{unavailable, errorsOfHealthCheck, zeroValues}, err, healthy)
	return healthy, err
}

func (d *diagnostics) Stats(ctx context.Context) (coordination.Stats, error) {
	d.t.Helper()
	c := d.begin(ctx, "Stats", nil)
	stats, err := d.mock.Stats(ctx)
	if c.succeeded(failures{unavailable, nameless, zeroValues}, err, stats) {
		c.judgeStats(stats)
	}
	return stats, err
}

func (c *call) judgeStats(stats coordination.Stats) {
	c.t.Helper()
	if stats.Subscriptions < 0 {
		c.lie("Subscriptions is negative", countsSubscriptions)
	}
	if stats.ClusterSize < 0 {
		c.lie("ClusterSize is negative", countsMembers)
	}
	if len(stats.Leader) > coordination.MaxNameLen {
		c.lie("Leader is too long", legalLengths)
	}
	if !isRate(stats.PublishRate) {
		c.lie("PublishRate is negative or no number", ratesPublished)
	}
	if !isRate(stats.ReceiveRate) {
		c.lie("ReceiveRate is negative or no number", ratesReceived)
	}
	if stats.Metadata[coordination.BackendKey] == "" {
		c.lie("Metadata does not name the backend", namesBackend)
	}
	if _, ok := stats.Metadata[coordination.NamespaceKey]; !ok {
		c.lie("Metadata does not name the namespace", namesBackend)
	}
}

// isRate is false for what is not a number, too.
func isRate(rate float64) bool { return rate >= 0 && !math.IsInf(rate, 1) }
