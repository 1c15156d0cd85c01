package sync_test

import (
	"context"
	"fmt"
	"runtime"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// lateContext does not notice that its deadline has passed.
type lateContext struct {
	context.Context
	deadline time.Time
}

func (c lateContext) Deadline() (time.Time, bool) { return c.deadline, true }

// endingContext has something else done first where somebody asks whether it has
// ended, once.
type endingContext struct {
	context.Context
	first func()
}

func (c *endingContext) Err() error {
	if first := c.first; first != nil {
		c.first = nil
		first()
	}
	return c.Context.Err()
}

var _ = Describe("A heartbeat while others send", func() {
	It("passes all messages that wait for their turn, however many there are", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache()), limited(dsync.Limits{BatchOperations: 1})), &callers{}
			free := jam(ctx, node, calls)
			for i := range 5 {
				calls.call(func() error { return node.Delete(ctx, fmt.Sprint(i)) })
			}
			calls.call(beat(ctx, node.DistributedSync))
			node.publishes().Times(6)
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(node.sizes()).To(Equal([]int{1, 0, 1, 1, 1, 1, 1}))
			expectContiguous(node.messages)
		})
	})

	It("does not pass a message that has its numbers, which would look lost", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache()), limited(dsync.Limits{BatchOperations: 1})), &callers{}
			stuck := node.port.EXPECT().Publish(gomock.Any(), dsync.DefaultChannel, gomock.Any()).DoAndReturn(until)
			node.publishes().Times(3).After(stuck.Call)
			calls.call(func() error { return node.Delete(limitedTo(ctx, time.Second), "first") })
			calls.call(func() error { return node.Delete(ctx, "second") })
			calls.call(beat(ctx, node.DistributedSync))
			Expect(calls.end()).To(ConsistOf(MatchError(context.DeadlineExceeded), Succeed(), Succeed()))
			Expect(keysOf(node.told())).To(Equal([]string{"first", "second"}))
			Expect(node.sizes()).To(Equal([]int{1, 0, 1}))
		})
	})

	It("does not hold callers up whose contexts end", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache())), &callers{}
			through := make(chan struct{})
			node.publishes().Do(func(context.Context, string, []byte) error { <-through; return nil })
			calls.call(beat(ctx, node.DistributedSync))
			begun := time.Now()
			Expect(node.Delete(limitedTo(ctx, time.Second), "given up")).To(MatchError(context.DeadlineExceeded))
			Expect(time.Since(begun)).To(Equal(time.Second))
			node.publishes()
			close(through)
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(node.Delete(ctx, "next")).To(Succeed())
			Expect(keysOf(node.told())).To(ContainElements("given up", "next"))
		})
	})

	It("takes its number when its turn has come, so that those that fail leave none out", func() {
		virtually(func(ctx context.Context) {
			n, calls := newScriptedNode(newScriptedPort()), &callers{}
			n.port.hangs("Publish")
			for i := range 12 {
				calls.call(beat(limitedTo(ctx, time.Second+time.Duration(i)*time.Millisecond), n.DistributedSync))
			}
			Expect(calls.end()).To(HaveEach(MatchError(context.DeadlineExceeded)))
			n.port.fails(nil, "Publish")
			n.port.took()
			Expect(beat(ctx, n.DistributedSync)()).To(Succeed())
			Expect(n.port.took()).To(Equal([]string{"Publish heartbeat 1 last 0"}))
		})
	})

	It("is refused after the goodbye, which it would undo, also where it was let in before", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			end := &endingContext{Context: ctx, first: func() {
				Expect(n.finish()).To(Succeed())
				synctest.Wait()
				n.port.took()
			}}
			Expect(beat(end, n.DistributedSync)()).To(MatchError(coordination.ErrClosed))
			Expect(n.port.took()).To(BeEmpty())
		})
	})
})

var _ = Describe("A caller", func() {
	It("whose deadline the port notices before his context leaves his message to others", func() {
		virtually(func(ctx context.Context) {
			node := nodeOnMock(on(newNotedCache()))
			failed := node.port.EXPECT().Publish(gomock.Any(), dsync.DefaultChannel, gomock.Any()).DoAndReturn(
				func(ctx context.Context, _ string, _ []byte) error {
					deadline, _ := ctx.Deadline()
					time.Sleep(time.Until(deadline))
					return context.DeadlineExceeded
				})
			late := lateContext{ctx, time.Now().Add(time.Second)}
			Expect(node.Delete(late, "first")).To(MatchError(context.DeadlineExceeded))
			Expect(node.Status().Pending).To(Equal(1))
			node.publishes().Times(2).After(failed.Call)
			Expect(node.Delete(ctx, "second")).To(Succeed())
			Expect(keysOf(node.told())).To(Equal([]string{"first", "second"}))
		})
	})

	It("gives his place back where the cache ends his goroutine", func() {
		virtually(func(ctx context.Context) {
			cache := newNotedCache()
			node := nodeOnMock(on(cache), limited(dsync.Limits{QueueOperations: 1}))
			cache.fails(func(context.Context, string) error { runtime.Goexit(); return nil })
			go func() { _ = node.Delete(ctx, "first") }()
			synctest.Wait()
			Expect(node.Status().Pending).To(BeZero())
			cache.fails(nil)
			node.publishes()
			Expect(node.Delete(ctx, "second")).To(Succeed())
		})
	})
})
