package sync

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// callTimeout bounds a call of the user's code, during which nothing else can be
// applied.
func (s *DistributedSync) callTimeout(ctx context.Context) *lazyTimeout {
	return newLazyTimeout(ctx, s.config.HeartbeatInterval)
}

// lazyTimeout is what context.WithTimeout returns, except that it makes a timer only
// when somebody waits for Done. Most callees never do, and every operation would pay
// for the timer. Whoever has made one finishes it.
type lazyTimeout struct {
	context.Context // the caller's
	end             time.Time

	mu       sync.Mutex // guards what follows
	bounded  context.Context
	cancel   context.CancelFunc
	finished bool
}

var _ context.Context = (*lazyTimeout)(nil)

func newLazyTimeout(ctx context.Context, timeout time.Duration) *lazyTimeout {
	return &lazyTimeout{Context: ctx, end: time.Now().Add(timeout)}
}

func (l *lazyTimeout) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = true
	if l.cancel != nil {
		l.cancel()
	}
}

// Deadline implements context.Context.
func (l *lazyTimeout) Deadline() (time.Time, bool) {
	if deadline, limited := l.Context.Deadline(); limited && deadline.Before(l.end) {
		return deadline, true
	}
	return l.end, true
}

// Done implements context.Context.
func (l *lazyTimeout) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bounded == nil {
		l.bounded, l.cancel = context.WithDeadline(l.Context, l.end)
		if l.finished {
			l.cancel()
		}
	}
	return l.bounded.Done()
}

// Err implements context.Context.
func (l *lazyTimeout) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.bounded != nil:
		return l.bounded.Err()
	case l.finished:
		return cmp.Or(l.Context.Err(), context.Canceled)
	case l.Context.Err() == nil && !time.Now().Before(l.end):
		return context.DeadlineExceeded
	default:
		return l.Context.Err()
	}
}
