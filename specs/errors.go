package specs

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// besideError is an error that came with other results.
type besideError struct {
	error
	results []any
}

func (e *besideError) Unwrap() error { return e.error }

// beside returns the error of a call, and with it the other results if it should
// have had none.
func beside(err error, results ...any) error {
	for _, result := range results {
		if err != nil && !reflect.ValueOf(result).IsZero() {
			return &besideError{err, results}
		}
	}
	return err
}

// expectOnly says that a call ends with an error and with no other result.
func (c *cluster) expectOnly(err, kind error, method string) {
	GinkgoHelper()
	c.Expect(err).To(MatchError(kind), method)
	if more, ok := errors.AsType[*besideError](err); ok {
		c.Fail(fmt.Sprintf("%s gives %v beside the error %v", method, more.results, err))
	}
}

func (c *contract) errors() {
	c.it("error-1", "gives no other result beside ErrInvalidArgument", func(c *cluster) {
		s := c.scene(true)
		for _, m := range methods {
			c.expectOnly(m.call(noContext, s.handle, m.valid), coordination.ErrInvalidArgument, m.name)
			if m.named != "" {
				bad := m.valid
				bad.name = ""
				c.expectOnly(m.call(c.ctx, s.handle, bad), coordination.ErrInvalidArgument, m.name)
			}
		}
	})

	c.it("error-2", "gives no other result beside the error of a context that is done", func(c *cluster) {
		s := c.scene(true)
		for _, m := range methods {
			c.expectOnly(m.do(c.cancelled(), s.handle), context.Canceled, m.name)
			c.expectOnly(m.do(c.expired(), s.handle), context.DeadlineExceeded, m.name)
		}
	})

	c.it("error-3", "gives no other result beside ErrClosed", func(c *cluster) {
		s := c.scene(true)
		c.Expect(s.handle.Close()).To(Succeed())
		for _, m := range methods {
			c.expectOnly(m.do(c.ctx, s.handle), coordination.ErrClosed, m.name)
		}
	})

	c.it("error-4", "gives no other result beside ErrUnavailable", func(c *cluster) {
		links := c.links()
		one := c.inUse()
		links.Cut(one)
		for _, m := range methods {
			c.expectOnly(m.do(c.within(c.patience), one), coordination.ErrUnavailable, m.name)
		}
	})

	c.it("error-5", "gives no acknowledgement beside ErrNoSubscribers and ErrAckTimeout", func(c *cluster) {
		one, other := c.pair()
		acked := func() error {
			acks, err := one.PublishWithAck(c.ctx, "news", nil, c.briefly)
			return beside(err, acks)
		}
		c.expectOnly(acked(), coordination.ErrNoSubscribers, "PublishWithAck")
		c.subscribe(one, "news")
		c.subscribe(other, "news")
		c.expectOnly(acked(), coordination.ErrAckTimeout, "PublishWithAck")
	})

	c.it("error-6", "gives no message beside an error of Next", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		next := func(ctx context.Context) error {
			message, err := subscription.Next(ctx)
			return beside(err, message)
		}
		c.publish(other, "news", "first", "second", "third")
		c.expectNext(subscription, "first") // so that others are on their way
		c.expectOnly(next(noContext), coordination.ErrInvalidArgument, "Next")
		c.expectOnly(next(c.cancelled()), context.Canceled, "Next")
		c.expectOnly(next(c.expired()), context.DeadlineExceeded, "Next")
		c.Expect(subscription.Close()).To(Succeed())
		c.expectOnly(next(c.ctx), coordination.ErrClosed, "Next")
	})

	c.it("error-7", "gives no message beside ErrMessagesLost", func(c *cluster) {
		one, other := c.pair()
		subscription, end := c.subscribe(one, "load"), c.subscribe(one, "end")
		c.flood(other, "load")
		c.publish(other, "end", "end")
		c.expectNext(end, "end") // so that all of the flood has come in
		message, err := subscription.Next(c.within(c.patience))
		c.expectOnly(beside(err, message), coordination.ErrMessagesLost, "Next")
	})
}
