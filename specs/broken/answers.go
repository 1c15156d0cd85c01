package broken

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// counted is what a PublishWithAck came to, for faults to make something else of.
type counted struct {
	a       *adapter
	all     *audience
	ctx     context.Context
	timeout time.Duration
	start   time.Time
	breaks  int64 // of links, before
	publication

	// The answer. took are those who took the message until then.
	acks int
	err  error
	took []*listener
}

// answering is a fault in the answer of PublishWithAck. Calls that are refused
// are left alone.
func answering(spoil func(c *counted)) func(*backend) func(*adapter) {
	return byNamespace(func(a *adapter, all *audience) {
		good := a.methods
		all.join(a, alike)
		a.publishWithAck = func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
			c := &counted{a: a, all: all, ctx: ctx, timeout: timeout, start: time.Now(), breaks: a.backend.breaks()}
			p := publication{from: a, channel: channel, payload: payload}
			c.acks, c.publication, c.err = all.publishWithAck(ctx, a, good, p, timeout, alike)
			if c.takers == nil || errors.Is(c.err, coordination.ErrClosed) {
				return c.acks, c.err
			}
			a.settle() // for those who are about to have taken it
			all.mu.Lock()
			c.took = slices.Clone(c.takers.listeners)
			all.mu.Unlock()
			acks, err := c.acks, c.err
			if spoil(c); acks != c.acks || !errors.Is(c.err, err) || err == nil && c.err != nil {
				a.strike()
			}
			return c.acks, c.err
		}
	})
}

// counts gives another number of acknowledgements, and what is due where it is
// none.
func (c *counted) counts(acks int) {
	if c.err != nil && !errors.Is(c.err, coordination.ErrNoSubscribers) && !errors.Is(c.err, coordination.ErrAckTimeout) {
		return
	}
	if c.acks == acks {
		return
	}
	c.acks, c.err = acks, nil
	if acks == 0 {
		c.err = fmt.Errorf("publish with ack: %w", coordination.ErrAckTimeout)
	}
}

// waitOut waits until the timeout has passed.
func (c *counted) waitOut() {
	left := time.Until(c.start.Add(c.timeout))
	if left <= 0 {
		return
	}
	c.a.strike()
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.a.link.done:
		c.acks, c.err = 0, closed("publish with ack")
	case <-c.ctx.Done():
		c.acks, c.err = 0, c.ctx.Err()
	}
}

// receivers publishes, where that is wanted, and returns who matches.
func (all *audience) receivers(
	ctx context.Context, a *adapter, good methods, channel string, payload []byte, timeout time.Duration, deliver bool,
) (int, error) {
	all.mu.Lock()
	matching := len(all.matching(channel))
	all.mu.Unlock()
	if matching == 0 || !a.admits(ctx, good, channel, payload, timeout) {
		return good.publishWithAck(ctx, channel, payload, timeout)
	}
	a.strike()
	if !deliver {
		return matching, nil
	}
	return matching, good.publish(ctx, channel, payload)
}

// justClosed returns those who would have got a message, and were closed within
// the last second.
func (all *audience) justClosed(channel string) (listeners []*listener) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, l := range all.gone {
		if coordination.Match(l.pattern, channel) && time.Since(l.left) < time.Second {
			listeners = append(listeners, l)
		}
	}
	return listeners
}
