package sync

import (
	"context"
	"errors"
	"fmt"
)

// change applies an operation of this node's own, here only to what is remembered
// where the caller has changed the cache himself, and tells the others.
func (s *DistributedSync) change(ctx context.Context, call string, operation Operation, here bool) error {
	if err := s.admit(ctx, call, operation.check(call)); err != nil {
		return err
	}
	operation.Origin, operation.Epoch = s.self.node, s.self.epoch
	operation.TTL = normalized(operation.TTL)
	size := operation.size()
	if err := s.outbox.reserve(ctx, size); err != nil {
		return fmt.Errorf("%s %q: %w", call, operation.Key, err)
	}
	var sent *batch
	defer func() { // also where the cache ends the goroutine
		if sent == nil {
			s.outbox.release(size)
		}
	}()
	sent, err := s.decide(ctx, operation, size, here)
	if sent != nil {
		err = errors.Join(err, s.outbox.flush(ctx, sent))
	}
	if err != nil {
		return fmt.Errorf("%s %q: %w", call, operation.Key, err)
	}
	return nil
}

// decide applies an operation of this node's own and puts it where it will be
// sent; it returns nil where it will not be.
func (s *DistributedSync) decide(ctx context.Context, operation Operation, size int, here bool) (*batch, error) {
	if err := s.applying.lock(ctx); err != nil {
		return nil, err
	}
	defer s.applying.unlock()
	patience := s.patience(ctx)
	defer patience.finish()
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
		failed = s.execute(patience, operation)
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

// execute does to the cache what operation says. Where that fails, what the cache
// holds there is not known any more: it is to forget it, now or later.
func (s *DistributedSync) execute(ctx context.Context, operation Operation) error {
	err := execute(ctx, s.cache, operation)
	if err == nil {
		if operation.Type != InvalidatePattern {
			s.repaired(operation)
		}
		return nil
	}
	err = fmt.Errorf("cache: %w", err)
	s.counts.cacheFailures.Add(1)
	s.emit(Event{Kind: CacheFailed, Err: err})
	if s.shared {
		return err // others write there too: what is stored may be right
	}
	switch operation.Type {
	case Set, Delete:
		s.repairs.add(operation.Key)
	default:
		s.repairs = repairs{all: true}
	}
	s.counts.broken.Store(true)
	s.repair(ctx)
	return err
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
	patience := s.patience(ctx)
	defer patience.finish()
	if s.repairs.all {
		if execute(patience, s.cache, Operation{Type: Clear}) == nil {
			s.repaired(Operation{Type: Clear})
		}
		return
	}
	for key := range s.repairs.keys {
		if execute(patience, s.cache, Operation{Type: Delete, Key: key}) != nil {
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
		patience := s.patience(ctx)
		defer patience.finish()
		_ = s.execute(patience, Operation{Type: Clear})
	}
	s.table.cleanse(floor)
}

// reload has the user bring the cache up to date.
func (s *DistributedSync) reload(ctx context.Context) bool {
	patience := s.patience(ctx)
	defer patience.finish()
	var err error
	func() {
		defer caught("reload", &err)
		err = s.options.Recovery.Reload(patience)
	}()
	s.emit(Event{Kind: CacheReloaded, Err: err})
	return err == nil
}
