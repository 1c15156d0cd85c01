package redis

import (
	"context"
	"sync"
	"time"
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

// budget is what may be in the pipeline at a time.
type budget struct {
	mu        sync.Mutex // guards what follows
	used      int
	abandoned []pending   // whose callers have gone, oldest first
	sweeper   *time.Timer // runs while there are any
	freed     chan struct{}
}

const sweepEvery = 100 * time.Millisecond

func newBudget() *budget { return &budget{freed: make(chan struct{}, 1)} }

// take waits until there is room, or ctx is done. Whatever its size, a command
// finds room where there is no other.
func (b *budget) take(ctx context.Context, size int) error {
	for {
		if b.tryTake(size) {
			return nil
		}
		select {
		case <-b.freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *budget) tryTake(size int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used > 0 && b.used+size > budgetSize {
		return false
	}
	b.used += size
	b.signal() // there may be more, for another
	return true
}

func (b *budget) give(size int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= size
	b.signal()
}

func (b *budget) signal() {
	if b.used < budgetSize {
		select {
		case b.freed <- struct{}{}:
		default:
		}
	}
}

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
		b.used -= b.abandoned[0].size
		b.abandoned[0] = pending{}
		b.abandoned = b.abandoned[1:]
	}
	b.signal()
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
