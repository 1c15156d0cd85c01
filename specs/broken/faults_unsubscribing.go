package broken

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/riptidecrawler/coordkit/coordination"
)

// closes are faults in how a subscription is closed.
func closes() []Fault {
	return []Fault{
		{
			Name:   "close-wakes-nobody",
			Does:   "leaves a Next that waits waiting when its subscription is closed",
			Breaks: breaks("subscribe-5..6"),
			spoil:  shutting(func(int64) bool { return true }),
		},
		{
			Name:   "closed-twice-is-an-error",
			Does:   "returns an error when a subscription is closed again",
			Breaks: breaks("subscribe-8 health-5"),
			spoil: each(func(a *adapter) {
				a.subscriptions(func(_ string, s *subscription) {
					shut := s.close
					var was atomic.Bool
					s.close = func() error {
						if was.Swap(true) {
							a.strike()
							return closed("close")
						}
						return shut()
					}
				})
			}),
		},
		{
			Name:   "pattern-closed-for-good",
			Does:   "delivers nothing to a pattern of which a subscription was closed before",
			Breaks: breaks("subscribe-10 subscribe-15"),
			spoil: byNamespace(func(a *adapter, all *audience) {
				gone := map[string]bool{}
				all.join(a, func(_ publication, l *listener) fate { return fate{hidden: l.deaf} })
				a.shut(func(pattern string) {
					all.mu.Lock()
					defer all.mu.Unlock()
					gone[pattern] = true
				})
				subscribe := a.subscribe
				a.subscribe = func(ctx context.Context, pattern string) (coordination.Subscription, error) {
					subscription, err := subscribe(ctx, pattern)
					if err == nil {
						all.mu.Lock()
						defer all.mu.Unlock()
						all.listeners[len(all.listeners)-1].deaf = gone[pattern]
					}
					return subscription, err
				}
			}),
		},
	}
}

// shutting is a fault in whom Close wakes: a Next for which leaves returns true
// waits until its context is done. woken counts those that were woken, with it.
func shutting(leaves func(woken int64) bool) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		a.subscriptions(func(_ string, s *subscription) {
			next, shut := s.next, s.close
			var isClosed atomic.Bool
			var woken atomic.Int64
			s.next = func(ctx context.Context) (coordination.Message, error) {
				was := isClosed.Load()
				message, err := next(ctx)
				if !was && isClosed.Load() && errors.Is(err, coordination.ErrClosed) && leaves(woken.Add(1)) {
					a.strike()
					<-ctx.Done()
					return message, ctx.Err()
				}
				return message, err
			}
			s.close = func() error {
				isClosed.Store(true)
				return shut()
			}
		})
	})
}

// shut calls back when a subscription is closed for the first time.
func (a *adapter) shut(before func(pattern string)) {
	a.subscriptions(func(pattern string, s *subscription) {
		shut := s.close
		var once sync.Once
		s.close = func() error {
			once.Do(func() { before(pattern) })
			return shut()
		}
	})
}
