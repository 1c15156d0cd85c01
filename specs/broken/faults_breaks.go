package broken

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// brokenLinks are faults in what a broken link comes to.
func brokenLinks() []Fault {
	interrupted := func(tell func(a *adapter, s *subscription, gap error) error) func(*backend) func(*adapter) {
		return each(func(a *adapter) {
			a.gaps(func(s *subscription, gap *coordination.MessagesLostError) error {
				if gap.Count > 0 {
					return gap // of a full buffer
				}
				return tell(a, s, gap)
			})
		})
	}
	return []Fault{
		{
			Name:   "break-not-told",
			Does:   "subscribes again after the link broke and tells nobody, as go-redis' Channel does",
			Breaks: breaks("buffer-8..10 outage-11"),
			spoil: interrupted(func(a *adapter, _ *subscription, _ error) error {
				a.strike()
				return nil
			}),
		},
		{
			Name:   "dead-link-not-found-out",
			Does:   "takes a link that is open but silent for one that is idle, and hears nothing any more",
			Breaks: breaks("buffer-10"),
			spoil: each(func(a *adapter) {
				a.subscriptions(func(_ string, s *subscription) {
					next := s.next
					s.next = func(ctx context.Context) (coordination.Message, error) {
						message, err := next(ctx)
						if a.link.wasFrozen() && errors.Is(err, coordination.ErrMessagesLost) {
							a.strike()
							<-ctx.Done()
							return message, ctx.Err()
						}
						return message, err
					}
				})
			}),
		},
		{
			Name:   "idle-link-given-up",
			Does:   "takes a link on which nothing comes for an hour for a broken one",
			Breaks: breaks("buffer-11"),
			spoil: each(func(a *adapter) {
				a.subscriptions(func(_ string, s *subscription) {
					next := s.next
					var last atomic.Int64
					last.Store(time.Now().UnixNano())
					s.next = func(ctx context.Context) (coordination.Message, error) {
						now := time.Now().UnixNano()
						if idle := time.Duration(now - last.Swap(now)); idle >= time.Hour && ctx != nil && ctx.Err() == nil {
							a.strike()
							return coordination.Message{}, &coordination.MessagesLostError{}
						}
						return next(ctx)
					}
				})
			}),
		},
	}
}
