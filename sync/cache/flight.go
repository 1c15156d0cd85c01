package cache

import (
	"context"
	"errors"
	"fmt"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// maxRefreshes is how many loads run in the background at a time.
const maxRefreshes = 64

// flight is one load and those who wait for it.
type flight[V any] struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	waiters int // guarded by Cache.mu; a background load has one that stays

	done  chan struct{} // closed when value and err are set
	value V
	err   error
}

// join waits for the load of key, and starts it if there is none to join.
func (c *Cache[V]) join(ctx context.Context, key string, load Load[V]) (value V, err error) {
	if err := ctx.Err(); err != nil {
		return value, err
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return value, coordination.ErrClosed
	}
	f := c.flights[key]
	if f == nil || f.ctx.Err() != nil {
		f = c.start(ctx, key, load)
	}
	f.waiters++
	c.mu.Unlock()
	defer c.leave(key, f)

	select {
	case <-f.done:
	case <-ctx.Done():
		return value, ctx.Err()
	case <-f.ctx.Done():
		select {
		case <-f.done: // it ended by itself
		default:
			return value, context.Cause(f.ctx) // it does not mind its context
		}
	}
	return f.value, f.err
}

// leave cancels the load that the last caller leaves.
func (c *Cache[V]) leave(key string, f *flight[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.waiters--
	if f.waiters == 0 {
		c.detach(key, f)
		f.cancel(context.Canceled)
	}
}

// detach lets no further caller join f. The caller holds mu.
func (c *Cache[V]) detach(key string, f *flight[V]) {
	if c.flights[key] == f {
		delete(c.flights, key)
	}
}

// refresh starts a load in the background if none runs for key.
func (c *Cache[V]) refresh(ctx context.Context, key string, load Load[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.flights[key]
	if c.closed || f != nil && f.ctx.Err() == nil || len(c.running) >= maxRefreshes {
		return
	}
	c.counts.refreshes.Add(1)
	c.start(ctx, key, load).waiters = 1
}

// start starts the load of key. The caller holds mu.
func (c *Cache[V]) start(ctx context.Context, key string, load Load[V]) *flight[V] {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	ctx, stop := context.WithTimeoutCause(ctx, c.options.LoadTimeout, ErrLoadTimeout)
	f := &flight[V]{ctx: ctx, cancel: cancel, done: make(chan struct{}), err: ErrLoadPanicked}
	c.flights[key], c.running[f] = f, struct{}{}
	c.counts.loads.Add(1)
	go func() {
		defer stop()
		defer c.finish(key, f)
		c.run(f, key, load)
	}()
	return f
}

// finish hands the result to those who wait. It is deferred, since the load may
// end the goroutine.
func (c *Cache[V]) finish(key string, f *flight[V]) {
	if f.err != nil && !errors.Is(f.err, ErrNotFound) {
		c.counts.loadErrors.Add(1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	close(f.done)
	c.detach(key, f)
	delete(c.running, f)
	if c.closed && len(c.running) == 0 {
		close(c.idle)
	}
}

// run loads and stores. It sets the result of f also if the load panics; if the
// load ends the goroutine, f keeps ErrLoadPanicked.
func (c *Cache[V]) run(f *flight[V], key string, load Load[V]) {
	defer func() {
		if cause := recover(); cause != nil {
			f.err = fmt.Errorf("%w: %v", ErrLoadPanicked, cause)
		}
	}()
	readable := c.node.Readable()
	lease := c.node.Begin() // before the load: whatever changes key from here on wins
	value, err := load(f.ctx, key)
	missing := errors.Is(err, ErrNotFound)
	if cause := context.Cause(f.ctx); err != nil && !missing && cause != nil {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	if err == nil || missing {
		c.store(f, lease, readable, key, value, missing)
	}
	if f.err = err; err == nil {
		f.value = value
	}
}

// store keeps a loaded value, unless an operation that bears on the key was applied
// since the lease began, or the node is not or was not Readable.
func (c *Cache[V]) store(f *flight[V], lease dsync.Stamp, readable bool, key string, value V, missing bool) {
	stored := false
	if readable && c.node.Readable() {
		e := &entry[V]{missing: missing, keep: c.options.NegativeTTL}
		if !missing {
			e = c.entryFor(value, jittered(c.options.TTL))
		}
		e.loaded = true
		err := c.node.FillFunc(f.ctx, lease, c.prefix+key, func(context.Context) error {
			stored = c.put(key, e, f)
			return nil
		})
		stored = stored && err == nil
	}
	if !stored {
		c.counts.discarded.Add(1)
	}
}

// put stores e and reports true, unless the cache is closed or an operation has
// detached f, which is nil for a value that was told. An e that lives for no time
// replaces a value by none.
func (c *Cache[V]) put(key string, e *entry[V], f *flight[V]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed || f != nil && c.flights[key] != f:
		return false
	case e.keep == 0:
		c.entries.Invalidate(key)
	default:
		c.entries.Set(key, e)
	}
	return true
}

func (c *Cache[V]) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Close drops all values, cancels the loads and waits for them until ctx is done.
// It frees the prefix; the other nodes do not notice. Later calls of Get and Set
// return coordination.ErrClosed. A second Close waits as well.
//
// Errors: coordination.ErrInvalidArgument for a nil ctx; ctx.Err(), while loads
// that ignore their context still run.
func (c *Cache[V]) Close(ctx context.Context) error {
	if err := coordination.CheckContext("close", ctx); err != nil {
		return err
	}
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	for f := range c.running {
		f.cancel(coordination.ErrClosed)
	}
	if first && len(c.running) == 0 {
		close(c.idle)
	}
	c.mu.Unlock()
	if first {
		c.node.routes.remove(c.prefix)
		c.entries.InvalidateAll()
		c.entries.StopAllGoroutines()
		c.clock.Stop()
	}
	select {
	case <-c.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close: loads still run: %w", ctx.Err())
	}
}
