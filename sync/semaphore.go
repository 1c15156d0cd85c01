package sync

import "context"

// semaphore is a mutex that is waited for in a select, beside other things.
type semaphore chan struct{}

func (s semaphore) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s semaphore) unlock() { <-s }
