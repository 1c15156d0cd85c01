package broken

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

// handle is a sound handle: one of the memory adapter, at the other end of a
// link. Its messages and its records lie on hubs of their own, so that the
// latter can be lost.
type handle struct {
	messages *memory.Coordination
	records  atomic.Pointer[memory.Coordination]
	// nowhere has an empty hub of its own. While the link is not whole it tells
	// what a method refuses by itself, without the backend.
	nowhere  *memory.Coordination
	link     *link
	degraded func() bool // whether the backend takes no writes
	closing  sync.Once
}

var _ coordination.DistributedCoordination = (*handle)(nil)

func (h *handle) moveTo(hub *memory.Hub, namespace string) error {
	records, err := hub.Open(&memory.Options{Namespace: namespace})
	if err != nil {
		return err
	}
	select {
	case <-h.link.done:
		return records.Close()
	default:
	}
	h.records.Store(records)
	return nil
}

// over makes a call over the link.
func over[A, B any](
	ctx context.Context, h *handle, at *memory.Coordination, call func(at *memory.Coordination) (A, B, error),
) (a A, b B, err error) {
	if condition, _ := h.link.is(); condition == whole {
		return call(at)
	}
	if _, _, err := call(h.nowhere); refused(err) {
		return a, b, err
	}
	return a, b, h.link.await(ctx)
}

// refused says that a method did not even begin.
func refused(err error) bool {
	return errors.Is(err, coordination.ErrInvalidArgument) || errors.Is(err, coordination.ErrClosed) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// over1 and over0 are over for methods that return less.
func over1[A any](
	ctx context.Context, h *handle, at *memory.Coordination, call func(at *memory.Coordination) (A, error),
) (A, error) {
	a, _, err := over(ctx, h, at, func(at *memory.Coordination) (A, struct{}, error) {
		a, err := call(at)
		return a, struct{}{}, err
	})
	return a, err
}

func over0(ctx context.Context, h *handle, at *memory.Coordination, call func(at *memory.Coordination) error) error {
	_, err := over1(ctx, h, at, func(at *memory.Coordination) (struct{}, error) { return struct{}{}, call(at) })
	return err
}

func (h *handle) Publish(ctx context.Context, channel string, payload []byte) error {
	return over0(ctx, h, h.messages, func(at *memory.Coordination) error { return at.Publish(ctx, channel, payload) })
}

func (h *handle) PublishWithAck(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
	return over1(ctx, h, h.messages, func(at *memory.Coordination) (int, error) {
		return at.PublishWithAck(ctx, channel, payload, timeout)
	})
}

func (h *handle) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	inner, err := over1(ctx, h, h.messages, func(at *memory.Coordination) (coordination.Subscription, error) {
		subscription, err := at.Subscribe(ctx, pattern)
		if err == nil && at == h.nowhere {
			return nil, subscription.Close()
		}
		return subscription, err
	})
	if err != nil {
		return nil, err
	}
	return h.link.receive(pattern, inner)
}

func (h *handle) Get(ctx context.Context, key string) ([]byte, bool, error) {
	return over(ctx, h, h.records.Load(), func(at *memory.Coordination) ([]byte, bool, error) { return at.Get(ctx, key) })
}

func (h *handle) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return over0(ctx, h, h.records.Load(), func(at *memory.Coordination) error { return at.Set(ctx, key, value, ttl) })
}

func (h *handle) Keys(ctx context.Context, pattern string) ([]string, error) {
	return over1(ctx, h, h.records.Load(), func(at *memory.Coordination) ([]string, error) { return at.Keys(ctx, pattern) })
}

func (h *handle) Delete(ctx context.Context, key string) (bool, error) {
	return over1(ctx, h, h.records.Load(), func(at *memory.Coordination) (bool, error) { return at.Delete(ctx, key) })
}

func (h *handle) DeleteMany(ctx context.Context, keys ...string) (int, error) {
	return over1(ctx, h, h.records.Load(), func(at *memory.Coordination) (int, error) { return at.DeleteMany(ctx, keys...) })
}

func (h *handle) FlushAll(ctx context.Context) error {
	return over0(ctx, h, h.records.Load(), func(at *memory.Coordination) error { return at.FlushAll(ctx) })
}

func (h *handle) RegisterNode(ctx context.Context, nodeID string, metadata []byte) error {
	return over0(ctx, h, h.records.Load(), func(at *memory.Coordination) error { return at.RegisterNode(ctx, nodeID, metadata) })
}

func (h *handle) DeregisterNode(ctx context.Context, nodeID string) (bool, error) {
	return over1(ctx, h, h.records.Load(), func(at *memory.Coordination) (bool, error) { return at.DeregisterNode(ctx, nodeID) })
}

func (h *handle) Heartbeat(ctx context.Context, nodeID string, ttl time.Duration) error {
	return over0(ctx, h, h.records.Load(), func(at *memory.Coordination) error { return at.Heartbeat(ctx, nodeID, ttl) })
}

func (h *handle) ListNodes(ctx context.Context) ([]string, error) {
	return over1(ctx, h, h.records.Load(), func(at *memory.Coordination) ([]string, error) { return at.ListNodes(ctx) })
}

func (h *handle) NodeMetadata(ctx context.Context, nodeID string) ([]byte, bool, error) {
	return over(ctx, h, h.records.Load(), func(at *memory.Coordination) ([]byte, bool, error) { return at.NodeMetadata(ctx, nodeID) })
}

func (h *handle) TryAcquireLeadership(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
	return over(ctx, h, h.records.Load(), func(at *memory.Coordination) (uint64, bool, error) {
		return at.TryAcquireLeadership(ctx, nodeID, ttl)
	})
}

func (h *handle) ReleaseLeadership(ctx context.Context, nodeID string) (bool, error) {
	return over1(ctx, h, h.records.Load(), func(at *memory.Coordination) (bool, error) { return at.ReleaseLeadership(ctx, nodeID) })
}

func (h *handle) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	return over(ctx, h, h.records.Load(), func(at *memory.Coordination) (coordination.Leader, bool, error) { return at.Leader(ctx) })
}

func (h *handle) HealthCheck(ctx context.Context) (bool, error) {
	return over1(ctx, h, h.messages, func(at *memory.Coordination) (bool, error) {
		healthy, err := at.HealthCheck(ctx)
		return healthy && !h.degraded(), err
	})
}

func (h *handle) Stats(ctx context.Context) (coordination.Stats, error) {
	return over1(ctx, h, h.messages, func(at *memory.Coordination) (coordination.Stats, error) {
		stats, err := at.Stats(ctx)
		if err != nil {
			return coordination.Stats{}, err
		}
		records, err := h.records.Load().Stats(ctx)
		stats.ClusterSize, stats.Leader = records.ClusterSize, records.Leader
		if h.degraded() {
			stats.Metadata[coordination.DegradedKey] = "the backend takes no writes"
		}
		return stats, err
	})
}

func (h *handle) Close() error {
	h.closing.Do(func() {
		close(h.link.done)
		for _, part := range []*memory.Coordination{h.nowhere, h.messages, h.records.Load()} {
			_ = part.Close() // always nil
		}
	})
	return nil
}
