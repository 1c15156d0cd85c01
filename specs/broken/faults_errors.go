package broken

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// leftover is what a fault returns beside an error.
func leftover[Answer any](a *adapter, right, wrong Answer, err error) Answer {
	if err == nil {
		return right
	}
	a.strike()
	return wrong
}

// errorFaults are faults of methods that return something beside an error.
func errorFaults() []Fault {
	return []Fault{
		{
			Name:   "count-beside-an-error",
			Does:   "returns beside an error of PublishWithAck and DeleteMany how far it had come",
			Breaks: breaks("ack-5..6 ack-19 error-1..5"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.publishWithAck = func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
					acks, err := good.publishWithAck(ctx, channel, payload, timeout)
					return leftover(a, acks, 1, err), err
				}
				a.deleteMany = func(ctx context.Context, keys ...string) (int, error) {
					removed, err := good.deleteMany(ctx, keys...)
					return leftover(a, removed, 1, err), err
				}
			}),
		},
		{
			Name:   "empty-list-beside-an-error",
			Does:   "returns an empty list beside an error, and not nil",
			Breaks: breaks("error-1..4"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.keys = func(ctx context.Context, pattern string) ([]string, error) {
					keys, err := good.keys(ctx, pattern)
					return leftover(a, keys, []string{}, err), err
				}
				a.listNodes = func(ctx context.Context) ([]string, error) {
					nodes, err := good.listNodes(ctx)
					return leftover(a, nodes, []string{}, err), err
				}
			}),
		},
		{
			Name:    "lease-beside-an-error",
			Does:    "says beside an error of TryAcquireLeadership that the lease was acquired",
			Breaks:  breaks("error-1..4 outage-4"),
			Perhaps: breaks("lease-26"),
			spoil: each(func(a *adapter) {
				try := a.tryAcquireLeadership
				a.tryAcquireLeadership = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					term, acquired, err := try(ctx, nodeID, ttl)
					return term, leftover(a, acquired, true, err), err
				}
			}),
		},
		{
			Name:   "subscription-beside-an-error",
			Does:   "returns a nil pointer as the Subscription beside an error, which is not nil then",
			Breaks: breaks("error-1..4"),
			spoil: each(func(a *adapter) {
				subscribe := a.subscribe
				a.subscribe = func(ctx context.Context, pattern string) (coordination.Subscription, error) {
					s, err := subscribe(ctx, pattern)
					return leftover[coordination.Subscription](a, s, (*subscription)(nil), err), err
				}
			}),
		},
		{
			Name:   "next-looks-at-its-context-first",
			Does:   "looks in Next at the context before it looks whether the subscription is closed",
			Breaks: breaks("argument-14"),
			spoil: each(func(a *adapter) {
				a.subscriptions(func(_ string, s *subscription) {
					next := s.next
					s.next = func(ctx context.Context) (coordination.Message, error) {
						if ctx == nil || ctx.Err() == nil {
							return next(ctx)
						}
						if _, right := next(ctx); errors.Is(right, coordination.ErrClosed) {
							a.strike()
						}
						return coordination.Message{}, fmt.Errorf("next: %w", ctx.Err())
					}
				})
			}),
		},
		{
			Name:   "delete-of-none-needs-nothing",
			Does:   "returns at once from a DeleteMany without keys, whatever its context and handle",
			Breaks: breaks("argument-14"),
			spoil: each(func(a *adapter) {
				deleteMany := a.deleteMany
				a.deleteMany = func(ctx context.Context, keys ...string) (int, error) {
					if len(keys) > 0 {
						return deleteMany(ctx, keys...)
					}
					if _, right := deleteMany(ctx); right != nil {
						a.strike()
					}
					return 0, nil
				}
			}),
		},
		{
			Name:   "message-beside-an-error",
			Does:   "returns a message without a payload beside an error of Next",
			Breaks: breaks("error-6..7"),
			spoil: each(func(a *adapter) {
				a.subscriptions(func(pattern string, s *subscription) {
					next := s.next
					s.next = func(ctx context.Context) (coordination.Message, error) {
						message, err := next(ctx)
						return leftover(a, message, coordination.Message{Channel: pattern}, err), err
					}
				})
			}),
		},
	}
}
