package broken

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func closingFaults() []Fault {
	return slices.Concat(openAfterClose(), impatientCloses(), subscriptionsAtClose(), tidyCloses(), leftovers())
}

// closing has a fault act when the handle is closed for the first time, and
// returns whether it was.
func (a *adapter) closing(before func()) (closed *atomic.Bool) {
	closed = &atomic.Bool{}
	shut := a.close
	a.close = func() error {
		if !closed.Swap(true) {
			before()
		}
		return shut()
	}
	return closed
}

// openAfterClose are faults in what methods do after Close.
func openAfterClose() []Fault {
	// after is what every method does after Close.
	after := func(does func(a *adapter, c *call) error) func(*backend) func(*adapter) {
		return each(func(a *adapter) {
			closed := a.closing(func() {})
			a.every(func(c *call) error {
				err := c.proceed()
				if closed.Load() && errors.Is(err, coordination.ErrClosed) {
					a.strike()
					return does(a, c)
				}
				return err
			})
		})
	}
	return []Fault{
		{
			Name:   "silent-after-close",
			Does:   "does nothing after Close, and returns no error",
			Breaks: breaks("argument-13..14 error-3 closed-* close-3..4 close-6 close-12 outage-7"),
			spoil:  after(func(*adapter, *call) error { return nil }),
		},
	}
}

// impatientCloses are faults in how Close itself ends.
func impatientCloses() []Fault {
	return []Fault{
		{
			Name:   "closed-again-is-an-error",
			Does:   "returns ErrClosed when a handle is closed again",
			Breaks: breaks("lease-24..25 lease-33 argument-13..14 error-3 closed-* close-* outage-7..9 elect-10"),
			spoil: each(func(a *adapter) {
				shut := a.close
				var was atomic.Bool
				a.close = func() error {
					if was.Swap(true) {
						a.strike()
						return closed("close")
					}
					return shut()
				}
			}),
		},
		{
			Name:   "second-close-does-not-wait",
			Does:   "returns from a second Close while the first is still at it",
			Breaks: breaks("close-6"),
			spoil: each(func(a *adapter) {
				shut := a.close
				var was atomic.Bool
				a.close = func() error {
					if was.Swap(true) {
						a.strike()
						return nil
					}
					a.settle()
					return shut()
				}
			}),
		},
		{
			Name:   "close-waits-for-calls",
			Does:   "waits in Close for a PublishWithAck to come to its own end",
			Breaks: breaks("close-3"),
			spoil: each(func(a *adapter) {
				shut, publish := a.close, a.publishWithAck
				var running counter
				a.publishWithAck = func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
					running.add(1)
					defer running.add(-1)
					return publish(ctx, channel, payload, timeout)
				}
				a.close = func() error {
					for {
						none, changed := running.none()
						if none {
							return shut()
						}
						a.strike()
						<-changed
					}
				}
			}),
		},
	}
}

// counter counts what runs.
type counter struct {
	mu      sync.Mutex
	count   int
	changed chan struct{}
}

func (c *counter) add(change int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count += change
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// none reports whether nothing runs, and when to look again.
func (c *counter) none() (bool, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.count == 0, c.changed
}

// subscriptionsAtClose are faults in what Close comes to for subscriptions.
func subscriptionsAtClose() []Fault {
	return []Fault{
		{
			Name:   "subscribed-while-closing",
			Does:   "opens a subscription that nobody closes where the handle is closed meanwhile",
			Breaks: breaks("close-12"),
			spoil: each(func(a *adapter) {
				subscribe, peer := a.subscribe, a.peer()
				a.subscribe = func(ctx context.Context, pattern string) (coordination.Subscription, error) {
					good, err := subscribe(ctx, pattern)
					if err != nil {
						return nil, err
					}
					a.settle()
					select {
					case <-a.link.done:
						a.strike()
						return peer.Subscribe(ctx, pattern)
					default:
						return good, nil
					}
				}
			}),
		},
	}
}
