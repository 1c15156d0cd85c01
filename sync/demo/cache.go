package main

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// localCache is the cache of one node: a map in its process.
type localCache struct {
	mu      sync.Mutex // guards what follows
	entries map[string]entry
}

type entry struct {
	value string
	until time.Time // zero for no end
}

var _ dsync.Cache = (*localCache)(nil)

func newLocalCache() *localCache { return &localCache{entries: make(map[string]entry)} }

// Set implements dsync.Cache.
func (c *localCache) Set(_ context.Context, key string, value []byte, ttl time.Duration) error {
	kept := entry{value: string(value)}
	if ttl > 0 {
		kept.until = time.Now().Add(ttl)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[key] = kept
	return nil
}

// Delete implements dsync.Cache.
func (c *localCache) Delete(_ context.Context, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
	return nil
}

// InvalidatePattern implements dsync.Cache.
func (c *localCache) InvalidatePattern(_ context.Context, pattern string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.entries, func(key string, _ entry) bool { return coordination.Match(pattern, key) })
	return nil
}

// Clear implements dsync.Cache.
func (c *localCache) Clear(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
	return nil
}

// values returns what can be read now.
func (c *localCache) values() map[string]string {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	values := make(map[string]string, len(c.entries))
	for key, kept := range c.entries {
		if kept.until.IsZero() || now.Before(kept.until) {
			values[key] = kept.value
		}
	}
	return values
}
