package sync

import (
	"context"
	"sync"
	"time"
)

// patience bounds how long code of the user's is waited for, while nothing else can
// be applied.
func (s *DistributedSync) patience(ctx context.Context) *patience {
	return &patience{Context: ctx, end: time.Now().Add(s.config.HeartbeatInterval)}
}

// patience is what context.WithDeadline returns, but made only where somebody looks
// at it. Most caches never do, and every operation would pay for the timer. Whoever
// has made one finishes it.
type patience struct {
	context.Context // the caller's
	end             time.Time

	mu       sync.Mutex // guards what follows
	bounded  context.Context
	cancel   context.CancelFunc
	finished bool
}

var _ context.Context = (*patience)(nil)

func (p *patience) look() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bounded == nil {
		p.bounded, p.cancel = context.WithDeadline(p.Context, p.end)
		if p.finished {
			p.cancel()
		}
	}
	return p.bounded
}

func (p *patience) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished = true
	if p.cancel != nil {
		p.cancel()
	}
}

// Deadline implements context.Context.
func (p *patience) Deadline() (time.Time, bool) { return p.look().Deadline() }

// Done implements context.Context.
func (p *patience) Done() <-chan struct{} { return p.look().Done() }

// Err implements context.Context.
func (p *patience) Err() error { return p.look().Err() }
