package sync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// change applies an operation of this node's own, here only to what is remembered
// where the caller has changed the cache himself, and tells the others.
func (s *DistributedSync) change(ctx context.Context, call string, operation Operation, here bool) error {
	if err := s.admit(ctx, call, operation.check(call)); err != nil {
		return err
	}
	operation.Origin, operation.Epoch = s.self.node, s.self.epoch
	operation.TTL, operation.Value = normalized(operation.TTL), bytes.Clone(operation.Value)
	size := operation.size()
	left, err := s.reserve(ctx, size)
	if err != nil {
		return fmt.Errorf("%s %q: %w", call, operation.Key, err)
	}
	var sent *batch
	defer func() { // also where the cache ends the goroutine
		if sent == nil {
			s.outbox.release(size)
		}
	}()
	sent, err = s.decide(ctx, operation, size, here)
	if sent != nil {
		err = errors.Join(err, s.publish(ctx, sent, left))
	}
	if err != nil {
		return fmt.Errorf("%s %q: %w", call, operation.Key, err)
	}
	return nil
}

// reserve takes a place in the queue, and returns what is left of PublishTimeout.
func (s *DistributedSync) reserve(ctx context.Context, size int) (left time.Duration, err error) {
	timeout := newLazyTimeout(ctx, max(0, s.options.PublishTimeout))
	defer timeout.finish()
	if err := s.outbox.reserve(timeout, size); err != nil {
		if ended(ctx) != nil {
			return 0, fmt.Errorf("queue is full: %w", err)
		}
		return 0, fmt.Errorf("%w: %w", ErrQueueFull, err)
	}
	return time.Until(timeout.end), nil
}

// publish waits until a batch was published, or leaves that to Run.
func (s *DistributedSync) publish(ctx context.Context, sent *batch, timeout time.Duration) error {
	if s.options.PublishTimeout < 0 {
		s.outbox.wakeSender()
		return nil
	}
	bounded := newLazyTimeout(ctx, timeout)
	defer bounded.finish()
	err := s.outbox.flush(bounded, sent)
	if err == nil || errors.Is(err, coordination.ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDelayed, err)
}

// decide applies an operation of this node's own and puts it where it will be
// sent; it returns nil where it will not be.
func (s *DistributedSync) decide(ctx context.Context, operation Operation, size int, here bool) (*batch, error) {
	if err := s.applying.lock(ctx); err != nil {
		return nil, err
	}
	defer s.applying.unlock()
	timeout := s.callTimeout(ctx)
	defer timeout.finish()
	begun := operation.Stamp.begun
	s.stamp(&operation)
	if begun > 0 && s.table.changedSince(begun-1, operation.Key) {
		s.counts.rejected.Add(1)
		return nil, fmt.Errorf("the key was changed since the lease began: %w", ErrRejected)
	}
	conflict := s.table.conflict(operation)
	if apply, reason := s.ask(operation, conflict); !apply {
		s.counts.rejected.Add(1)
		return nil, fmt.Errorf("%s: %w", reason, ErrRejected)
	}
	var failed error
	if here {
		failed = s.execute(timeout, operation)
		if failed != nil && operation.Type == Set {
			return nil, failed
		}
	}
	s.table.note(operation)
	return s.outbox.add(operation, size), failed
}

// stamp gives an operation of this node's own the stamp that it goes by, and the
// time where it has none.
func (s *DistributedSync) stamp(operation *Operation) {
	stamp, wall := s.clock.read()
	if given := operation.Stamp; given.Wall != 0 {
		s.clock.merge(given)
		stamp.Wall, stamp.Logical = given.Wall, given.Logical
	}
	stamp.Priority = operation.Priority
	operation.Stamp = stamp
	if operation.Timestamp.IsZero() {
		operation.Timestamp = wall.UTC()
	}
}

// ask asks the consensus manager.
func (s *DistributedSync) ask(operation Operation, conflict Conflict) (apply bool, reason string) {
	var err error
	func() {
		defer caught("consensus", &err)
		apply, reason = s.options.Consensus.Decide(operation, conflict)
	}()
	if err != nil {
		return false, err.Error()
	}
	return apply, reason
}

