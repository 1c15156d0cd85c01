package broken

import (
	"context"
	"slices"

	"github.com/riptidecrawler/coordkit/coordination"
)

// blocked are faults in whom a full buffer holds back.
func blocked() []Fault {
	return []Fault{
		{
			Name:   "publisher-waits-for-the-slow",
			Does:   "blocks a publisher on a subscription whose buffer is full",
			Breaks: breaks("buffer-2..7 buffer-12 error-7"),
			spoil:  stalling(func(_ *adapter, _ *listener, c *call) bool { return c.method == "Publish" }),
		},
		{
			Name:   "neighbours-wait-for-the-slow",
			Does:   "delivers nothing to the other subscriptions of a handle while the buffer of one is full, as go-redis does",
			Breaks: breaks("buffer-3 buffer-5 buffer-12 error-7"),
			spoil: byNamespace(func(a *adapter, all *audience) {
				all.join(a, alike)
				a.subscriptions(func(_ string, s *subscription) {
					next := s.next
					own := all.last()
					s.next = func(ctx context.Context) (coordination.Message, error) {
						err := all.stall(ctx, a, func(full *listener) bool { return full.a == a && full != own })
						if err != nil {
							return coordination.Message{}, err
						}
						return next(ctx)
					}
				})
			}),
		},
	}
}

// stalling is a fault whose calls wait until a full buffer has room.
func stalling(stalls func(a *adapter, full *listener, c *call) bool) func(*backend) func(*adapter) {
	return byNamespace(func(a *adapter, all *audience) {
		all.join(a, alike)
		a.every(func(c *call) error {
			err := all.stall(c.ctx, a, func(full *listener) bool {
				return (c.method != "Publish" || coordination.Match(full.pattern, c.name)) && stalls(a, full, c)
			})
			if err != nil {
				return err
			}
			return c.proceed()
		})
	})
}

// stall waits for as long as there is a listener whose buffer is full and of
// which that is so.
func (all *audience) stall(ctx context.Context, a *adapter, so func(full *listener) bool) error {
	for ctx != nil {
		all.mu.Lock()
		stuck := slices.ContainsFunc(all.listeners, func(l *listener) bool { return len(l.fates) >= buffer && so(l) })
		progress := all.progress()
		all.mu.Unlock()
		if !stuck {
			break
		}
		a.strike()
		select {
		case <-progress:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// last returns the subscription that was opened last.
func (all *audience) last() *listener {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.listeners[len(all.listeners)-1]
}
