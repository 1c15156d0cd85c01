package specs

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// cancelled returns a context that is cancelled, and expired one whose deadline
// has passed.
func (c *cluster) cancelled() context.Context {
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	return ctx
}

func (c *cluster) expired() context.Context { return c.within(-time.Second) }

// expectDone says that a call ends promptly with the error of a context that was
// done before it, be it that of a cancelled or of an expired one.
func (c *cluster) expectDone(name string, call func(context.Context) error) {
	GinkgoHelper()
	for _, done := range []context.Context{c.cancelled(), c.expired()} {
		c.expectEnd(time.Now(), c.promptly, done.Err(), c.begin(name, func() error { return call(done) }))
	}
}

func (c *contract) contexts() {
	for _, m := range methods {
		c.it("done-"+m.name, "ends "+m.name+" with the error of a context that is done before it, and changes nothing", func(c *cluster) {
			s := c.scene(m.leads)
			c.expectDone(m.name, func(ctx context.Context) error { return m.do(ctx, s.handle) })
			s.expectUntouched()
		})
	}

	c.it("context-1", "ends Next with the error of a context that is done before it, and leaves the message", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		c.publish(other, "news", "first", "second")
		c.expectNext(subscription, "first") // so that the second one is on its way
		c.expectDone("Next", func(ctx context.Context) error {
			_, err := subscription.Next(ctx)
			return err
		})
		c.expectNext(subscription, "second")
	})

	c.it("context-2", "ends a Next and a PublishWithAck that wait within 100 ms of their cancellation", func(c *cluster) {
		ctx, cancel := context.WithCancel(c.ctx)
		defer cancel()
		calls := c.waiters(ctx)
		start := time.Now()
		cancel()
		c.expectEnd(start, c.promptly, context.Canceled, calls...)
	})

	c.it("context-3", "ends a Next and a PublishWithAck that wait within 100 ms of their deadline", func(c *cluster) {
		ctx := c.within(2 * c.promptly)
		calls := c.waiters(ctx)
		deadline, _ := ctx.Deadline()
		c.expectEnd(deadline, c.promptly, context.DeadlineExceeded, calls...)
		for _, call := range calls {
			c.Expect(call.end).NotTo(BeTemporally("<", deadline), call.name)
		}
	})

	c.it("context-4", "ends no other calls than those whose context is cancelled", func(c *cluster) {
		one, other := c.pair()
		subscription := c.subscribe(one, "news")
		ctx, cancel := context.WithCancel(c.ctx)
		defer cancel()
		next := func(ctx context.Context) *begun {
			return c.begin("Next", func() error {
				_, err := subscription.Next(ctx)
				return err
			})
		}
		one1, one2, cancelled := next(c.ctx), next(c.ctx), next(ctx)
		c.expectWaiting(one1, one2, cancelled)
		start := time.Now()
		cancel()
		c.expectEnd(start, c.promptly, context.Canceled, cancelled)
		c.expectWaiting(one1, one2)
		c.publish(other, "news", "first", "second")
		c.expectEnd(start, c.patience, nil, one1, one2)
	})

	c.it("context-5", "binds a handle to no context but those of its calls", func(c *cluster) {
		ctx, cancel := context.WithCancel(c.ctx)
		defer cancel()
		handle := c.openWith(ctx, c.namespace)
		for _, m := range methods {
			c.Expect(answers(m.do(ctx, handle))).To(Succeed(), m.name)
		}
		subscription, err := handle.Subscribe(ctx, "channel")
		c.Expect(err).NotTo(HaveOccurred())
		cancel()
		c.pass(10 * time.Millisecond) // for what the cancellation may set off
		c.publish(handle, "channel", "hello")
		c.expectNext(subscription, "hello")
		c.Expect(subscription.Close()).To(Succeed())
		for _, m := range methods {
			c.Expect(answers(m.do(c.ctx, handle))).To(Succeed(), m.name)
		}
	})

	c.it("context-6", "ends every method that waits on a frozen link within 100 ms of its cancellation", func(c *cluster) {
		ctx, cancel := context.WithCancel(c.ctx)
		defer cancel()
		calls, heal := c.frozen(ctx)
		defer heal()
		start := time.Now()
		cancel()
		c.expectEnd(start, c.promptly, context.Canceled, calls...)
	})

	c.it("context-7", "ends every method that waits on a frozen link within 100 ms of its deadline", func(c *cluster) {
		ctx := c.within(2 * c.promptly)
		calls, heal := c.frozen(ctx)
		defer heal()
		deadline, _ := ctx.Deadline()
		c.expectEnd(deadline, c.promptly, context.DeadlineExceeded, calls...)
	})
}

// waiters begins calls that wait for others as long as ctx allows.
func (c *cluster) waiters(ctx context.Context) []*begun {
	GinkgoHelper()
	one, other := c.pair()
	quiet := c.subscribe(one, "quiet")
	c.subscribe(one, "news") // and never read
	calls := []*begun{
		c.begin("Next", func() error {
			_, err := quiet.Next(ctx)
			return err
		}),
		c.begin("PublishWithAck", func() error {
			_, err := other.PublishWithAck(ctx, "news", nil, time.Hour)
			return err
		}),
	}
	c.expectWaiting(calls...)
	return calls
}

// frozen begins a call of every method on a handle whose link is frozen, and
// returns what heals it.
func (c *cluster) frozen(ctx context.Context) (calls []*begun, heal func()) {
	GinkgoHelper()
	links := c.freezing()
	handle := c.inUse()
	links.Freeze(handle)
	for _, m := range methods {
		calls = append(calls, c.begin(m.name, func() error { return m.do(ctx, handle) }))
	}
	c.expectWaiting(calls...)
	return calls, func() { links.Heal(handle) }
}

// inUse opens a handle with all the connections that its methods need.
func (c *cluster) inUse() coordination.DistributedCoordination {
	GinkgoHelper()
	handle := c.open()
	for _, m := range methods {
		c.Expect(answers(m.do(c.ctx, handle))).To(Succeed(), m.name)
	}
	return handle
}
