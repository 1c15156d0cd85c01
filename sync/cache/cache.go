package cache

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/riptidecrawler/coordkit/coordination"
)

var (
	// ErrNotFound says that the source has no value for the key. A load returns it,
	// wrapped or not, and Get then returns an error that matches it.
	ErrNotFound = errors.New("cache: not found")

	// ErrLoadPanicked says that a load panicked or ended its goroutine
	// (runtime.Goexit).
	ErrLoadPanicked = errors.New("cache: load panicked")

	// ErrLoadTimeout says that a load took longer than Options.LoadTimeout.
	ErrLoadTimeout = errors.New("cache: load timed out")
)

// Load returns the value of key from its source, or ErrNotFound. key is without
// the prefix of the cache. Load must return when ctx is done: at LoadTimeout, when
// no caller waits for it any more, and when the cache closes. A Load that asks this cache
// for the same key waits for itself, until LoadTimeout.
type Load[V any] func(ctx context.Context, key string) (V, error)

// Result is what Fetch returns.
type Result[V any] struct {
	Value V
	// Stale is true if the TTL of Value has expired and its load failed.
	Stale bool
}

// Cache holds values of type V in this process. Make it with New. All methods are
// safe for concurrent use.
type Cache[V any] struct {
	node    *Node
	prefix  string
	options Options[V]
	timed   bool // entries need the time at a hit
	clock   *otter.CoarseClock
	entries *otter.Cache[string, *entry[V]]
	counts  counts

	mu      sync.Mutex
	flights map[string]*flight[V]   // those that a caller may join
	running map[*flight[V]]struct{} // those whose goroutine runs
	closed  bool
	idle    chan struct{} // closed once closed and nothing runs
}

// entry is a value with its times, which are zero if they play no part.
type entry[V any] struct {
	value   V
	missing bool // the source has none
	loaded  bool // not told by Set
	keep    time.Duration
	refresh time.Time // a hit after it starts a load
	expires time.Time // served after it only if a load fails
}

// New returns a cache of values whose keys begin with prefix among all keys of the
// cluster. Nodes that share values use the same prefix. options may be nil. Close
// the cache before the node.
//
// Errors: coordination.ErrInvalidArgument for a nil node, an invalid option, and a
// prefix that overlaps with that of another open cache on this node.
func New[V any](node *Node, prefix string, options *Options[V]) (*Cache[V], error) {
	if node == nil || node.routes == nil {
		return nil, invalid("new", "node", "is nil, want one of NewNode")
	}
	if len(prefix) >= coordination.MaxNameLen {
		return nil, invalid("new", "prefix", fmt.Sprintf("has %d bytes, want less than %d", len(prefix), coordination.MaxNameLen))
	}
	set, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Cache[V]{
		node:    node,
		prefix:  prefix,
		options: set,
		timed:   set.StaleFor > 0 || set.RefreshAfter > 0,
		flights: make(map[string]*flight[V]),
		running: make(map[*flight[V]]struct{}),
		idle:    make(chan struct{}),
	}
	c.clock = otter.NewCoarseClock(resolution)
	if c.entries, err = otter.New(c.otterOptions()); err != nil {
		c.clock.Stop()
		return nil, fmt.Errorf("new: %w", err)
	}
	if err := node.routes.add(prefix, c); err != nil {
		c.entries.StopAllGoroutines()
		c.clock.Stop()
		return nil, err
	}
	return c, nil
}

// resolution is how exact the times of entries are. A hit reads the precise time
// once, for Readable; to read it for the TTL too would cost as much as the rest.
const resolution = 50 * time.Millisecond

func (c *Cache[V]) otterOptions() *otter.Options[string, *entry[V]] {
	options := &otter.Options[string, *entry[V]]{
		Clock: c.clock,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, *entry[V]]) time.Duration {
			return e.Value.keep
		}),
		OnAtomicDeletion: func(e otter.DeletionEvent[string, *entry[V]]) {
			if e.Cause == otter.CauseOverflow {
				c.counts.evictions.Add(1)
			}
		},
	}
	if c.options.Weigh == nil {
		options.MaximumSize = int(min(c.options.Capacity, math.MaxInt))
		return options
	}
	options.MaximumWeight = c.options.Capacity
	options.Weigher = func(key string, e *entry[V]) uint32 {
		if e.missing {
			return 1
		}
		return max(c.options.Weigh(key, e.value), 1)
	}
	return options
}

