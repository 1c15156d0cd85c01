package broken

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"

	"github.com/riptidecrawler/coordkit/coordination"
)

func sharingFaults() []Fault {
	return slices.Concat(oneAtATime(), othersAnswers(), borrowedSlices(), lentSlices())
}

// oneAtATime are faults of a handle that only one can use at a time.
func oneAtATime() []Fault {
	return []Fault{
		{
			Name:    "lock-held-while-next-waits",
			Does:    "holds the lock of the handle while Next waits for a message",
			Breaks:  breaks("ack-2 ack-15 ack-21 outage-1"),
			Perhaps: breaks("ack-10 isolate-4 close-11"),
			spoil: each(func(a *adapter) {
				lock := make(chan struct{}, 1)
				a.subscriptions(func(_ string, s *subscription) {
					next := s.next
					s.next = func(ctx context.Context) (coordination.Message, error) {
						if ctx == nil {
							return next(ctx)
						}
						if err := a.acquire(ctx, lock); err != nil {
							return coordination.Message{}, err
						}
						defer func() { <-lock }()
						return next(ctx)
					}
				})
				a.every(func(c *call) error {
					if c.ctx == nil || c.method == "PublishWithAck" {
						return c.proceed()
					}
					if err := a.acquire(c.ctx, lock); err != nil {
						return err
					}
					defer func() { <-lock }()
					return c.proceed()
				})
			}),
		},
	}
}

// acquire takes a lock, and strikes where it has to wait for it.
func (a *adapter) acquire(ctx context.Context, lock chan struct{}) error {
	select {
	case lock <- struct{}{}:
		return nil
	default:
	}
	a.strike()
	select {
	case lock <- struct{}{}:
		return nil
	case <-a.link.done:
		return closed("waiting for the handle")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// othersAnswers are faults of a handle that mixes up the answers to its callers.
func othersAnswers() []Fault {
	return []Fault{
		{
			Name:   "one-buffer-for-all-answers",
			Does:   "reads the answers to all callers into the same buffer",
			Breaks: breaks("linear-3 share-2..3"),
			spoil: each(func(a *adapter) {
				get := a.get
				var last atomic.Pointer[[]byte]
				a.get = func(ctx context.Context, key string) ([]byte, bool, error) {
					value, found, err := get(ctx, key)
					if err != nil || !found {
						return value, found, err
					}
					last.Store(&value)
					a.settle()
					others := slices.Clone(*last.Load())
					if !bytes.Equal(others, value) {
						a.strike()
					}
					return others, true, nil
				}
			}),
		},
		{
			Name:   "answer-left-by-a-cancelled-call",
			Does:   "leaves the answer to a call that is cancelled for the next one to read",
			Breaks: breaks("share-3"),
			spoil: each(func(a *adapter) {
				get := a.get
				var left atomic.Pointer[[]byte]
				a.get = func(ctx context.Context, key string) ([]byte, bool, error) {
					value, found, err := get(ctx, key)
					if err != nil || !found {
						return value, found, err
					}
					a.settle()
					if ctx.Err() != nil {
						left.Store(&value)
						return nil, false, ctx.Err()
					}
					if others := left.Swap(nil); others != nil && !bytes.Equal(*others, value) {
						a.strike()
						return *others, true, nil
					}
					return value, found, nil
				}
			}),
		},
	}
}
