package broken

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func publishFaults() []Fault {
	return slices.Concat(misrouted(), mistimed(), limited())
}

// misrouted are faults in whom a message reaches.
func misrouted() []Fault {
	return []Fault{
		{
			Name:   "peers-hear-no-channel",
			Does:   "delivers to subscriptions to one channel on its own handle only",
			Breaks: breaks("publish-1 publish-3..4 publish-6..8 publish-10..13 publish-15..17 pattern-1..20 pattern-22 buffer-1 buffer-3 buffer-5..12 subscribe-1..4 subscribe-7 subscribe-9..12 subscribe-14..15 ack-10 ack-13..15 value-11 delete-17 health-10..11 health-13..14 isolate-1 argument-9..10 error-6..7 context-1 context-4 close-1 share-5..6 share-8..9 outage-11 argument-12"),
			spoil:  listened(func(p publication, l *listener) fate { return fate{hidden: l.a != p.from && l.exact()} }),
		},
		{
			Name:   "own-handle-hears-no-channel",
			Does:   "delivers to subscriptions to one channel on other handles only",
			Breaks: breaks("publish-1 delete-17 isolate-1 isolate-3..4 context-5 outage-2 outage-11"),
			spoil:  listened(func(p publication, l *listener) fate { return fate{hidden: l.a == p.from && l.exact()} }),
		},
		{
			Name:    "one-copy-for-a-handle",
			Does:    "delivers to one of a handle's subscriptions that match, as miniredis does",
			Breaks:  breaks("publish-2..3 publish-7 publish-15 publish-17 pattern-3 pattern-22 buffer-3 buffer-8 subscribe-7 subscribe-9 ack-10 delete-17 health-10 isolate-3..4 outage-11"),
			Perhaps: breaks("subscribe-15"),
			spoil: listened(func(p publication, l *listener) fate {
				first := slices.IndexFunc(p.listeners, func(other *listener) bool { return other.a == l.a })
				return fate{hidden: p.listeners[first] != l}
			}),
		},
		{
			Name:   "a-copy-for-each-pattern",
			Does:   "delivers a copy for each of the handle's patterns that match, to each of its subscriptions that match",
			Breaks: breaks("publish-3 pattern-3 pattern-22 buffer-8 delete-17 health-10 outage-11"),
			spoil: listened(func(p publication, l *listener) fate {
				patterns := map[string]bool{}
				for _, other := range p.listeners {
					if other.a == l.a {
						patterns[other.pattern] = true
					}
				}
				return fate{again: len(patterns) - 1}
			}),
		},
		{
			Name:    "a-queue-for-all",
			Does:    "delivers a message to one subscription, as a queue does",
			Breaks:  breaks("publish-1..3 publish-7 publish-15 publish-17 pattern-3 pattern-22 buffer-3 buffer-8 subscribe-7 subscribe-9 ack-10 delete-17 health-2 health-10 isolate-3..4 outage-11"),
			Perhaps: breaks("subscribe-15"),
			spoil:   listened(func(p publication, l *listener) fate { return fate{hidden: l != p.listeners[0]} }),
		},
		{
			Name:   "publish-needs-a-subscriber",
			Does:   "fails to publish where nobody is subscribed",
			Breaks: breaks("publish-4..6 pattern-1..2 pattern-4..21 buffer-4 isolate-3"),
			spoil: byNamespace(func(a *adapter, all *audience) {
				all.join(a, alike)
				publish := a.publish
				a.publish = func(ctx context.Context, channel string, payload []byte) error {
					err := publish(ctx, channel, payload)
					all.mu.Lock()
					defer all.mu.Unlock()
					if err == nil && len(all.matching(channel)) == 0 {
						a.strike()
						return fmt.Errorf("publish: %w", coordination.ErrNoSubscribers)
					}
					return err
				}
			}),
		},
	}
}

// alike is the fate of all messages where the fault lies elsewhere.
func alike(publication, *listener) fate { return fate{} }

