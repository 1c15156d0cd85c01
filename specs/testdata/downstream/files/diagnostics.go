package files

import (
	"context"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// HealthCheck implements coordination.Diagnostics.
func (h *Handle) HealthCheck(ctx context.Context) (bool, error) {
	const operation = "health check"
	if err := h.admit(ctx, operation); err != nil {
		return false, err
	}
	degraded, err := h.degraded()
	return err == nil && degraded == "", h.explain(operation, err)
}

// degraded says why the handle can read, but not write.
func (h *Handle) degraded() (string, error) {
	if _, err := os.Stat(h.home); err != nil {
		return "", err
	}
	const forWriting = 2 // W_OK
	writable := syscall.Access(h.home, forWriting) == nil
	if !writable {
		return "the directory is not writable", nil
	}
	return "", nil
}

// Stats implements coordination.Diagnostics.
func (h *Handle) Stats(ctx context.Context) (coordination.Stats, error) {
	const operation = "stats"
	if err := h.admit(ctx, operation); err != nil {
		return coordination.Stats{}, err
	}
	degraded, err := h.degraded()
	if err != nil {
		return coordination.Stats{}, h.explain(operation, err)
	}
	nodes, err := h.nodes.names(ctx)
	if err != nil {
		return coordination.Stats{}, h.explain(operation, err)
	}
	leader, _, err := h.lease()
	if err != nil {
		return coordination.Stats{}, h.explain(operation, err)
	}
	h.mu.Lock()
	subscriptions := len(h.open)
	h.mu.Unlock()
	stats := coordination.Stats{
		Subscriptions: subscriptions,
		ClusterSize:   len(nodes),
		Leader:        leader.NodeID,
		PublishRate:   h.published.perSecond(),
		ReceiveRate:   h.received.perSecond(),
		Metadata: map[string]string{
			coordination.BackendKey:   "files",
			coordination.NamespaceKey: h.namespace,
		},
	}
	if degraded != "" {
		stats.Metadata[coordination.DegradedKey] = degraded
	}
	return stats, nil
}

// rate counts events by quarter seconds, over the last ten seconds.
type rate struct {
	mu     sync.Mutex
	counts map[int64]int // by the number of the quarter second
}

const (
	window  = 10 * time.Second
	quarter = time.Second / 4
)

// recent forgets what is older than the window and returns the rest, and the
// number of this quarter second.
func (r *rate) recent() (counts map[int64]int, now int64) {
	now = time.Now().UnixNano() / int64(quarter)
	for number := range r.counts {
		if number <= now-int64(window/quarter) {
			delete(r.counts, number)
		}
	}
	return r.counts, now
}

func (r *rate) add() {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts, now := r.recent()
	if counts == nil {
		counts = make(map[int64]int)
		r.counts = counts
	}
	counts[now]++
}

func (r *rate) perSecond() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts, _ := r.recent()
	sum := 0
	for _, count := range counts {
		sum += count
	}
	return float64(sum) / window.Seconds()
}
