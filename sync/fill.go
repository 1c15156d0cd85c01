package sync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// Begin returns a lease on whatever a value is about to be loaded from: take it
// before the load, and hand it to Fill or SetAt with what was loaded.
func (s *DistributedSync) Begin() Stamp {
	stamp := s.clock.now()
	stamp.begun = s.table.arrivals.Load() + 1
	return stamp
}

// SetAt is Set of a value that was loaded after Begin gave the lease. It is
// refused, with ErrRejected, where any other operation on key has reached this
// node since then, and it counts as old as the lease where the others have to
// choose: a delete during the load wins. Across nodes that holds as far as their
// clocks agree, or as the delete was received in time: a delete by a node whose
// clock is behind can look older than the lease.
//
// To store what each node loads for itself, use Fill, which publishes nothing.
//
// It returns as Set does, with coordination.ErrInvalidArgument also for a lease
// that is not of this node's Begin.
func (s *DistributedSync) SetAt(ctx context.Context, lease Stamp, key string, value []byte, ttl time.Duration) error {
	if err := s.checkLease("set at", lease); err != nil {
		return err
	}
	return s.change(ctx, "set at", Operation{Type: Set, Key: key, Value: value, TTL: ttl, Stamp: lease}, true)
}

// Fill stores a value that this node has loaded, in the cache of this node only. It
// publishes nothing. lease is what Begin returned before the load. ttl is as in Set;
// value is copied.
//
// Fill returns ErrRejected, and changes nothing, if any operation that bears on key
// was applied on this node since Begin, or is known that is newer than the lease, or
// if Limits.Keys other keys were set, filled or deleted during the load: the value may
// be out of date. A later delete, invalidation, clear or gap removes a filled value as
// it does any other. So no node serves a value whose load began before an operation
// on its key that the node has applied or written off. Two nodes may serve different
// filled values while the source changes, until the delete that follows the change.
//
// Stamps decide what is newer: a delete by a node whose clock is behind can look older than
// the lease, if this node receives it after the fill. Package cache drops the value then.
//
// A fill counts for one of Limits.Keys. A cache may hold more keys than that.
//
// Errors: ErrRejected; coordination.ErrInvalidArgument, also for a lease that is not
// of this node's Begin, and if there is no Options.Cache; coordination.ErrClosed while
// Run ends, and after; what the cache returned; ctx.Err().
func (s *DistributedSync) Fill(ctx context.Context, lease Stamp, key string, value []byte, ttl time.Duration) error {
	const call = "fill"
	operation := Operation{Type: Set, Key: key, Value: value, TTL: ttl, Stamp: lease}
	if err := operation.check(call); err != nil {
		return err
	}
	operation.Value, operation.TTL = bytes.Clone(value), normalized(ttl)
	return s.fill(ctx, call, operation, func(ctx context.Context) error { return execute(ctx, s.cache, operation) })
}

// FillFunc is Fill for a cache that holds values of a type of its own: it calls store,
// which puts the value into the cache, if and only if Fill would store it. store is
// called as the methods of Cache are: no other operation is applied meanwhile, and it
// must not call DistributedSync. If it returns an error or panics, the cache is told
// to delete the key.
//
// Errors: as Fill; what store returned.
func (s *DistributedSync) FillFunc(ctx context.Context, lease Stamp, key string, store func(context.Context) error) error {
	const call = "fill"
	operation := Operation{Type: Set, Key: key, Stamp: lease}
	if err := operation.check(call); err != nil {
		return err
	}
	if store == nil {
		return invalid(call, "store", "is nil")
	}
	return s.fill(ctx, call, operation, func(ctx context.Context) (err error) {
		defer caught("store", &err)
		return store(ctx)
	})
}

func (s *DistributedSync) fill(ctx context.Context, call string, operation Operation, store func(context.Context) error) error {
	argument := s.checkLease(call, operation.Stamp)
	if s.shared {
		argument = errors.Join(argument, invalid(call, "Options.Cache", "is nil: nothing can be filled on one node alone"))
	}
	if err := s.admit(ctx, call, argument); err != nil {
		return err
	}
	if err := s.applying.lock(ctx); err != nil {
		return fmt.Errorf("%s %q: %w", call, operation.Key, err)
	}
	defer s.applying.unlock()
	operation.Origin, operation.Epoch = s.self.node, s.self.epoch
	if err := s.fillNow(ctx, operation, store); err != nil {
		return fmt.Errorf("%s %q: %w", call, operation.Key, err)
	}
	return nil
}

// fillNow stores a value if the lease still holds. The caller holds applying.
func (s *DistributedSync) fillNow(ctx context.Context, operation Operation, store func(context.Context) error) error {
	begun := operation.Stamp.begun
	s.stamp(&operation)
	if s.table.changedSince(begun-1, operation.Key) {
		s.counts.rejected.Add(1)
		return fmt.Errorf("the key was changed since the lease began: %w", ErrRejected)
	}
	if apply, reason := s.ask(operation, s.table.conflict(operation)); !apply {
		s.counts.rejected.Add(1)
		return fmt.Errorf("%s: %w", reason, ErrRejected)
	}
	timeout := s.callTimeout(ctx)
	defer timeout.finish()
	if err := s.call(timeout, operation, store); err != nil {
		return err
	}
	s.table.note(operation)
	return nil
}

// checkLease refuses a stamp that is not of this node's Begin.
func (s *DistributedSync) checkLease(call string, lease Stamp) error {
	if lease.begun == 0 || lease.Node != s.self.node || lease.Epoch != s.self.epoch {
		return invalid(call, "lease", "is not of this node's Begin")
	}
	return nil
}
