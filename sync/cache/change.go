package cache

import (
	"context"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Set stores value under key on all nodes for Options.TTL. It encodes value, and
// keeps a decoded copy: the caller still owns value.
//
// Errors: coordination.ErrInvalidArgument for a nil ctx, a key that is too long
// and an encoded value above dsync.MaxValueLen; coordination.ErrClosed; the
// codec's error, with nothing changed elsewhere; those of DistributedSync.Set.
func (c *Cache[V]) Set(ctx context.Context, key string, value V) error {
	const call = "set"
	if err := c.open(ctx, call, key); err != nil {
		return err
	}
	data, err := c.encode(value)
	if err != nil {
		return fmt.Errorf("%s %q: encode: %w", call, key, err)
	}
	return c.node.Set(ctx, c.prefix+key, data, jittered(c.options.TTL))
}

// Delete drops key on all nodes. Change the source first: a load that began
// before Delete returned may otherwise store the old value again.
//
// Errors: coordination.ErrInvalidArgument for a nil ctx and a key that is too
// long; coordination.ErrClosed; those of DistributedSync.Delete.
func (c *Cache[V]) Delete(ctx context.Context, key string) error {
	if err := c.open(ctx, "delete", key); err != nil {
		return err
	}
	return c.node.Delete(ctx, c.prefix+key)
}

// InvalidatePattern drops on all nodes every key of this cache that pattern
// matches, as coordination.Match decides. The prefix is no part of pattern. It
// returns the errors of Delete.
func (c *Cache[V]) InvalidatePattern(ctx context.Context, pattern string) error {
	if err := c.open(ctx, "invalidate", pattern); err != nil {
		return err
	}
	return c.node.InvalidatePattern(ctx, literal(c.prefix)+pattern)
}

// Clear drops every key of this cache on all nodes. It returns the errors of
// Delete.
func (c *Cache[V]) Clear(ctx context.Context) error { return c.InvalidatePattern(ctx, "*") }

func (c *Cache[V]) open(ctx context.Context, call, key string) error {
	if err := c.check(ctx, call, key); err != nil {
		return err
	}
	if c.isClosed() {
		return fmt.Errorf("%s: %w", call, coordination.ErrClosed)
	}
	return nil
}

// encode encodes value. A panic of the codec becomes an error.
func (c *Cache[V]) encode(value V) (data []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("codec panicked: %v", cause)
		}
	}()
	return c.options.Codec.Encode(value)
}

// apply stores a value of Set, of this node or another. If it fails, or panics,
// DistributedSync drops the key.
func (c *Cache[V]) apply(key string, data []byte, ttl time.Duration) error {
	c.detachKey(key)
	decoded := false
	defer func() {
		if !decoded {
			c.counts.undecodable.Add(1)
		}
	}()
	value, err := c.options.Codec.Decode(data)
	if err != nil {
		return fmt.Errorf("decode %q: %w", c.prefix+key, err)
	}
	decoded = true
	if ttl == 0 {
		ttl = c.options.TTL // of a node that set the key without a TTL
	}
	c.put(key, c.entryFor(value, ttl), nil)
	return nil
}

func (c *Cache[V]) drop(key string) {
	c.detachKey(key)
	c.entries.Invalidate(key)
}

// dropLoaded drops key if it was loaded.
func (c *Cache[V]) dropLoaded(key string) {
	c.detachKey(key)
	if e, found := c.entries.GetIfPresent(key); found && e.loaded {
		c.entries.Invalidate(key)
	}
}

// detachKey has callers that come after an operation start a new load.
func (c *Cache[V]) detachKey(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flights, key)
}

// dropMatching drops the keys that pattern, of whole keys, matches: all of them or
// only those that were loaded.
func (c *Cache[V]) dropMatching(ctx context.Context, pattern string, loadedOnly bool) error {
	if pattern == literal(c.prefix)+"*" && !loadedOnly {
		c.dropAll()
		return nil
	}
	c.mu.Lock()
	for key := range c.flights {
		if coordination.Match(pattern, c.prefix+key) {
			delete(c.flights, key)
		}
	}
	c.mu.Unlock()
	for key, e := range c.entries.All() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if (e.loaded || !loadedOnly) && coordination.Match(pattern, c.prefix+key) {
			c.entries.Invalidate(key)
		}
	}
	return nil
}

func (c *Cache[V]) dropAll() {
	c.mu.Lock()
	clear(c.flights)
	c.mu.Unlock()
	c.entries.InvalidateAll()
}
