package sync_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

// limited bounds the memory of a node.
func limited(limits dsync.Limits) func(*dsync.Options) {
	return func(options *dsync.Options) { options.Limits = limits }
}

// callers are goroutines that call a node, each waiting for its own message.
type callers struct {
	all  sync.WaitGroup
	mu   sync.Mutex // guards what follows
	errs []error
}

// call has one more call made, and returns when it waits for something. It is for
// virtual time.
func (c *callers) call(call func() error) {
	c.all.Go(func() {
		defer GinkgoRecover()
		err := call()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.errs = append(c.errs, err)
	})
	synctest.Wait()
}

// end waits for all of them, and returns their errors.
func (c *callers) end() []error {
	c.all.Wait()
	return c.errs
}

// jam has the node publish a message that does not get through before the
// returned function is called.
func jam(ctx context.Context, node *mocked, calls *callers) (free func()) {
	through := make(chan struct{})
	node.publishes().Do(func(context.Context, string, []byte) error { <-through; return nil })
	calls.call(func() error { return node.Delete(ctx, "first") })
	return func() { close(through) }
}

// until is a Publish that ends with its context.
func until(ctx context.Context, _ string, _ []byte) error {
	<-ctx.Done()
	return ctx.Err()
}

// beat is a heartbeat that the application sends.
func beat(ctx context.Context, node *dsync.DistributedSync) func() error {
	return func() error { return node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Heartbeat}) }
}

// limitedTo is a context that ends after a while, or with the spec.
func limitedTo(ctx context.Context, limit time.Duration) context.Context {
	limited, cancel := context.WithTimeout(ctx, limit)
	DeferCleanup(cancel)
	return limited
}

// keysOf are the keys of what was told, in its order.
func keysOf(operations []toldOperation) (keys []string) {
	for _, operation := range operations {
		keys = append(keys, operation.Key)
	}
	return keys
}

// expectContiguous expects numbers from 1 on, each message saying its last and a
// clock that is above all stamps.
func expectContiguous(messages []told) {
	GinkgoHelper()
	number := uint64(0)
	for _, message := range messages {
		for _, operation := range message.all() {
			number++
			Expect(operation.Seq).To(Equal(number))
			Expect(message.Clock).To(BeNumerically(">=", operation.Stamp))
		}
		Expect(message.Seq).To(Equal(number))
	}
}

