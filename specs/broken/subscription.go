package broken

import (
	"context"

	"github.com/riptidecrawler/coordkit/coordination"
)

// subscription is a subscription as a struct of functions, for faults.
type subscription struct {
	next  func(ctx context.Context) (coordination.Message, error)
	close func() error
}

func (s *subscription) Next(ctx context.Context) (coordination.Message, error) { return s.next(ctx) }

func (s *subscription) Close() error { return s.close() }

// subscriptions has a fault spoil each subscription that the handle opens.
func (a *adapter) subscriptions(spoil func(pattern string, s *subscription)) {
	subscribe := a.subscribe
	a.subscribe = func(ctx context.Context, pattern string) (coordination.Subscription, error) {
		good, err := subscribe(ctx, pattern)
		if err != nil {
			return nil, err
		}
		s := &subscription{next: good.Next, close: good.Close}
		spoil(pattern, s)
		return s, nil
	}
}

// messages has a fault change each message that is delivered to the handle.
func (a *adapter) messages(spoil func(message coordination.Message) coordination.Message) {
	a.subscriptions(func(_ string, s *subscription) {
		next := s.next
		s.next = func(ctx context.Context) (coordination.Message, error) {
			message, err := next(ctx)
			if err != nil {
				return message, err
			}
			return spoil(message), nil
		}
	})
}
