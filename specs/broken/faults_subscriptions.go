package broken

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func subscriptionFaults() []Fault {
	return slices.Concat(nexts(), closes(), opens())
}

// nexts are faults in how Next waits and shares.
func nexts() []Fault {
	return []Fault{
		{
			Name:   "next-does-not-wait",
			Does:   "returns an error from Next where no message has come for a moment",
			Breaks: breaks("pattern-1..20 pattern-22 subscribe-1..2 subscribe-4..6 ack-15 context-2..4 close-2 outage-13"),
			spoil: nexting(func(a *adapter, next nexter) nexter {
				return func(ctx context.Context) (coordination.Message, error) {
					if ctx == nil {
						return next(ctx)
					}
					soon, cancel := context.WithTimeout(ctx, time.Millisecond)
					defer cancel()
					message, err := next(soon)
					if err != nil && soon.Err() != nil && ctx.Err() == nil {
						a.strike()
						return message, errors.New("next: no message")
					}
					return message, err
				}
			}),
		},
		{
			Name:   "next-loses-what-comes-late",
			Does:   "loses the message that comes when its context is already done",
			Breaks: breaks("subscribe-2..3 context-1"),
			spoil: nexting(func(a *adapter, next nexter) nexter {
				return func(ctx context.Context) (coordination.Message, error) {
					if ctx == nil || ctx.Err() == nil {
						return next(ctx)
					}
					// It takes a message, and only then looks at its context.
					soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Nanosecond)
					defer cancel()
					if message, err := next(soon); err == nil || soon.Err() == nil {
						if err == nil {
							a.strike()
							return coordination.Message{}, ctx.Err()
						}
						return message, err
					}
					return coordination.Message{}, ctx.Err()
				}
			}),
		},
		{
			Name:   "end-of-file",
			Does:   "returns io.EOF from Next once the subscription is closed",
			Breaks: breaks("subscribe-5..7 subscribe-14 argument-14 error-6 close-1..2 close-6 close-12 outage-9"),
			spoil: nexting(func(a *adapter, next nexter) nexter {
				return func(ctx context.Context) (coordination.Message, error) {
					message, err := next(ctx)
					if errors.Is(err, coordination.ErrClosed) {
						a.strike()
						return message, io.EOF
					}
					return message, err
				}
			}),
		},
	}
}

// nexter is Next, and nexting a fault in it alone.
type nexter = func(ctx context.Context) (coordination.Message, error)

func nexting(spoil func(a *adapter, next nexter) nexter) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		a.subscriptions(func(_ string, s *subscription) { s.next = spoil(a, s.next) })
	})
}

// opens are faults in what a subscription is bound to.
func opens() []Fault {
	return []Fault{
		{
			Name:   "subscription-ends-with-its-context",
			Does:   "ends a subscription with the context of the Subscribe that opened it",
			Breaks: breaks("subscribe-11 context-5"),
			spoil: each(func(a *adapter) {
				subscribe := a.subscribe
				a.subscribe = func(opening context.Context, pattern string) (coordination.Subscription, error) {
					good, err := subscribe(opening, pattern)
					if err != nil {
						return nil, err
					}
					return &subscription{
						next: func(ctx context.Context) (coordination.Message, error) {
							if opening.Err() != nil {
								a.strike()
								return coordination.Message{}, opening.Err()
							}
							return good.Next(ctx)
						},
						close: good.Close,
					}, nil
				}
			}),
		},
		{
			Name:   "few-subscriptions",
			Does:   "opens no more than 256 subscriptions",
			Breaks: breaks("subscribe-12..13 ack-21"),
			spoil: each(func(a *adapter) {
				var open atomic.Int64
				a.subscriptions(func(string, *subscription) { open.Add(1) })
				a.shut(func(string) { open.Add(-1) })
				subscribe := a.subscribe
				a.subscribe = func(ctx context.Context, pattern string) (coordination.Subscription, error) {
					if open.Load() >= 256 {
						a.strike()
						return nil, fmt.Errorf("subscribe: too many: %w", coordination.ErrUnavailable)
					}
					return subscribe(ctx, pattern)
				}
			}),
		},
		{
			Name:   "a-connection-for-each-subscription",
			Does:   "opens a connection for each subscription",
			Breaks: breaks("subscribe-13"),
			spoil: each(func(a *adapter) {
				a.subscriptions(func(string, *subscription) {
					a.strike()
					a.connections.Add(1)
				})
				a.shut(func(string) { a.connections.Add(-1) })
			}),
		},
	}
}
