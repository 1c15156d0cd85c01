package cache_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

var _ = Describe("A cache under faults", func() {
	It("loads once for all who miss together", func() {
		onOneNode(nil, func(ctx context.Context, c *cache.Cache[int]) {
			var loads atomic.Int32
			var callers sync.WaitGroup
			for range 50 {
				callers.Go(func() {
					defer GinkgoRecover()
					Expect(c.Get(ctx, "a", func(context.Context, string) (int, error) {
						time.Sleep(time.Second)
						return int(loads.Add(1)), nil
					})).To(Equal(1))
				})
			}
			callers.Wait()
			Expect(c.Stats()).To(Equal(cache.Stats{Misses: 50, Loads: 1, Size: 1}))
		})
	})

	It("goes on with a load that one of its callers leaves, and cancels it when the last one leaves", func() {
		onOneNode(nil, func(ctx context.Context, c *cache.Cache[int]) {
			cancelled := make(chan struct{})
			load := func(ctx context.Context, _ string) (int, error) {
				<-ctx.Done()
				close(cancelled)
				return 0, ctx.Err()
			}
			first, leaveFirst := context.WithCancel(ctx)
			second, leaveSecond := context.WithCancel(ctx)
			var callers sync.WaitGroup
			for _, ctx := range []context.Context{first, second} {
				callers.Go(func() {
					defer GinkgoRecover()
					_, err := c.Get(ctx, "a", load)
					Expect(err).To(MatchError(context.Canceled))
				})
			}
			synctest.Wait()
			leaveFirst()
			synctest.Wait()
			Expect(cancelled).NotTo(BeClosed())
			leaveSecond()
			synctest.Wait()
			Expect(cancelled).To(BeClosed())
			callers.Wait()
			Expect(c.Get(ctx, "a", gives(1))).To(Equal(1))
		})
	})

	It("does not start a load for a caller whose context has ended", func() {
		onOneNode(nil, func(ctx context.Context, c *cache.Cache[int]) {
			ended, cancel := context.WithCancel(ctx)
			cancel()
			_, err := c.Get(ended, "a", gives(1))
			Expect(err).To(MatchError(context.Canceled))
			Expect(c.Stats().Loads).To(BeZero())
		})
	})

	DescribeTable("returns an error to the callers of a load that", func(load cache.Load[int]) {
		onOneNode(nil, func(ctx context.Context, c *cache.Cache[int]) {
			_, err := c.Get(ctx, "a", load)
			Expect(err).To(MatchError(cache.ErrLoadPanicked))
			Expect(c.Stats().LoadErrors).To(Equal(uint64(1)))
			Expect(c.Get(ctx, "a", gives(1))).To(Equal(1))
		})
	},
		Entry("panics", cache.Load[int](func(context.Context, string) (int, error) { panic("oh") })),
		Entry("ends its goroutine", cache.Load[int](func(context.Context, string) (int, error) { runtime.Goexit(); return 0, nil })),
	)

	It("ends a load that hangs after LoadTimeout, and does not let later callers wait for it", func() {
		onOneNode(nil, func(ctx context.Context, c *cache.Cache[int]) {
			release := make(chan struct{})
			began := time.Now()
			_, err := c.Get(ctx, "a", func(context.Context, string) (int, error) { <-release; return 1, nil })
			Expect(err).To(MatchError(cache.ErrLoadTimeout))
			Expect(time.Since(began)).To(Equal(cache.DefaultLoadTimeout))
			Expect(c.Get(ctx, "a", gives(2))).To(Equal(2))
			close(release)
			synctest.Wait()
			_, err = c.Get(ctx, "b", func(ctx context.Context, _ string) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
			Expect(err).To(MatchError(cache.ErrLoadTimeout))
		})
	})

	It("retries a background load that hangs", func() {
		options := &cache.Options[int]{RefreshAfter: time.Second, LoadTimeout: time.Second}
		onOneNode(options, func(ctx context.Context, c *cache.Cache[int]) {
			release := make(chan struct{})
			hangs := func(context.Context, string) (int, error) { <-release; return 0, errSource }
			Expect(c.Get(ctx, "a", gives(1))).To(Equal(1))
			for range 2 {
				time.Sleep(2 * time.Second)
				Expect(c.Get(ctx, "a", hangs)).To(Equal(1))
			}
			Expect(c.Stats().Refreshes).To(Equal(uint64(2)))
			close(release)
		})
	})

	It("returns but does not store a value whose key another node deletes during the load", func() {
		onTwoNodes(nil, nil, func(ctx context.Context, one, two *cache.Cache[int]) {
			Expect(one.Get(ctx, "a", func(context.Context, string) (int, error) {
				Expect(two.Delete(ctx, "a")).To(Succeed())
				time.Sleep(time.Second)
				return 1, nil
			})).To(Equal(1))
			Expect(one.Stats().Discarded).To(Equal(uint64(1)))
			Expect(one.Get(ctx, "a", gives(2))).To(Equal(2))
		})
	})

	DescribeTable("starts a new load for a caller that comes after", func(change func(ctx context.Context, c *cache.Cache[int]) error) {
		onTwoNodes(nil, nil, func(ctx context.Context, one, two *cache.Cache[int]) {
			var callers sync.WaitGroup
			callers.Go(func() {
				defer GinkgoRecover()
				Expect(one.Get(ctx, "a", func(context.Context, string) (int, error) {
					time.Sleep(5 * time.Second)
					return 1, nil
				})).To(Equal(1))
			})
			synctest.Wait()
			Expect(change(ctx, two)).To(Succeed())
			synctest.Wait()
			Expect(one.Get(ctx, "a", gives(2))).To(Equal(2))
			callers.Wait()
			Expect(one.Get(ctx, "a", gives(3))).To(Equal(2))
		})
	},
		Entry("Delete", func(ctx context.Context, c *cache.Cache[int]) error { return c.Delete(ctx, "a") }),
		Entry("Set", func(ctx context.Context, c *cache.Cache[int]) error { return c.Set(ctx, "a", 2) }),
		Entry("InvalidatePattern", func(ctx context.Context, c *cache.Cache[int]) error { return c.InvalidatePattern(ctx, "?") }),
		Entry("Clear", func(ctx context.Context, c *cache.Cache[int]) error { return c.Clear(ctx) }),
	)

	It("returns values and counts them when every load is slower than the deletes", func() {
		onOneNode(nil, func(ctx context.Context, c *cache.Cache[int]) {
			for i := range 20 {
				Expect(c.Get(ctx, "a", func(context.Context, string) (int, error) {
					return i, c.Delete(ctx, "a")
				})).To(Equal(i))
			}
			Expect(c.Stats()).To(Equal(cache.Stats{Misses: 20, Loads: 20, Discarded: 20}))
		})
	})

	It("drops the key on the one node whose codec fails", func() {
		for _, fails := range []func([]byte) (string, error){
			func([]byte) (string, error) { return "", errors.New("unknown version") },
			func([]byte) (string, error) { panic("unknown version") },
		} {
			codec := cache.Codec[string]{Encode: func(string) ([]byte, error) { return []byte("{"), nil }, Decode: fails}
			ours := codec
			ours.Decode = func([]byte) (string, error) { return "new", nil }
			onTwoNodes(&cache.Options[string]{Codec: ours}, &cache.Options[string]{Codec: codec},
				func(ctx context.Context, one, two *cache.Cache[string]) {
					Expect(two.Get(ctx, "a", gives("old"))).To(Equal("old"))
					time.Sleep(time.Second)
					Expect(one.Set(ctx, "a", "new")).To(Succeed())
					synctest.Wait()
					_, found := two.Peek("a")
					Expect(found).To(BeFalse())
					Expect(two.Stats().DecodeErrors).To(Equal(uint64(1)))
					Expect(two.Get(ctx, "a", gives("loaded"))).To(Equal("loaded"))
					Expect(two.Set(ctx, "a", "x")).To(MatchError(ContainSubstring("unknown version")))
					value, _ := one.Peek("a")
					Expect(value).To(Equal("new"))
				})
		}
	})

	It("ends Run with an error, and serves nothing, when Decode ends its goroutine", func() {
		virtually(func(ctx context.Context) {
			hub := memory.NewHub()
			one, stop := startNode(hub, "node-1")
			defer stop()
			sender, err := cache.New[int](one, "v:", nil)
			Expect(err).NotTo(HaveOccurred())
			defer sender.Close(ctx)
			port, err := hub.Open(nil)
			Expect(err).NotTo(HaveOccurred())
			defer port.Close()
			two, err := cache.NewNode(dsync.DefaultConfig("node-2"), port, nil)
			Expect(err).NotTo(HaveOccurred())
			codec := cache.Codec[int]{Encode: func(int) ([]byte, error) { return nil, nil }, Decode: func([]byte) (int, error) { runtime.Goexit(); return 0, nil }}
			receiver, err := cache.New(two, "v:", &cache.Options[int]{Codec: codec})
			Expect(err).NotTo(HaveOccurred())
			defer receiver.Close(ctx)
			ended := make(chan error, 1)
			go func() { ended <- two.Run(ctx) }()
			time.Sleep(2 * dsync.DefaultHeartbeatInterval)
			Expect(receiver.Get(ctx, "a", gives(1))).To(Equal(1))
			time.Sleep(time.Second)
			Expect(sender.Set(ctx, "a", 2)).To(Succeed())
			Expect(<-ended).To(MatchError(ContainSubstring("runtime.Goexit")))
			_, found := receiver.Peek("a")
			Expect(found).To(BeFalse())
		})
	})

	It("Set returns the error or the panic of Encode and changes nothing", func() {
		for _, encode := range []func(int) ([]byte, error){
			func(int) ([]byte, error) { return nil, errSource },
			func(int) ([]byte, error) { panic(errSource) },
		} {
			codec := cache.Codec[int]{Encode: encode, Decode: func([]byte) (int, error) { return 0, nil }}
			onOneNode(&cache.Options[int]{Codec: codec}, func(ctx context.Context, c *cache.Cache[int]) {
				Expect(c.Get(ctx, "a", gives(1))).To(Equal(1))
				Expect(c.Set(ctx, "a", 2)).To(MatchError(ContainSubstring(errSource.Error())))
				Expect(c.Get(ctx, "a", gives(3))).To(Equal(1))
			})
		}
	})

	It("Set refuses a value that is too large", func() {
		onOneNode(nil, func(ctx context.Context, c *cache.Cache[string]) {
			err := c.Set(ctx, "a", strings.Repeat("x", dsync.MaxValueLen))
			Expect(err).To(MatchError(coordination.ErrInvalidArgument))
		})
	})

	It("keeps its copy of a value that Set was given", func() {
		onOneNode(nil, func(ctx context.Context, c *cache.Cache[[]int]) {
			value := []int{1}
			Expect(c.Set(ctx, "a", value)).To(Succeed())
			value[0] = 2
			kept, _ := c.Peek("a")
			Expect(kept).To(Equal([]int{1}))
		})
	})

	It("refuses invalid arguments", func() {
		onOneNode(nil, func(ctx context.Context, c *cache.Cache[int]) {
			var none context.Context
			long := strings.Repeat("x", coordination.MaxNameLen)
			_, noContext := c.Get(none, "a", gives(1))
			_, noLoad := c.Get(ctx, "a", nil)
			_, longKey := c.Get(ctx, long, gives(1))
			for _, err := range []error{
				noContext, noLoad, longKey, c.Set(ctx, long, 1), c.Delete(ctx, long), c.InvalidatePattern(ctx, long), c.Close(none),
			} {
				Expect(err).To(MatchError(coordination.ErrInvalidArgument))
			}
		})
	})

	It("Close cancels the loads, waits for them and frees the prefix", func() {
		virtually(func(ctx context.Context) {
			node, stop := startNode(memory.NewHub(), "node-1")
			defer stop()
			c, err := cache.New[int](node, "v:", nil)
			Expect(err).NotTo(HaveOccurred())
			synctest.Wait()
			Expect(c.Get(ctx, "held", gives(1))).To(Equal(1))
			release := make(chan struct{})
			var callers sync.WaitGroup
			callers.Go(func() {
				defer GinkgoRecover()
				_, err := c.Get(ctx, "a", func(context.Context, string) (int, error) { <-release; return 1, nil })
				Expect(err).To(MatchError(coordination.ErrClosed))
			})
			synctest.Wait()
			soon, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			Expect(c.Close(soon)).To(MatchError(context.DeadlineExceeded))
			close(release)
			Expect(c.Close(ctx)).To(Succeed())
			callers.Wait()

			_, err = c.Get(ctx, "held", gives(2))
			Expect(err).To(MatchError(coordination.ErrClosed))
			for _, err := range []error{c.Set(ctx, "a", 1), c.Delete(ctx, "a"), c.InvalidatePattern(ctx, "*"), c.Clear(ctx)} {
				Expect(err).To(MatchError(coordination.ErrClosed))
			}
			again, err := cache.New[int](node, "v:", nil)
			Expect(err).NotTo(HaveOccurred())
			Expect(again.Close(ctx)).To(Succeed())
		})
	})
})

var _ = Describe("A cache on a node that is cut off", func() {
	It("serves nothing from memory and stores nothing, from MaxStaleness on until it is back", func() {
		virtually(func(ctx context.Context) {
			hub := memory.NewHub()
			open, err := hub.Open(nil)
			Expect(err).NotTo(HaveOccurred())
			port := &faultyPort{DistributedCoordination: open}
			node, err := cache.NewNode(dsync.DefaultConfig("node-1"), port, nil)
			Expect(err).NotTo(HaveOccurred())
			c, err := cache.New(node, "v:", &cache.Options[int]{StaleFor: time.Hour})
			Expect(err).NotTo(HaveOccurred())
			running, stop := context.WithCancel(ctx)
			ended := make(chan error, 1)
			go func() { ended <- node.Run(running) }()
			synctest.Wait()
			Expect(c.Get(ctx, "a", gives(1))).To(Equal(1))

			port.cut.Store(true)
			time.Sleep(2 * dsync.DefaultHeartbeatInterval)
			Expect(c.Get(ctx, "a", gives(2))).To(Equal(1))
			time.Sleep(3 * dsync.DefaultHeartbeatInterval)
			before := c.Stats()
			for i := range 3 {
				Expect(c.Get(ctx, "a", gives(i))).To(Equal(i))
			}
			_, found := c.Peek("a")
			Expect(found).To(BeFalse())
			_, err = c.Get(ctx, "a", fails[int](errSource)) // nor as stale
			Expect(err).To(MatchError(errSource))
			Expect(c.Stats().Hits).To(Equal(before.Hits))
			Expect(c.Stats().Discarded).To(Equal(before.Discarded + 3))

			port.cut.Store(false)
			time.Sleep(3 * dsync.DefaultHeartbeatInterval)
			Expect(c.Get(ctx, "b", gives(5))).To(Equal(5))
			Expect(c.Get(ctx, "b", gives(6))).To(Equal(5))

			Expect(c.Close(ctx)).To(Succeed())
			stop()
			Expect(<-ended).To(Succeed())
			Expect(port.Close()).To(Succeed())
		})
	})
})