// take applies an operation of another node's. One at which the cache fails
// counts as applied: what the cache holds by mistake is repaired. The caller holds
// applying.
func (s *DistributedSync) take(ctx context.Context, operation Operation) error {
	conflict := s.table.conflict(operation)
	if apply, _ := s.ask(operation, conflict); apply {
		err := s.execute(ctx, operation)
		s.table.note(operation)
		s.counts.applied.Add(1)
		return err
	}
	s.counts.rejected.Add(1)
	stamp := operation.Stamp
	if operation.Type == Set && stamp.newerThan(conflict.Key) && stamp.newerThan(conflict.Range) &&
		!stamp.newerThan(conflict.Floor) && !s.shared {
		// Whether what is cached is older nobody knows any more.
		return s.execute(ctx, Operation{Type: Delete, Key: operation.Key})
	}
	return nil
}

// repairs is what the cache has yet to forget, since it failed to do as it was
// told.
type repairs struct {
	keys map[string]struct{}
	all  bool
}

// maxRepairs is how many keys are told apart.
const maxRepairs = 1024

// execute does to the cache what operation says.
func (s *DistributedSync) execute(ctx context.Context, operation Operation) error {
	return s.call(ctx, operation, func(ctx context.Context) error { return execute(ctx, s.cache, operation) })
}

// call changes the cache, as operation says. If that fails, what the cache holds there
// is not known any more: it is told to delete that, now or later.
func (s *DistributedSync) call(ctx context.Context, operation Operation, change func(context.Context) error) error {
	returned := false
	defer func() {
		if !returned { // the cache has ended the goroutine
			s.distrust(operation)
		}
	}()
	err := change(ctx)
	returned = true
	if err == nil {
		if operation.Type != InvalidatePattern {
			s.repaired(operation)
		}
		return nil
	}
	err = fmt.Errorf("cache: %w", err)
	s.counts.cacheFailures.Add(1)
	s.emit(Event{Kind: CacheFailed, Err: err})
	if s.distrust(operation) {
		s.repair(ctx)
	}
	return err
}

// distrust notes that what the cache holds of an operation is not known. In a store
// that others share it may be right.
func (s *DistributedSync) distrust(operation Operation) bool {
	if s.shared {
		return false
	}
	switch operation.Type {
	case Set, Delete:
		s.repairs.add(operation.Key)
	default:
		s.repairs = repairs{all: true}
	}
	s.counts.broken.Store(true)
	return true
}

func (r *repairs) add(key string) {
	if r.all {
		return
	}
	if r.keys == nil {
		r.keys = make(map[string]struct{})
	}
	r.keys[key] = struct{}{}
	if len(r.keys) > maxRepairs {
		*r = repairs{all: true}
	}
}

// repaired takes note of what the cache has done.
func (s *DistributedSync) repaired(operation Operation) {
	switch {
	case operation.Type == Clear:
		s.repairs = repairs{}
	case len(s.repairs.keys) > 0:
		delete(s.repairs.keys, operation.Key)
	}
	if !s.repairs.all && len(s.repairs.keys) == 0 {
		s.counts.broken.Store(false)
	}
}

// repair tries to have the cache forget what it may hold by mistake. The caller
// holds applying.
func (s *DistributedSync) repair(ctx context.Context) {
	timeout := s.callTimeout(ctx)
	defer timeout.finish()
	if s.repairs.all {
		if execute(timeout, s.cache, Operation{Type: Clear}) == nil {
			s.repaired(Operation{Type: Clear})
		}
		return
	}
	for key := range s.repairs.keys {
		if execute(timeout, s.cache, Operation{Type: Delete, Key: key}) != nil {
			return
		}
		s.repaired(Operation{Type: Delete, Key: key})
	}
}

// cleanse empties the cache and refuses from now on what is not newer than floor.
// The caller holds applying.
func (s *DistributedSync) cleanse(ctx context.Context, floor Stamp, fallback Fallback) {
	switch {
	case fallback == FallbackIgnore:
		return
	case s.shared: // nothing is missed in a store that all share
	case fallback == FallbackReload && s.reload(ctx):
	default:
		s.counts.cleared.Add(1)
		s.emit(Event{Kind: CacheCleared})
		timeout := s.callTimeout(ctx)
		defer timeout.finish()
		_ = s.execute(timeout, Operation{Type: Clear})
	}
	s.table.cleanse(floor)
}

// reload has the user bring the cache up to date.
func (s *DistributedSync) reload(ctx context.Context) bool {
	timeout := s.callTimeout(ctx)
	defer timeout.finish()
	var err error
	func() {
		defer caught("reload", &err)
		err = s.options.Recovery.Reload(timeout)
	}()
	s.emit(Event{Kind: CacheReloaded, Err: err})
	return err == nil
}