// Get returns the value of key: from memory, or from load, whose result it stores.
// Callers that miss together share one load, under the context values of the first.
// A caller whose ctx ends leaves the load to the others.
//
// The value is shared with other callers and must not be changed.
//
// Errors: coordination.ErrInvalidArgument for a nil ctx, a nil load or a key that
// is too long; coordination.ErrClosed after Close; ErrNotFound; ErrLoadTimeout;
// ErrLoadPanicked; the load's own error; ctx.Err(). With Options.StaleFor an error
// of the load is replaced by the last value: see Fetch.
func (c *Cache[V]) Get(ctx context.Context, key string, load Load[V]) (V, error) {
	if !c.timed {
		if e, found := c.entries.GetIfPresent(key); found && !e.missing && c.node.Readable() {
			c.counts.hits.add()
			return e.value, nil
		}
	}
	result, err := c.Fetch(ctx, key, load)
	return result.Value, err
}

// Fetch is Get that also reports whether the value is stale.
func (c *Cache[V]) Fetch(ctx context.Context, key string, load Load[V]) (Result[V], error) {
	const call = "get"
	if err := c.check(ctx, call, key); err != nil {
		return Result[V]{}, err
	}
	if load == nil {
		return Result[V]{}, invalid(call, "load", "is nil")
	}
	e := c.lookup(key)
	if e != nil && (e.expires.IsZero() || time.Now().Before(e.expires)) {
		c.counts.hits.add()
		if !e.refresh.IsZero() && !time.Now().Before(e.refresh) {
			c.refresh(ctx, key, load)
		}
		if e.missing {
			return Result[V]{}, fmt.Errorf("%s %q: %w", call, key, ErrNotFound)
		}
		return Result[V]{Value: e.value}, nil
	}
	c.counts.misses.Add(1)
	value, err := c.join(ctx, key, load)
	if err == nil {
		return Result[V]{Value: value}, nil
	}
	if !errors.Is(err, ErrNotFound) && !errors.Is(err, coordination.ErrClosed) {
		// Looked up again: an operation may have dropped it during the load.
		if e := c.lookup(key); e != nil && !e.missing {
			stale := !e.expires.IsZero() && !time.Now().Before(e.expires)
			if stale {
				c.counts.stale.Add(1)
			}
			return Result[V]{Value: e.value, Stale: stale}, nil
		}
	}
	return Result[V]{}, fmt.Errorf("%s %q: %w", call, key, err)
}

// Peek returns the value of key if it is in memory, may be served and its TTL has
// not expired. It loads nothing and does not count.
func (c *Cache[V]) Peek(key string) (value V, found bool) {
	e := c.lookup(key)
	if e == nil || e.missing || !e.expires.IsZero() && !time.Now().Before(e.expires) {
		return value, false
	}
	return e.value, true
}

// lookup returns what is in memory, or nil if there is nothing that may be served.
func (c *Cache[V]) lookup(key string) *entry[V] {
	if e, found := c.entries.GetIfPresent(key); found && c.node.Readable() {
		return e
	}
	return nil
}

func (c *Cache[V]) check(ctx context.Context, call, key string) error {
	if err := coordination.CheckContext(call, ctx); err != nil {
		return err
	}
	if length := len(c.prefix) + len(key); length == 0 || length > coordination.MaxNameLen {
		return coordination.CheckName(call, "key", c.prefix+key)
	}
	return nil
}

// entryFor returns an entry that lives for ttl and whatever the options add.
func (c *Cache[V]) entryFor(value V, ttl time.Duration) *entry[V] {
	e := &entry[V]{value: value, keep: ttl}
	if c.options.StaleFor > 0 {
		e.keep += c.options.StaleFor
		e.expires = time.Now().Add(ttl)
	}
	if after := c.options.RefreshAfter; after > 0 {
		e.refresh = time.Now().Add(min(after, ttl))
	}
	return e
}

// jittered shortens ttl by up to a tenth.
func jittered(ttl time.Duration) time.Duration { return ttl - rand.N(ttl/10+1) }

// literal quotes a prefix for a pattern.
func literal(prefix string) string { return quoting.Replace(prefix) }

var quoting = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)
