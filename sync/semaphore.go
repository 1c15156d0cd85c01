package sync

import (
	"cmp"
	"context"
	"time"
)

// semaphore is a mutex that is waited for with a context. It is handed to who has
// waited for longest: a loop that applies what it hears must not keep others out.
type semaphore chan struct{}

func (s semaphore) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s <- struct{}{}:
		return nil
	default: // what follows costs several times as much
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s semaphore) unlock() { <-s }

// ended is the error of a context, also where its deadline has passed and it has
// yet to notice: what waited for the same deadline may be faster.
func ended(ctx context.Context) error {
	if deadline, limited := ctx.Deadline(); limited && !time.Now().Before(deadline) {
		return cmp.Or(ctx.Err(), context.DeadlineExceeded)
	}
	return ctx.Err()
}
