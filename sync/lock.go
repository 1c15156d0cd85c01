package sync

import (
	"context"
	"sync/atomic"
)

// lock is a mutex that is waited for with a context. Whoever comes while it is free
// has it at once, before those who wait for it: handed to one of them, who has yet
// to awake, it would be held by nobody for longer than by anybody.
type lock struct {
	held    atomic.Bool
	waiting atomic.Int64
	freed   chan struct{} // holds one; filled when it was given back while some waited
}

func newLock() *lock { return &lock{freed: make(chan struct{}, 1)} }

func (l *lock) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.held.CompareAndSwap(false, true) {
		return nil
	}
	// From here on who gives it back sees that somebody waits, or the loop sees that
	// it was given back.
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	for !l.held.CompareAndSwap(false, true) {
		select {
		case <-l.freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (l *lock) give() {
	l.held.Store(false)
	if l.waiting.Load() == 0 {
		return
	}
	select {
	case l.freed <- struct{}{}:
	default: // somebody is about to look already
	}
}
