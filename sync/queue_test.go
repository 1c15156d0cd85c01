package sync_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

// outpacedContext has something else done before somebody waits with it for the
// nth time, counted from 0.
type outpacedContext struct {
	context.Context
	nth int
	by  func() error
}

func (c *outpacedContext) Done() <-chan struct{} {
	if c.nth--; c.nth == -1 {
		Expect(c.by()).To(Succeed())
	}
	return c.Context.Done()
}

var _ = Describe("The queue of the outbox", func() {
	// impatient is a context that ends after a second, as does what hangs with it.
	impatient := func(ctx context.Context) context.Context { return limitedTo(ctx, time.Second) }
	expectAfterASecond := func(call func() error) {
		GinkgoHelper()
		begun := time.Now()
		Expect(call()).To(MatchError(context.DeadlineExceeded))
		Expect(time.Since(begun)).To(Equal(time.Second))
	}

	for what, limits := range map[string]dsync.Limits{
		"operations": {QueueOperations: 2},
		"bytes":      {QueueBytes: 600},
	} {
		It("makes callers wait as long as their contexts allow, where it is full of "+what, func() {
			virtually(func(ctx context.Context) {
				cache, calls := newNotedCache(), &callers{}
				node := nodeOnMock(on(cache), limited(limits))
				free := jam(ctx, node, calls)
				calls.call(func() error { return node.Delete(ctx, "second") })
				cache.noted()

				expectAfterASecond(func() error { return node.Delete(impatient(ctx), "third") })
				Expect(cache.noted()).To(BeEmpty())
				Expect(node.Status().Pending).To(Equal(2))

				calls.call(func() error { return node.Delete(ctx, "fourth") })
				Expect(cache.noted()).To(BeEmpty())
				node.publishes().MinTimes(1).MaxTimes(2) // the fourth may find the second's message open
				free()
				Expect(calls.end()).To(HaveEach(Succeed()))
				Expect(keysOf(node.told())).To(Equal([]string{"first", "second", "fourth"}))
				expectContiguous(node.messages)
				Expect(node.Status().Pending).To(BeZero())
			})
		})
	}

	It("makes callers wait also where those before them are held up by the cache", func() {
		virtually(func(ctx context.Context) {
			cache, calls := newNotedCache(), &callers{}
			node := nodeOnMock(on(cache), limited(dsync.Limits{QueueOperations: 1}))
			release := make(chan struct{})
			cache.fails(func(context.Context, string) error { <-release; return nil })
			calls.call(func() error { return node.Delete(ctx, "first") })
			expectAfterASecond(func() error { return node.Delete(impatient(ctx), "second") })

			calls.call(func() error { return node.Delete(ctx, "third") })
			node.publishes().Times(2)
			close(release)
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(keysOf(node.told())).To(Equal([]string{"first", "third"}))
		})
	})

	It("has room again when one before is rejected", func() {
		virtually(func(ctx context.Context) {
			consensus, calls := &plug{}, &callers{}
			node := nodeOnMock(on(newNotedCache()), through(consensus), limited(dsync.Limits{QueueOperations: 1}))
			release := make(chan struct{})
			consensus.decide = func(operation dsync.Operation, _ dsync.Conflict) (bool, string) {
				<-release
				return operation.Key != "first", "not this one"
			}
			calls.call(func() error { return node.Delete(ctx, "first") })
			calls.call(func() error { return node.Delete(ctx, "second") })
			node.publishes()
			close(release)
			Expect(calls.end()).To(ConsistOf(MatchError(dsync.ErrRejected), Succeed()))
			Expect(keysOf(node.told())).To(Equal([]string{"second"}))
		})
	})

	It("is passed by an operation larger than all of it, when that is alone", func() {
		virtually(func(ctx context.Context) {
			calls := &callers{}
			node := nodeOnMock(on(newNotedCache()), limited(dsync.Limits{QueueBytes: 1000}))
			node.publishes()
			Expect(node.Set(ctx, "k", make([]byte, 2000), 0)).To(Succeed())
			free := jam(ctx, node, calls)
			expectAfterASecond(func() error { return node.Set(impatient(ctx), "k", make([]byte, 2000), 0) })
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
		})
	})

	It("lets a caller out of the line whose context ends before its turn", func() {
		virtually(func(ctx context.Context) {
			calls := &callers{}
			node := nodeOnMock(on(newNotedCache()), limited(dsync.Limits{QueueOperations: 1}))
			free := jam(ctx, node, calls)
			calls.call(func() error { return node.Delete(ctx, "second") })
			expectAfterASecond(func() error { return node.Delete(impatient(ctx), "third") })
			node.publishes()
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(keysOf(node.told())).To(Equal([]string{"first", "second"}))
		})
	})

	It("keeps many small operations from passing one larger than all of it for ever", func() {
		virtually(func(ctx context.Context) {
			calls := &callers{}
			node := nodeOnMock(on(newNotedCache()), limited(dsync.Limits{QueueBytes: 10_000, BatchOperations: 1}))
			node.publishes().AnyTimes().Do(func(context.Context, string, []byte) error { time.Sleep(time.Millisecond); return nil })
			flood, stop := context.WithCancel(ctx)
			for _, key := range []string{"a", "b", "c", "d"} {
				calls.call(func() error {
					for flood.Err() == nil {
						Expect(node.Delete(ctx, key)).To(Succeed())
					}
					return nil
				})
			}
			Expect(node.Set(impatient(ctx), "k", make([]byte, 20_000), 0)).To(Succeed())
			stop()
			Expect(calls.end()).To(HaveEach(Succeed()))
		})
	})

	It("keeps many operations larger than all of it from passing a small one for ever", func() {
		virtually(func(ctx context.Context) {
			calls := &callers{}
			node := nodeOnMock(on(newNotedCache()), limited(dsync.Limits{QueueBytes: 10_000}))
			node.publishes().AnyTimes().Do(func(context.Context, string, []byte) error { time.Sleep(time.Millisecond); return nil })
			flood, stop := context.WithCancel(ctx)
			for _, key := range []string{"a", "b", "c", "d"} {
				calls.call(func() error {
					for flood.Err() == nil {
						Expect(node.Set(ctx, key, make([]byte, 20_000), 0)).To(Succeed())
					}
					return nil
				})
			}
			Expect(node.Delete(impatient(ctx), "k")).To(Succeed())
			stop()
			Expect(calls.end()).To(HaveEach(Succeed()))
		})
	})

	It("lets small operations in again when one larger than all of it has given up", func() {
		virtually(func(ctx context.Context) {
			cache, calls := newNotedCache(), &callers{}
			node := nodeOnMock(on(cache), limited(dsync.Limits{QueueBytes: 10_000}))
			free := jam(ctx, node, calls)
			cache.noted()
			calls.call(func() error {
				expectAfterASecond(func() error { return node.Set(impatient(ctx), "large", make([]byte, 20_000), 0) })
				return nil
			})
			calls.call(func() error { return node.Delete(ctx, "small") })
			Expect(cache.noted()).To(BeEmpty())
			time.Sleep(2 * time.Second)
			Expect(cache.noted()).To(HaveLen(1))
			node.publishes()
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(keysOf(node.told())).To(Equal([]string{"first", "small"}))
		})
	})

	It("keeps an operation whose caller gave up, for the next one to send with the same number", func() {
		virtually(func(ctx context.Context) {
			node := nodeOnMock(on(newNotedCache()))
			node.port.EXPECT().Publish(gomock.Any(), dsync.DefaultChannel, gomock.Any()).DoAndReturn(until)
			expectAfterASecond(func() error { return node.Delete(impatient(ctx), "first") })
			Expect(node.Status().Pending).To(Equal(1))

			node.publishes().Times(2)
			Expect(node.Delete(ctx, "second")).To(Succeed())
			Expect(keysOf(node.told())).To(Equal([]string{"first", "second"}))
			expectContiguous(node.messages)
			Expect(node.Status().Pending).To(BeZero())
		})
	})

	It("has who waits for room send what a caller who gave up has left", func() {
		virtually(func(ctx context.Context) {
			calls := &callers{}
			node := nodeOnMock(on(newNotedCache()), limited(dsync.Limits{QueueOperations: 1}))
			stuck := node.port.EXPECT().Publish(gomock.Any(), dsync.DefaultChannel, gomock.Any()).DoAndReturn(until)
			node.publishes().Times(2).After(stuck.Call)
			calls.call(func() error { return node.Delete(impatient(ctx), "first") })
			calls.call(func() error { return node.Delete(ctx, "second") })
			Expect(calls.end()).To(ConsistOf(MatchError(context.DeadlineExceeded), Succeed()))
			Expect(keysOf(node.told())).To(Equal([]string{"first", "second"}))
		})
	})

	It("lets a caller go whose context ends while it sends what another one has left", func() {
		virtually(func(ctx context.Context) {
			node := nodeOnMock(on(newNotedCache()), limited(dsync.Limits{QueueOperations: 1}))
			node.port.EXPECT().Publish(gomock.Any(), dsync.DefaultChannel, gomock.Any()).DoAndReturn(until).Times(2)
			expectAfterASecond(func() error { return node.Delete(impatient(ctx), "first") })
			expectAfterASecond(func() error { return node.Delete(impatient(ctx), "second") })
			Expect(node.Status().Pending).To(Equal(1))
		})
	})

	It("lets one who waits give up, whose operation another one sends", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache())), &callers{}
			free := jam(ctx, node, calls)
			expectAfterASecond(func() error { return node.Delete(impatient(ctx), "second") })
			calls.call(func() error { return node.Delete(ctx, "third") })
			node.publishes()
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(node.sizes()).To(Equal([]int{1, 2}))
		})
	})

	It("has those who wait send a message again whose sender gave up", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache())), &callers{}
			free := jam(ctx, node, calls)
			calls.call(func() error { return node.Delete(impatient(ctx), "second") })
			calls.call(func() error { return node.Delete(ctx, "third") })
			// The second has waited for longest, and sends first.
			node.publishes().DoAndReturn(func(ctx context.Context, _ string, _ []byte) error {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(time.Minute):
					return nil
				}
			}).Times(2)
			free()
			Expect(calls.end()).To(ConsistOf(Succeed(), MatchError(context.DeadlineExceeded), Succeed()))
			Expect(keysOf(node.told())).To(Equal([]string{"first", "second", "third", "second", "third"}))
			Expect(node.messages[2].all()).To(Equal(node.messages[1].all()))
			Expect(node.Status().Pending).To(BeZero())
		})
	})

	Context("at a heartbeat", func() {
		It("is sent first", func() {
			virtually(func(ctx context.Context) {
				node := nodeOnMock(on(newNotedCache()))
				node.port.EXPECT().Publish(gomock.Any(), dsync.DefaultChannel, gomock.Any()).DoAndReturn(until)
				expectAfterASecond(func() error { return node.Delete(impatient(ctx), "first") })
				node.publishes().Times(2)
				Expect(beat(ctx, node.DistributedSync)()).To(Succeed())
				Expect(node.sizes()).To(Equal([]int{1, 0}))
				expectContiguous(node.messages)
			})
		})

		It("is not sent once more by a caller who was about to send it", func() {
			virtually(func(ctx context.Context) {
				node := nodeOnMock(on(newNotedCache()))
				node.publishes().AnyTimes()
				var keys []string
				for i := range 256 { // a caller notices in one of two ways, of which Go chooses one at random
					keys = append(keys, fmt.Sprint(i))
					outpaced := &outpacedContext{Context: ctx, nth: i % 4, by: beat(ctx, node.DistributedSync)}
					Expect(node.Delete(outpaced, keys[i])).To(Succeed())
				}
				Expect(keysOf(node.told())).To(Equal(keys))
				expectContiguous(node.messages)
				Expect(node.Status().Pending).To(BeZero())
			})
		})

		It("stays where the context of that ends", func() {
			virtually(func(ctx context.Context) {
				node := nodeOnMock(on(newNotedCache()))
				node.port.EXPECT().Publish(gomock.Any(), dsync.DefaultChannel, gomock.Any()).DoAndReturn(until).Times(2)
				expectAfterASecond(func() error { return node.Delete(impatient(ctx), "first") })
				expectAfterASecond(beat(impatient(ctx), node.DistributedSync))
				Expect(node.Status().Pending).To(Equal(1))
			})
		})

		It("makes that wait as long as its context allows, where a message is under way", func() {
			virtually(func(ctx context.Context) {
				node, calls := nodeOnMock(on(newNotedCache())), &callers{}
				free := jam(ctx, node, calls)
				expectAfterASecond(beat(impatient(ctx), node.DistributedSync))
				free()
				Expect(calls.end()).To(HaveEach(Succeed()))
			})
		})
	})
})