var _ = Describe("The outbox", func() {
	It("sends what comes while a message is under way together, up to 64 in one message", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache())), &callers{}
			free := jam(ctx, node, calls)
			for i := range 100 {
				calls.call(func() error { return node.Delete(ctx, fmt.Sprint(i)) })
			}
			Expect(node.Status().Pending).To(Equal(101))
			node.publishes().Times(2)
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(node.sizes()).To(Equal([]int{1, 64, 36}))
			expectContiguous(node.messages)
			Expect(node.Status().Pending).To(BeZero())
			Expect(node.Status().Published).To(BeEquivalentTo(101))
			Expect(node.Status().HistoryOperations).To(Equal(101))
		})
	})

	It("gives an operation that is sent with others no ID, and keeps one that it has", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache())), &callers{}
			free := jam(ctx, node, calls)
			calls.call(func() error { return node.Delete(ctx, "k") })
			calls.call(func() error {
				return node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "l", ID: "mine"})
			})
			node.publishes()
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(node.messages[0].ID).To(MatchRegexp(`^a/[0-9a-z]+/1$`))
			Expect(node.messages[1].Operations[0].ID).To(BeEmpty())
			Expect(node.messages[1].Operations[1].ID).To(Equal("mine"))
		})
	})

	It("sends of several operations on a key the last alone", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache())), &callers{}
			free := jam(ctx, node, calls)
			for _, value := range []string{"1", "2", "3"} {
				calls.call(func() error { return node.Set(ctx, "k", []byte(value), 0) })
				calls.call(func() error { return node.Set(ctx, "l", []byte(value), 0) })
			}
			calls.call(func() error { return node.Delete(ctx, "l") })
			Expect(node.Status().Pending).To(Equal(8))
			node.publishes()
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(keysOf(node.told())).To(Equal([]string{"first", "k", "l"}))
			Expect(node.told()[1].Value).To(BeEquivalentTo("3"))
			Expect(node.told()[2].Type).To(Equal("Delete"))
			expectContiguous(node.messages)
			Expect(node.Status().Pending).To(BeZero())
		})
	})

	It("sends of several operations on a key that with the newest stamp", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache()), through(&plug{})), &callers{}
			free := jam(ctx, node, calls)
			for _, wall := range []int64{6, 7, 5} {
				calls.call(func() error {
					return node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "k", Stamp: past(wall)})
				})
			}
			node.publishes()
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(node.told()).To(HaveLen(2))
			Expect(node.told()[1].Stamp).To(BeEquivalentTo(7))
		})
	})

	It("moves no operation across one on many keys", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache())), &callers{}
			free := jam(ctx, node, calls)
			set := func() error { return node.Set(ctx, "k", nil, 0) }
			calls.call(set)
			calls.call(func() error { return node.InvalidatePattern(ctx, "x*") })
			calls.call(set)
			calls.call(func() error { return node.Clear(ctx) })
			calls.call(set)
			calls.call(set)
			node.publishes()
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(keysOf(node.told())).To(Equal([]string{"first", "k", "x*", "k", "", "k"}))
			expectContiguous(node.messages)
		})
	})

	It("changes nothing in a message that is under way", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache())), &callers{}
			free := jam(ctx, node, calls)
			calls.call(func() error { return node.Delete(ctx, "first") })
			node.publishes()
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(node.sizes()).To(Equal([]int{1, 1}))
			expectContiguous(node.messages)
		})
	})

	It("puts no more than a mebibyte into a message, unless one operation is larger", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache()), limited(dsync.Limits{QueueBytes: 16 << 20})), &callers{}
			free := jam(ctx, node, calls)
			for i, size := range []int{600_000, 400_000, 600_000, 2_000_000, 1} {
				calls.call(func() error { return node.Set(ctx, fmt.Sprint(i), make([]byte, size), 0) })
			}
			node.publishes().Times(4)
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(node.sizes()).To(Equal([]int{1, 2, 1, 1, 1}))
		})
	})

	It("tells the error of a message to all who have an operation in it, and later ones its numbers", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache())), &callers{}
			free := jam(ctx, node, calls)
			for i := range 10 {
				calls.call(func() error { return node.Delete(ctx, fmt.Sprint(i)) })
			}
			failed := node.publishes().Return(errPort)
			node.publishes().After(failed.Call)
			free()
			Expect(calls.end()).To(ConsistOf(Succeed(), MatchError(errPort), MatchError(errPort), MatchError(errPort),
				MatchError(errPort), MatchError(errPort), MatchError(errPort), MatchError(errPort), MatchError(errPort),
				MatchError(errPort), MatchError(errPort)))
			Expect(node.Status().Pending).To(BeZero())
			Expect(node.Delete(ctx, "last")).To(Succeed())
			Expect(node.messages[2].Seq).To(BeEquivalentTo(12))
			Expect(node.Status().PublishFailures).To(BeEquivalentTo(1))
		})
	})

	It("has another caller of a message send it where the port panics", func() {
		virtually(func(ctx context.Context) {
			node, calls := nodeOnMock(on(newNotedCache())), &callers{}
			free := jam(ctx, node, calls)
			calls.call(func() error {
				defer func() { Expect(recover()).To(Equal("no")) }()
				return node.Delete(ctx, "second")
			})
			calls.call(func() error { return node.Delete(ctx, "third") })
			panics := node.port.EXPECT().Publish(gomock.Any(), dsync.DefaultChannel, gomock.Any()).
				Do(func(context.Context, string, []byte) error { panic("no") })
			node.publishes().After(panics.Call)
			free()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(keysOf(node.told())).To(Equal([]string{"first", "second", "third"}))
			Expect(node.Status().Pending).To(BeZero())
		})
	})

	It("sends one message at a time, with the last word on each key, to however many callers at once", func(ctx SpecContext) {
		cache := newNotedCache()
		node := nodeOnMock(on(cache), limited(dsync.Limits{QueueOperations: 16, BatchOperations: 5}))
		var under atomic.Int32
		node.publishes().Do(func(context.Context, string, []byte) error {
			defer GinkgoRecover()
			Expect(under.Add(1)).To(BeEquivalentTo(1))
			time.Sleep(time.Microsecond)
			under.Add(-1)
			return nil
		}).AnyTimes()
		var calls callers
		for caller := range 50 {
			calls.all.Go(func() {
				defer GinkgoRecover()
				for i := range 20 {
					key := fmt.Sprint((caller + i) % 7)
					Expect(node.Set(ctx, key, fmt.Append(nil, caller, i), 0)).To(Succeed())
					if i%7 == 0 {
						Expect(node.InvalidatePattern(ctx, "[01]")).To(Succeed())
					}
				}
			})
		}
		calls.all.Wait()
		expectContiguous(node.messages)
		values := make(map[string]string)
		for _, operation := range node.told() {
			if operation.Type == "Set" {
				values[operation.Key] = string(operation.Value)
			} else {
				delete(values, "0")
				delete(values, "1")
			}
		}
		Expect(values).To(Equal(cache.held()))
		Expect(node.Status().Pending).To(BeZero())
	})
})
