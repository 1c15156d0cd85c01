package sync

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// simCache is the cache of a simulated node, and watches over it: that no value
// is served whose stamp is below that of an operation the node has applied.
type simCache struct {
	node     string
	slow     func() time.Duration // how long a call takes
	fails    func() bool
	breathe  func()
	logf     func(format string, arguments ...any)
	violated func(format string, arguments ...any)

	mu       sync.Mutex // guards what follows
	entries  map[string]simEntry
	deciding Operation        // what was last let pass
	before   Stamp            // the newest stamp of its key before
	keys     map[string]Stamp // the newest operation on each key that was applied
	ranges   map[string]Stamp // the newest one on each pattern
	failed   bool             // a call has failed, after which some things go late
}

type simEntry struct {
	value string
	stamp Stamp
}

// Decide lets the default decide, and takes note.
func (c *simCache) Decide(operation Operation, conflict Conflict) (bool, string) {
	apply, reason := LastWriterWins{}.Decide(operation, conflict)
	c.logf("%s decides %v about %s %s=%s of %v (%s)", c.node, apply, operation.Type, operation.Key, operation.Value, operation.Stamp, reason)
	if apply {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.deciding, c.before = operation, c.keys[operation.Key]
		if strings.HasPrefix(string(operation.Value), simFilled) {
			return true, reason // nobody else is to know of it
		}
		switch operation.Type {
		case Set, Delete:
			c.keys[operation.Key] = latest(c.keys[operation.Key], operation.Stamp)
		case InvalidatePattern:
			c.ranges[operation.Key] = latest(c.ranges[operation.Key], operation.Stamp)
		case Clear:
			c.ranges["*"] = latest(c.ranges["*"], operation.Stamp)
		}
	}
	return apply, reason
}

// newest returns the stamp of the newest operation that bears on key.
func (c *simCache) newest(key string) Stamp {
	newest := c.keys[key]
	for pattern, stamp := range c.ranges {
		if covers(pattern, key) {
			newest = latest(newest, stamp)
		}
	}
	return newest
}

func (c *simCache) hasFailed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

func (c *simCache) call(ctx context.Context, change func()) error {
	c.breathe()
	if slow := c.slow(); slow > 0 { // a timer that is due when it is made can crash the race detector of Go 1.26
		pause(ctx, slow)
	}
	c.breathe()
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() != nil {
		c.failed = true
		return ctx.Err()
	}
	if c.fails() {
		c.failed = true
		if len(c.entries)%2 == 0 {
			panic("simulated")
		}
		return fmt.Errorf("simulated")
	}
	change()
	if !c.failed {
		c.check(c, "it")
	}
	return nil
}

// check says where the cache serves what is older than an operation that the
// node of other has applied.
func (c *simCache) check(other *simCache, who string) {
	for key, entry := range c.entries {
		if newest := other.newest(key); newest.newerThan(entry.stamp) {
			c.violated("%s serves %s=%s of %d although %s has applied %d", c.node, key, entry.value, entry.stamp.Wall, who, newest.Wall)
		}
	}
}

func (c *simCache) Set(ctx context.Context, key string, value []byte, _ time.Duration) error {
	err := fmt.Errorf("panicked")
	defer func() {
		if err != nil && c.deciding.Origin == c.node { // the others will not be told
			c.keys[key] = c.before
		}
	}()
	err = c.call(ctx, func() {
		entry := simEntry{string(value), c.deciding.Stamp}
		if lease, found := strings.CutPrefix(entry.value, simFilled); found { // it is as old as its load
			_, _ = fmt.Sscan(lease, &entry.stamp.Wall, &entry.stamp.Logical)
		}
		c.entries[key] = entry
	})
	return err
}

func (c *simCache) Delete(ctx context.Context, key string) error {
	return c.call(ctx, func() { delete(c.entries, key) })
}

func (c *simCache) InvalidatePattern(ctx context.Context, pattern string) error {
	return c.call(ctx, func() {
		for key := range c.entries {
			if covers(pattern, key) {
				delete(c.entries, key)
			}
		}
	})
}

func (c *simCache) Clear(ctx context.Context) error {
	return c.call(ctx, func() { clear(c.entries) })
}
