package files

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Get implements coordination.KeyStore.
func (h *Handle) Get(ctx context.Context, key string) ([]byte, bool, error) {
	const operation = "get"
	if err := h.admit(ctx, operation, coordination.CheckName(operation, "key", key)); err != nil {
		return nil, false, err
	}
	r, found, err := h.keys.get(key)
	return r.Value, found, h.explain(operation, err)
}

// Set implements coordination.KeyStore.
func (h *Handle) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	const operation = "set"
	if err := h.admit(ctx, operation,
		coordination.CheckName(operation, "key", key),
		coordination.CheckPayload(operation, "value", value),
		coordination.CheckExpiry(operation, ttl),
	); err != nil {
		return err
	}
	return h.explain(operation, h.exclusively(ctx, h.done, func() error {
		r := record{Name: key, Value: value}
		if ttl > 0 {
			r.End = endOf(ttl)
		}
		return h.keys.set(r)
	}))
}

// Keys implements coordination.KeyStore.
func (h *Handle) Keys(ctx context.Context, pattern string) ([]string, error) {
	const operation = "keys"
	if err := h.admit(ctx, operation, coordination.CheckName(operation, "pattern", pattern)); err != nil {
		return nil, err
	}
	keys, err := h.keys.names(ctx)
	if err != nil {
		return nil, h.explain(operation, err)
	}
	return slices.DeleteFunc(keys, func(key string) bool { return !coordination.Match(pattern, key) }), nil
}

// Delete implements coordination.KeyStore.
func (h *Handle) Delete(ctx context.Context, key string) (bool, error) {
	const operation = "delete"
	if err := h.admit(ctx, operation, coordination.CheckName(operation, "key", key)); err != nil {
		return false, err
	}
	removed, err := h.keys.remove(ctx, key)
	return removed, h.explain(operation, err)
}

// DeleteMany implements coordination.KeyStore.
func (h *Handle) DeleteMany(ctx context.Context, keys ...string) (int, error) {
	const operation = "delete many"
	checks := make([]error, len(keys))
	for i, key := range keys {
		checks[i] = coordination.CheckName(operation, fmt.Sprintf("keys[%d]", i), key)
	}
	if err := h.admit(ctx, operation, checks...); err != nil {
		return 0, err
	}
	count := 0
	for _, key := range slices.Compact(slices.Sorted(slices.Values(keys))) {
		removed, err := h.keys.remove(ctx, key)
		if err != nil {
			return 0, h.explain(operation, err)
		}
		if removed {
			count++
		}
	}
	return count, nil
}

// FlushAll implements coordination.KeyStore.
func (h *Handle) FlushAll(ctx context.Context) error {
	const operation = "flush all"
	if err := h.admit(ctx, operation); err != nil {
		return err
	}
	return h.explain(operation, h.clear(ctx, h.keys.dir))
}
