package broken

import (
	"context"
	"errors"
	"fmt"

	"github.com/riptidecrawler/coordkit/coordination"
)

// ignoredContexts are faults of methods that do not end with their contexts.
func ignoredContexts() []Fault {
	return []Fault{
		{
			Name:   "context-ignored",
			Does:   "never looks at a context",
			Breaks: breaks("pattern-1..20 pattern-22 subscribe-2..4 ack-19 health-5 health-12 argument-14 error-2 error-6 done-* context-1..4 context-6..7 share-5 outage-7 outage-13"),
			spoil:  contexts(endless),
		},
		{
			Name:    "deadline-of-a-context-only",
			Does:    "heeds the deadline of a context, and not its cancellation",
			Breaks:  breaks("subscribe-4 ack-19 context-2 context-4 context-6"),
			Perhaps: breaks("outage-13"),
			spoil: contexts(func(ctx context.Context) (context.Context, context.CancelFunc) {
				deadline, ok := ctx.Deadline()
				if ctx.Err() != nil || !ok {
					return ctx, func() {}
				}
				return context.WithDeadline(context.WithoutCancel(ctx), deadline)
			}),
		},
	}
}

func endless(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(context.WithoutCancel(ctx))
}

// contexts is a fault in what becomes of a context that is not nil.
func contexts(mistaken func(ctx context.Context) (context.Context, context.CancelFunc)) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		wrong := func(ctx context.Context, call func(ctx context.Context) error) error {
			if ctx == nil {
				return call(ctx)
			}
			wrong, cancel := mistaken(ctx)
			defer cancel()
			if ctx.Err() != nil && wrong.Err() == nil {
				a.strike()
			}
			defer context.AfterFunc(ctx, func() {
				if wrong.Err() == nil {
					a.strike()
				}
			})()
			return call(wrong)
		}
		a.every(func(c *call) error {
			return wrong(c.ctx, func(ctx context.Context) error {
				c.ctx = ctx
				return c.proceed()
			})
		})
		a.subscriptions(func(_ string, s *subscription) {
			next := s.next
			s.next = func(ctx context.Context) (message coordination.Message, err error) {
				err = wrong(ctx, func(ctx context.Context) error {
					message, err = next(ctx)
					return err
				})
				return message, err
			}
		})
	})
}

// confusedContexts are faults in whose context it is that ends a call, and how.
func confusedContexts() []Fault {
	return []Fault{
		{
			Name:    "context-error-is-unavailable",
			Does:    "gives ErrUnavailable where a context has ended a call",
			Breaks:  breaks("ack-19 health-12 argument-14 error-2 done-* context-2..3 context-6..7 share-5 outage-7"),
			Perhaps: breaks("share-3"),
			spoil: each(func(a *adapter) {
				a.every(func(c *call) error {
					err := c.proceed()
					if isContextError(err) {
						a.strike()
						return fmt.Errorf("%w: %v", coordination.ErrUnavailable, err)
					}
					return err
				})
			}),
		},
	}
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
