package broken

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func argumentFaults() []Fault {
	return slices.Concat(uncheckedArguments(), overcheckedArguments(), misplacedChecks())
}

// uncheckedArguments are faults of methods that take what they should refuse.
func uncheckedArguments() []Fault {
	return []Fault{
		{
			Name:   "large-payloads-taken",
			Does:   "takes a payload of any size",
			Breaks: breaks("argument-3"),
			spoil:  unchecked(func(c *call) bool { return len(c.payload) > coordination.MaxPayloadLen }, nothing),
		},
		{
			Name:   "moments-taken-for-milliseconds",
			Does:   "takes a lease or a heartbeat of less than a millisecond for one of a millisecond",
			Breaks: breaks("argument-4"),
			spoil: unchecked(func(c *call) bool {
				return (c.method == "Heartbeat" || c.method == "TryAcquireLeadership") && c.length < time.Millisecond
			}, func(c *call) error {
				c.length = time.Millisecond
				return c.proceed()
			}),
		},
		{
			Name:   "negative-ttl-is-none",
			Does:   "takes a time to live of less than a millisecond for none",
			Breaks: breaks("argument-5"),
			spoil: unchecked(func(c *call) bool { return c.method == "Set" && c.length < time.Millisecond && c.length != 0 },
				func(c *call) error {
					c.length = 0
					return c.proceed()
				}),
		},
		{
			Name:   "no-timeout-is-the-default",
			Does:   "waits for a second where the timeout is not more than zero",
			Breaks: breaks("argument-6"),
			spoil: unchecked(func(c *call) bool { return c.method == "PublishWithAck" && c.length <= 0 }, func(c *call) error {
				c.length = time.Second
				return c.proceed()
			}),
		},
		{
			Name:   "nil-context-panics",
			Does:   "panics where the context is nil",
			Breaks: breaks("argument-7 argument-13..14 error-1"),
			spoil: unchecked(func(c *call) bool { return c.ctx == nil }, func(c *call) error {
				return c.ctx.Err()
			}),
		},
		{
			Name:   "delete-many-checks-as-it-goes",
			Does:   "deletes the keys before a bad one",
			Breaks: breaks("argument-1..2 argument-8"),
			spoil: each(func(a *adapter) {
				remove := a.deleteMany
				a.deleteMany = func(ctx context.Context, keys ...string) (int, error) {
					removed, err := remove(ctx, keys...)
					if i := badKey(keys); i > 0 && ctx != nil && errors.Is(err, coordination.ErrInvalidArgument) {
						a.strike()
						_, _ = remove(ctx, keys[:i]...)
					}
					return removed, err
				}
			}),
		},
	}
}

// overcheckedArguments are faults of methods that refuse what they should take.
func overcheckedArguments() []Fault {
	return []Fault{
		{
			Name:   "longest-names-refused",
			Does:   "refuses a channel, pattern, key or node ID of 4,096 bytes (>= in place of >)",
			Breaks: breaks("value-9 keys-12..13 member-8 argument-9"),
			spoil:  overchecked("name", func(c *call) bool { return len(c.name) == coordination.MaxNameLen }),
		},
		{
			Name:   "short-timeouts-refused",
			Does:   "refuses a timeout of less than a millisecond",
			Breaks: breaks("argument-12"),
			spoil:  overchecked("timeout", shortTimeout),
		},
		{
			Name:   "publish-within-the-timeout",
			Does:   "gives up the publish of PublishWithAck with ErrUnavailable if it takes longer than the timeout",
			Breaks: breaks("argument-12"),
			spoil: unchecked(shortTimeout, func(*call) error {
				return fmt.Errorf("publish with ack: %w", coordination.ErrUnavailable)
			}),
		},
		{
			Name:   "timeout-is-the-contexts",
			Does:   "gives context.DeadlineExceeded where the timeout of PublishWithAck has passed",
			Breaks: breaks("ack-5 ack-15 keys-4 argument-12 error-5"),
			spoil: each(func(a *adapter) {
				publish := a.publishWithAck
				a.publishWithAck = func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
					acks, err := publish(ctx, channel, payload, timeout)
					if errors.Is(err, coordination.ErrAckTimeout) || err != nil && timeout == 1 {
						a.strike()
						return 0, context.DeadlineExceeded
					}
					return acks, err
				}
			}),
		},
	}
}

// misplacedChecks are faults of methods that refuse the right things wrongly.
func misplacedChecks() []Fault {
	return []Fault{
		{
			Name:   "argument-not-named",
			Does:   "does not say which argument it refuses",
			Breaks: breaks("argument-1..8 argument-13..14 outage-7"),
			spoil:  refuses(func(*call, error) error { return coordination.ErrInvalidArgument }),
		},
	}
}

func nothing(*call) error { return nil }

// badKey returns the place of the first key that is to be refused, or -1.
func badKey(keys []string) int {
	return slices.IndexFunc(keys, func(key string) bool { return coordination.CheckName("", "", key) != nil })
}

// unchecked is a fault of methods that do something else in some case.
func unchecked(is func(c *call) bool, instead func(c *call) error) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		a.every(func(c *call) error {
			if is(c) {
				a.strike()
				return instead(c)
			}
			return c.proceed()
		})
	})
}

func shortTimeout(c *call) bool {
	return c.method == "PublishWithAck" && c.length > 0 && c.length < time.Millisecond
}

func overchecked(argument string, is func(c *call) bool) func(*backend) func(*adapter) {
	return unchecked(is, func(*call) error {
		return fmt.Errorf("%s is out of range: %w", argument, coordination.ErrInvalidArgument)
	})
}

// refuses is a fault of methods that refuse bad arguments with another error.
func refuses(wrong func(c *call, err error) error) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		a.every(func(c *call) error {
			err := c.proceed()
			if !errors.Is(err, coordination.ErrInvalidArgument) {
				return err
			}
			other := wrong(c, err)
			if other.Error() != err.Error() || !errors.Is(other, coordination.ErrInvalidArgument) {
				a.strike()
			}
			return other
		})
	})
}
