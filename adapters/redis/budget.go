package redis

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// budgetSize bounds what the commands in the pipeline hold, in bytes. They
	// stay there also when their callers have gone, until the server answers.
	budgetSize = 64 << 20

	// leastSize is what the smallest command counts for, so that the budget
	// bounds their number as well.
	leastSize = 8 << 10

	// maxPending is that number. The pipeline takes so many without blocking,
	// as it must: it does not look at contexts.
	maxPending = budgetSize / leastSize
)

// budget bounds what is in the pipeline at a time. Callers wait for room in FIFO
// order: a large command is not passed over by small ones.
type budget struct {
	room *semaphore.Weighted

	mu        sync.Mutex  // guards what follows
	abandoned []pending   // whose callers have gone, oldest first
	sweeper   *time.Timer // runs while there are any
}

const sweepEvery = 100 * time.Millisecond

func newBudget() *budget { return &budget{room: semaphore.NewWeighted(budgetSize)} }

// share returns the part of the budget that a command takes: at most all of it, so
// that a command of any size finds room when no other command is in the pipeline.
func share(size int) int64 { return int64(min(size, budgetSize)) }

// take waits until there is room, or returns the error of ctx.
func (b *budget) take(ctx context.Context, size int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.room.Acquire(ctx, share(size))
}

// tryTake takes room if there is some and nobody waits for it.
func (b *budget) tryTake(size int) bool { return b.room.TryAcquire(share(size)) }

func (b *budget) give(size int) { b.room.Release(share(size)) }

// abandon keeps room for a command for which nobody waits any more.
func (b *budget) abandon(p pending) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.abandoned = append(b.abandoned, p)
	if b.sweeper == nil {
		b.sweeper = time.AfterFunc(sweepEvery, b.sweep)
	} else if len(b.abandoned) == 1 {
		b.sweeper.Reset(sweepEvery)
	}
}

// sweep gives back what the abandoned commands held that are over by now. The
// pipeline answers in order.
func (b *budget) sweep() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.abandoned) > 0 && b.abandoned[0].isOver() {
		b.give(b.abandoned[0].size)
		b.abandoned[0] = pending{}
		b.abandoned = b.abandoned[1:]
	}
	if len(b.abandoned) > 0 {
		b.sweeper.Reset(sweepEvery)
	} else {
		b.abandoned = nil
	}
}

// close ends the sweeping: all is over with the client.
func (b *budget) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sweeper != nil {
		b.sweeper.Stop()
	}
}

// isOver reports whether the pipeline has done with the command.
func (p pending) isOver() bool {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	return p.future.WaitContext(over) != context.Canceled //nolint:errorlint // it is returned as it is
}

// sizeOf returns for how much a command counts.
func sizeOf(arguments []any) int {
	size := 0
	for _, argument := range arguments {
		switch argument := argument.(type) {
		case string:
			size += len(argument)
		case []byte:
			size += len(argument)
		}
	}
	return max(size, leastSize)
}