// mistimed are faults in when a message reaches a subscription.
func mistimed() []Fault {
	return []Fault{
		{
			Name:   "last-message-retained",
			Does:   "delivers the last message of each channel to new subscriptions, as MQTT does",
			Breaks: breaks("publish-6..7 subscribe-10 context-5"),
			spoil:  retained(func(*audience, *listener) bool { return true }),
		},
		{
			Name:   "confirmation-not-awaited",
			Does:   "returns from Subscribe, but for the first few times, before the backend has confirmed it",
			Breaks: breaks("publish-7..8 pattern-22 subscribe-10 subscribe-12 subscribe-15"),
			spoil: listened(func(_ publication, l *listener) fate {
				return fate{hidden: l.number > 10 && time.Since(l.opened) < time.Millisecond}
			}),
		},
		{
			Name:   "out-of-order-under-load",
			Does:   "swaps every fiftieth message of a subscription with the next one",
			Breaks: breaks("publish-9..10 publish-18 buffer-1 buffer-5 buffer-7"),
			spoil:  each(func(a *adapter) { a.subscriptions(func(_ string, s *subscription) { swaps(a, s, 50) }) }),
		},
		{
			Name:   "stamped-at-the-receipt",
			Does:   "stamps a message with the time of its receipt",
			Breaks: breaks("publish-16"),
			spoil:  stamped(func(time.Time) time.Time { return time.Now() }),
		},
	}
}

// retained is a fault that delivers what was published before to subscriptions
// of which that is so.
func retained(so func(all *audience, l *listener) bool) func(*backend) func(*adapter) {
	return byNamespace(func(a *adapter, all *audience) {
		all.join(a, alike)
		subscribe := a.subscribe
		a.subscribe = func(ctx context.Context, pattern string) (coordination.Subscription, error) {
			subscription, err := subscribe(ctx, pattern)
			if err != nil {
				return nil, err
			}
			all.mu.Lock()
			defer all.mu.Unlock()
			l := all.listeners[len(all.listeners)-1]
			for channel, message := range all.latest {
				if coordination.Match(pattern, channel) && so(all, l) {
					a.strike()
					l.kept = append(l.kept, message)
				}
			}
			return subscription, nil
		}
	})
}

// swaps has a subscription return every so many messages two in the wrong order,
// where there are two.
func swaps(a *adapter, s *subscription, every int) {
	next := s.next
	var mu sync.Mutex
	var count int
	var held []coordination.Message
	take := func(ctx context.Context) (message coordination.Message, ok, swap bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(held) > 0 && ctx != nil && ctx.Err() == nil {
			message, held = held[0], held[1:]
			return message, true, false
		}
		count++
		return message, false, count%every == 0
	}
	s.next = func(ctx context.Context) (coordination.Message, error) {
		message, ok, swap := take(ctx)
		if ok {
			return message, nil
		}
		first, err := next(ctx)
		if err != nil || !swap {
			return first, err
		}
		soon, cancel := context.WithTimeout(ctx, time.Nanosecond)
		defer cancel()
		second, err := next(soon)
		if err != nil {
			return first, nil
		}
		a.strike()
		mu.Lock()
		defer mu.Unlock()
		held = append(held, first)
		return second, nil
	}
}

// stamped is a fault in the timestamps.
func stamped(stamp func(right time.Time) time.Time) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		a.messages(func(message coordination.Message) coordination.Message {
			message.Timestamp = instead(a, message.Timestamp, stamp(message.Timestamp))
			return message
		})
	})
}

// limited are faults in how much can be published.
func limited() []Fault {
	return []Fault{
		{
			Name:   "nil-payload-refused",
			Does:   "refuses to publish nil",
			Breaks: breaks("publish-12 buffer-4"),
			spoil: each(func(a *adapter) {
				publish := a.publish
				a.publish = func(ctx context.Context, channel string, payload []byte) error {
					if err := publish(ctx, channel, payload); err != nil || payload != nil {
						return err
					}
					a.strike()
					return fmt.Errorf("publish: payload is nil: %w", coordination.ErrInvalidArgument)
				}
			}),
		},
	}
}
