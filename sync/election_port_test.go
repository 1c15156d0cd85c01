package sync_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// badPort is how one node reaches the leadership over a bad network: requests and
// answers are late, overtake one another and get lost, and for whole spells all
// of them do. A request that was given up may still arrive. The backend's clock
// runs as fast as the default drift allows.
type badPort struct {
	coordination.Leadership
	random *rand.Rand   // for the campaign's goroutine only
	calm   time.Time    // when the faults end
	spell  time.Time    // until when all is lost
	ahead  atomic.Int64 // of the node's clock on the wall
	dead   atomic.Bool  // the node has crashed, and sends no more
	flying sync.WaitGroup
}

// fate is what becomes of a request.
type fate struct {
	there, back      time.Duration // how long it takes, and its answer
	lost, unanswered bool
	refused          bool // an error comes at once
	deaf             bool // the adapter does not look at the context
}

// chance is true so many times in a hundred.
func (p *badPort) chance(percent int) bool { return p.random.IntN(100) < percent }

func (p *badPort) upTo(d time.Duration) time.Duration {
	return time.Duration(p.random.Int64N(int64(d)))
}

// fate draws one.
func (p *badPort) fate() fate {
	now := time.Now()
	f := fate{there: p.upTo(20 * time.Millisecond), back: p.upTo(20 * time.Millisecond), lost: p.dead.Load()}
	if now.After(p.calm) {
		return f
	}
	if p.chance(3) {
		p.ahead.Store(int64(p.upTo(2*time.Hour) - time.Hour))
	}
	if p.chance(5) {
		p.spell = now.Add(p.upTo(2 * trialLease))
	}
	if p.chance(20) {
		f.there = p.upTo(trialTimeout)
	}
	if p.chance(20) {
		f.back = p.upTo(trialTimeout)
	}
	if p.chance(3) {
		f.back, f.deaf = p.upTo(trialLease), true
	}
	f.lost = f.lost || now.Before(p.spell) || p.chance(5)
	f.unanswered = p.chance(5)
	f.refused = p.chance(5)
	return f
}

// carry sends a request on its way, and waits for the answer.
func carry[T any](ctx context.Context, p *badPort, request func(ctx context.Context) (T, error)) (answer T, err error) {
	f := p.fate()
	answers := make(chan T, 1)
	flight := context.WithoutCancel(ctx)
	p.flying.Go(func() {
		if time.Sleep(f.there); f.lost {
			return
		}
		answer, err := request(flight)
		if time.Sleep(f.back); err == nil && !f.unanswered {
			answers <- answer
		}
	})
	if f.refused {
		return answer, coordination.ErrUnavailable
	}
	if f.deaf {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(flight, trialLease)
		defer cancel()
	}
	select {
	case answer = <-answers:
		return answer, nil
	case <-ctx.Done():
		return answer, ctx.Err()
	}
}

// TryAcquireLeadership implements coordination.Leadership.
func (p *badPort) TryAcquireLeadership(ctx context.Context, node string, ttl time.Duration) (uint64, bool, error) {
	type lease struct {
		term     uint64
		acquired bool
	}
	got, err := carry(ctx, p, func(ctx context.Context) (lease, error) {
		term, acquired, err := p.Leadership.TryAcquireLeadership(ctx, node, ttl*99/100)
		return lease{term, acquired}, err
	})
	return got.term, got.acquired, err
}

// ReleaseLeadership implements coordination.Leadership.
func (p *badPort) ReleaseLeadership(ctx context.Context, node string) (bool, error) {
	return carry(ctx, p, func(ctx context.Context) (bool, error) {
		return p.Leadership.ReleaseLeadership(ctx, node)
	})
}

// wall is the node's clock on the wall.
func (p *badPort) wall() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }
