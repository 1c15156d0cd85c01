package broken

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func ackFaults() []Fault {
	return slices.Concat(wrongCounts(), wrongWaits(), wrongAnswers(), ackedMessages())
}

func wrongCounts() []Fault {
	those := func(taken []*listener, of func(*listener) bool) int {
		return len(slices.DeleteFunc(slices.Clone(taken), func(l *listener) bool { return !of(l) }))
	}
	return []Fault{
		{
			Name:   "acks-of-its-own-handle",
			Does:   "counts the acknowledgements of its own handle only",
			Breaks: breaks("ack-1..4 ack-8 ack-10 ack-14..17 ack-21 health-11 share-4"),
			spoil:  answering(func(c *counted) { c.counts(those(c.took, func(l *listener) bool { return l.a == c.a })) }),
		},
		{
			Name:   "acks-of-peers",
			Does:   "counts the acknowledgements of other handles only",
			Breaks: breaks("ack-1 ack-18 isolate-4 close-8"),
			spoil:  answering(func(c *counted) { c.counts(those(c.took, func(l *listener) bool { return l.a != c.a })) }),
		},
		{
			Name:   "receivers-for-acks",
			Does:   "returns at once how many subscriptions the message goes to, which is what PUBLISH answers",
			Breaks: breaks("ack-4..5 ack-10..11 ack-15 ack-19..20 keys-4 error-5 context-2..3 close-3 share-5 argument-12"),
			spoil: byNamespace(func(a *adapter, all *audience) {
				all.join(a, alike)
				good := a.methods
				a.publishWithAck = func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
					return all.receivers(ctx, a, good, channel, payload, timeout, true)
				}
			}),
		},
		{
			Name:   "the-closed-counted",
			Does:   "counts subscriptions that were closed within the last second",
			Breaks: breaks("ack-8 ack-10 close-8"),
			spoil: answering(func(c *counted) {
				if c.err == nil {
					c.counts(c.acks + len(c.all.justClosed(c.channel)))
				}
			}),
		},
		{
			Name:   "the-closed-counted-meanwhile",
			Does:   "counts subscriptions that are closed before they take the message",
			Breaks: breaks("ack-10..11 ack-20"),
			spoil: answering(func(c *counted) {
				if time.Since(c.start) < c.timeout {
					c.counts(len(c.listeners))
				}
			}),
		},
		{
			Name:   "acks-again-after-a-break",
			Does:   "counts the acknowledgements anew that come once more when a link breaks and is back",
			Breaks: breaks("ack-20"),
			spoil: answering(func(c *counted) {
				if c.a.backend.breaks() > c.breaks {
					c.counts(2 * len(c.took))
				}
			}),
		},
		{
			Name:   "acks-of-all-who-wait",
			Does:   "counts for each of those who wait at the same time the acknowledgements of all",
			Breaks: breaks("ack-15..16"),
			spoil: each(func(a *adapter) {
				var mu sync.Mutex
				waiting, sum := 0, 0
				good := a.publishWithAck
				a.publishWithAck = func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
					mu.Lock()
					waiting++
					mu.Unlock()
					acks, err := good(ctx, channel, payload, timeout)
					a.settle()
					mu.Lock()
					defer mu.Unlock()
					if sum += acks; err == nil {
						acks = instead(a, acks, sum)
					}
					if waiting--; waiting == 0 {
						sum = 0
					}
					return acks, err
				}
			}),
		},
	}
}

func wrongWaits() []Fault {
	return []Fault{
		{
			Name:   "acks-at-the-timeout",
			Does:   "returns the acknowledgements when the timeout has passed, also where all are there before",
			Breaks: breaks("ack-3 ack-10 ack-14 health-11 close-8"),
			spoil: answering(func(c *counted) {
				if c.err == nil {
					c.waitOut()
				}
			}),
		},
		{
			Name:   "ack-timeout-in-seconds",
			Does:   "cuts the timeout to whole seconds",
			Breaks: breaks("ack-4..5"),
			spoil: each(func(a *adapter) {
				good := a.publishWithAck
				a.publishWithAck = func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
					if timeout > time.Nanosecond {
						timeout = instead(a, timeout, max(timeout.Truncate(time.Second), 1))
					}
					return good(ctx, channel, payload, timeout)
				}
			}),
		},
		{
			Name:   "the-just-closed-awaited",
			Does:   "waits for subscriptions that were closed within the last second",
			Breaks: breaks("ack-9..10 close-8"),
			spoil: answering(func(c *counted) {
				if len(c.all.justClosed(c.channel)) > 0 {
					c.waitOut()
				}
			}),
		},
		{
			Name:   "nobody-awaited",
			Does:   "waits for the timeout, and fails with ErrAckTimeout, where nobody is subscribed",
			Breaks: breaks("ack-6..7 ack-9 isolate-5 error-5 context-7 close-12 argument-12"),
			spoil: answering(func(c *counted) {
				if errors.Is(c.err, coordination.ErrNoSubscribers) && len(c.listeners) == 0 {
					c.err = coordination.ErrAckTimeout
					c.waitOut()
				}
			}),
		},
		{
			Name:   "others-awaited",
			Does:   "waits where there are subscriptions, be they to other channels",
			Breaks: breaks("ack-7"),
			spoil: answering(func(c *counted) {
				c.all.mu.Lock()
				others := len(c.all.listeners) > 0
				c.all.mu.Unlock()
				if errors.Is(c.err, coordination.ErrNoSubscribers) && len(c.listeners) == 0 && others {
					c.err = coordination.ErrAckTimeout
					c.waitOut()
				}
			}),
		},
	}
}
