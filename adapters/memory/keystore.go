package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

const (
	// stepLen is how many keys one step of a long method looks at before it
	// lets others have the lock: some 50 µs.
	stepLen = 1000

	// sweepLen is how many keys that have ended a write removes. It adds one at
	// the most, so that those which have ended vanish faster than they come.
	sweepLen = 4
)

// keyStore is the keys of a space.
type keyStore struct {
	mu      sync.RWMutex // guards what follows
	entries *entries
}

// Get implements coordination.KeyStore.
func (c *Coordination) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := c.admit(ctx, "get",
		coordination.CheckName("get", "key", key),
	); err != nil {
		return nil, false, err
	}
	found, ok := c.space.keys.get(key)
	if !ok {
		return nil, false, nil
	}
	return []byte(found.value), true, nil
}

// Set implements coordination.KeyStore.
func (c *Coordination) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := c.admit(ctx, "set",
		coordination.CheckName("set", "key", key),
		coordination.CheckPayload("set", "value", value),
		coordination.CheckExpiry("set", ttl),
	); err != nil {
		return err
	}
	c.space.keys.set(key, string(value), ttl)
	return nil
}

// Keys implements coordination.KeyStore.
func (c *Coordination) Keys(ctx context.Context, pattern string) ([]string, error) {
	if err := c.admit(ctx, "keys",
		coordination.CheckName("keys", "pattern", pattern),
	); err != nil {
		return nil, err
	}
	keys := []string{}
	prefix, exact := coordination.LiteralPrefix(pattern)
	if exact {
		if _, ok := c.space.keys.get(prefix); ok {
			keys = append(keys, prefix)
		}
		return keys, nil
	}
	for next := prefix; ; {
		before := len(keys)
		var more bool
		keys, next, more = c.space.keys.step(keys, prefix, next)
		// Matching may take long with long keys, so it is done without the lock.
		matching := slices.DeleteFunc(keys[before:], func(key string) bool {
			return !coordination.Match(pattern, key)
		})
		keys = keys[:before+len(matching)]
		if !more {
			return keys, nil
		}
		if err := c.ready(ctx, "keys"); err != nil {
			return nil, err
		}
	}
}

// Delete implements coordination.KeyStore.
func (c *Coordination) Delete(ctx context.Context, key string) (bool, error) {
	if err := c.admit(ctx, "delete",
		coordination.CheckName("delete", "key", key),
	); err != nil {
		return false, err
	}
	return c.space.keys.remove(key) == 1, nil
}

// DeleteMany implements coordination.KeyStore.
func (c *Coordination) DeleteMany(ctx context.Context, keys ...string) (int, error) {
	const operation = "delete many"
	if err := c.admit(ctx, operation, checkKeys(operation, keys)); err != nil {
		return 0, err
	}
	if len(keys) <= stepLen {
		return c.space.keys.remove(keys...), nil
	}
	// A key that is set again between two steps must not count twice.
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	removed := 0
	for step := range slices.Chunk(keys, stepLen) {
		if err := c.ready(ctx, operation); err != nil {
			return 0, err
		}
		removed += c.space.keys.remove(step...)
	}
	return removed, nil
}

func checkKeys(operation string, keys []string) error {
	for i, key := range keys {
		if coordination.CheckName(operation, "keys", key) != nil {
			return coordination.CheckName(operation, fmt.Sprintf("keys[%d]", i), key)
		}
	}
	return nil
}

// FlushAll implements coordination.KeyStore. It is atomic.
func (c *Coordination) FlushAll(ctx context.Context) error {
	if err := c.admit(ctx, "flush all"); err != nil {
		return err
	}
	c.space.keys.flush()
	return nil
}

func (k *keyStore) get(key string) (entry, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.entries.get(key, time.Now())
}

func (k *keyStore) set(key, value string, ttl time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	added := entry{value: value}
	if ttl > 0 {
		added.end = endOf(now, ttl)
	}
	k.entries.sweep(now, sweepLen)
	k.entries.set(key, added)
}

func (k *keyStore) remove(keys ...string) (removed int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for _, key := range keys {
		if k.entries.remove(key, now) {
			removed++
		}
	}
	k.entries.sweep(now, sweepLen)
	return removed
}

// step appends to keys those that begin with prefix, of the next stepLen from
// the key from on, and says whether there are more and from which key on.
func (k *keyStore) step(keys []string, prefix, from string) (_ []string, next string, more bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	now := time.Now()
	left := stepLen
	k.entries.byName.Ascend(from, func(key string, found entry) bool {
		if !strings.HasPrefix(key, prefix) {
			return false
		}
		if left == 0 {
			next, more = key, true
			return false
		}
		left--
		if found.live(now) {
			keys = append(keys, key)
		}
		return true
	})
	return keys, next, more
}

// flush leaves what was there to the garbage collector, which works in steps.
func (k *keyStore) flush() {
	fresh := newEntries()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.entries = fresh
}
