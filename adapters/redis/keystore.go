package redis

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

const (
	// scanStep is how many keys the server looks at in one step of a walk. It
	// serves nobody else meanwhile: well under a millisecond.
	scanStep = 1000

	// deleteStep is how many keys one UNLINK names.
	deleteStep = 1000
)

// Get implements coordination.KeyStore.
func (c *Coordination) Get(ctx context.Context, key string) ([]byte, bool, error) {
	const operation = "get"
	if err := checkName(ctx, operation, "key", key); err != nil {
		return nil, false, err
	}
	reply, err := c.callKey(ctx, operation, c.names.keys+key, "get", c.names.keys+key)
	return c.toBytes(operation, reply, err)
}

// Set implements coordination.KeyStore.
func (c *Coordination) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	const operation = "set"
	if err := checkName(ctx, operation, "key", key); err != nil {
		return err
	}
	if err := coordination.CheckPayload(operation, "value", value); err != nil {
		return err
	}
	if err := coordination.CheckExpiry(operation, ttl); err != nil {
		return err
	}
	// A copy: the pipeline may still hold it when ctx has ended the wait.
	arguments := []any{"set", c.names.keys + key, string(value)}
	if ttl > 0 {
		arguments = append(arguments, "px", coordination.Millis(ttl))
	}
	_, err := c.callKey(ctx, operation, c.names.keys+key, arguments...)
	return err
}

// Keys implements coordination.KeyStore.
func (c *Coordination) Keys(ctx context.Context, pattern string) ([]string, error) {
	const operation = "keys"
	if err := checkName(ctx, operation, "pattern", pattern); err != nil {
		return nil, err
	}
	keys := []string{}
	if key, exact := coordination.LiteralPrefix(pattern); exact {
		reply, err := c.callKey(ctx, operation, c.names.keys+key, "exists", c.names.keys+key)
		found, err := c.toBool(operation, reply, err)
		if err != nil {
			return nil, err
		}
		if found {
			keys = append(keys, key)
		}
		return keys, nil
	}
	err := c.scan(ctx, operation, narrow(pattern), func(found []string) error {
		for _, name := range found {
			if key := strings.TrimPrefix(name, c.names.keys); coordination.Match(pattern, key) {
				keys = append(keys, key)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil // SCAN may return a key more than once
}

// Delete implements coordination.KeyStore.
func (c *Coordination) Delete(ctx context.Context, key string) (bool, error) {
	const operation = "delete"
	if err := checkName(ctx, operation, "key", key); err != nil {
		return false, err
	}
	reply, err := c.callKey(ctx, operation, c.names.keys+key, "unlink", c.names.keys+key)
	return c.toBool(operation, reply, err)
}

// DeleteMany implements coordination.KeyStore.
func (c *Coordination) DeleteMany(ctx context.Context, keys ...string) (int, error) {
	const operation = "delete many"
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return 0, err
	}
	for i, key := range keys {
		if coordination.CheckName(operation, "keys", key) != nil {
			return 0, coordination.CheckName(operation, fmt.Sprintf("keys[%d]", i), key)
		}
	}
	if err := c.begin(ctx, operation); err != nil {
		return 0, err
	}
	return c.unlink(ctx, operation, c.names.keysOf(keys))
}

// FlushAll implements coordination.KeyStore.
func (c *Coordination) FlushAll(ctx context.Context) error {
	const operation = "flush all"
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return err
	}
	return c.scan(ctx, operation, "*", func(found []string) error {
		_, err := c.unlink(ctx, operation, found)
		return err
	})
}

// unlink removes keys, its steps pipelined within a window, and counts those that
// existed. After an error it submits no more steps and waits for those under way.
func (c *Coordination) unlink(ctx context.Context, operation string, keys []string) (int, error) {
	size := deleteStep
	if c.home.cluster != nil {
		size = 1 // a command must not touch two slots
	}
	if len(keys) > 0 && len(keys) <= size {
		reply, err := c.callKey(ctx, operation, keys[0], unlinkCall(keys)...)
		return c.toInt(operation, reply, err)
	}
	// A key that is set again between two steps must not count twice.
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	w := &window{ctx: ctx}
	total := 0
	var failed error
	for step := range slices.Chunk(keys, size) {
		if failed != nil {
			break
		}
		s, err := c.serverOf(ctx, step[0])
		if err != nil {
			failed = c.failure(ctx, operation, err)
			break
		}
		w.add(s, func(reply any, err error) {
			removed, err := c.toInt(operation, reply, c.failure(ctx, operation, err))
			failed = cmp.Or(failed, err)
			total += removed
		}, unlinkCall(step)...)
	}
	w.drain()
	if failed != nil {
		return 0, failed
	}
	return total, nil
}

func unlinkCall(keys []string) []any {
	call := make([]any, 1, 1+len(keys))
	call[0] = "unlink"
	for _, key := range keys {
		call = append(call, key)
	}
	return call
}
