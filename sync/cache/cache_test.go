package cache_test

import (
	"context"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// late is how much later than at its TTL a value may expire.
const late = 50 * time.Millisecond

var _ = Describe("A cache", func() {
	It("loads a value once and then serves it from memory", func() {
		onOneNode(nil, func(ctx context.Context, c *cache.Cache[string]) {
			Expect(c.Get(ctx, "a", gives("1"))).To(Equal("1"))
			Expect(c.Get(ctx, "a", gives("2"))).To(Equal("1"))
			Expect(c.Stats()).To(Equal(cache.Stats{Hits: 1, Misses: 1, Loads: 1, Size: 1}))
		})
	})

	It("publishes nothing when it loads", func() {
		onTwoNodes(nil, nil, func(ctx context.Context, one, two *cache.Cache[string]) {
			Expect(one.Get(ctx, "a", gives("1"))).To(Equal("1"))
			synctest.Wait()
			_, found := two.Peek("a")
			Expect(found).To(BeFalse())
		})
	})

	It("loads without the codec", func() {
		options := &cache.Options[func() int]{}
		onOneNode(options, func(ctx context.Context, c *cache.Cache[func() int]) {
			value, err := c.Get(ctx, "a", gives(func() int { return 7 }))
			Expect(err).NotTo(HaveOccurred())
			Expect(value()).To(Equal(7))
		})
	})

	It("sets, deletes, invalidates and clears on every node", func() {
		onTwoNodes(nil, nil, func(ctx context.Context, one, two *cache.Cache[string]) {
			set := func() {
				for _, key := range []string{"a:1", "a:2", "b"} {
					Expect(one.Set(ctx, key, "of "+key)).To(Succeed())
				}
				synctest.Wait()
			}
			held := func() (keys []string) {
				synctest.Wait()
				for _, key := range []string{"a:1", "a:2", "b"} {
					value, found := two.Peek(key)
					_, foundHere := one.Peek(key)
					Expect(found).To(Equal(foundHere))
					if found {
						Expect(value).To(Equal("of " + key))
						keys = append(keys, key)
					}
				}
				return keys
			}
			set()
			Expect(held()).To(ConsistOf("a:1", "a:2", "b"))
			Expect(two.Delete(ctx, "a:1")).To(Succeed())
			Expect(held()).To(ConsistOf("a:2", "b"))
			set()
			Expect(two.InvalidatePattern(ctx, "a:*")).To(Succeed())
			Expect(held()).To(ConsistOf("b"))
			set()
			Expect(two.Clear(ctx)).To(Succeed())
			Expect(held()).To(BeEmpty())
		})
	})

	It("keeps to its own prefix, whose glob characters are literal", func() {
		virtually(func(ctx context.Context) {
			node, stop := startNode(memory.NewHub(), "node-1")
			defer stop()
			star, err := cache.New[int](node, "*:", nil)
			Expect(err).NotTo(HaveOccurred())
			defer star.Close(ctx)
			other, err := cache.New[string](node, "b:", nil)
			Expect(err).NotTo(HaveOccurred())
			defer other.Close(ctx)
			synctest.Wait()
			Expect(star.Get(ctx, "k", gives(1))).To(Equal(1))
			Expect(other.Get(ctx, "k", gives("x"))).To(Equal("x"))
			Expect(star.Clear(ctx)).To(Succeed())
			_, found := star.Peek("k")
			Expect(found).To(BeFalse())
			_, found = other.Peek("k")
			Expect(found).To(BeTrue())
			Expect(node.Clear(ctx)).To(Succeed())
			_, found = other.Peek("k")
			Expect(found).To(BeFalse())
			Expect(node.Set(ctx, "of nobody", nil, 0)).To(Succeed())
			Expect(node.Delete(ctx, "of nobody")).To(Succeed())
		})
	})

	It("lets a value that a node has set without a TTL live for its own TTL", func() {
		virtually(func(ctx context.Context) {
			node, stop := startNode(memory.NewHub(), "node-1")
			defer stop()
			c, err := cache.New(node, "v:", &cache.Options[int]{TTL: time.Minute})
			Expect(err).NotTo(HaveOccurred())
			defer c.Close(ctx)
			synctest.Wait()
			Expect(node.Set(ctx, "v:a", []byte("1"), 0)).To(Succeed())
			Expect(c.Get(ctx, "a", gives(2))).To(Equal(1))
			time.Sleep(time.Minute + late)
			Expect(c.Get(ctx, "a", gives(2))).To(Equal(2))
		})
	})

	It("keeps a value for its TTL less at most a tenth", func() {
		onOneNode(&cache.Options[int]{TTL: 10 * time.Second}, func(ctx context.Context, c *cache.Cache[int]) {
			for i := range 200 {
				Expect(c.Get(ctx, fmt.Sprint(i), gives(i))).To(Equal(i))
			}
			count := func() (held int) {
				for i := range 200 {
					if _, found := c.Peek(fmt.Sprint(i)); found {
						held++
					}
				}
				return held
			}
			time.Sleep(9*time.Second - time.Millisecond)
			Expect(count()).To(Equal(200))
			time.Sleep(500 * time.Millisecond)
			Expect(count()).To(And(BeNumerically(">", 20), BeNumerically("<", 180)))
			time.Sleep(501*time.Millisecond + late)
			Expect(count()).To(BeZero())
		})
	})

	It("remembers that there is no value only on request", func() {
		missing := fails[int](fmt.Errorf("row: %w", cache.ErrNotFound))
		onOneNode(nil, func(ctx context.Context, c *cache.Cache[int]) {
			for range 2 {
				_, err := c.Get(ctx, "a", missing)
				Expect(err).To(MatchError(cache.ErrNotFound))
			}
			Expect(c.Stats()).To(Equal(cache.Stats{Misses: 2, Loads: 2}))
		})
		onOneNode(&cache.Options[int]{NegativeTTL: time.Second}, func(ctx context.Context, c *cache.Cache[int]) {
			for range 2 {
				_, err := c.Get(ctx, "a", missing)
				Expect(err).To(MatchError(cache.ErrNotFound))
			}
			_, found := c.Peek("a")
			Expect(found).To(BeFalse())
			Expect(c.Stats()).To(Equal(cache.Stats{Hits: 1, Misses: 1, Loads: 1, Size: 1}))
			time.Sleep(time.Second + late)
			Expect(c.Get(ctx, "a", gives(1))).To(Equal(1))
		})
	})

	It("does not keep the error of a load", func() {
		onOneNode(&cache.Options[int]{NegativeTTL: time.Hour}, func(ctx context.Context, c *cache.Cache[int]) {
			_, err := c.Get(ctx, "a", fails[int](errSource))
			Expect(err).To(MatchError(errSource))
			Expect(c.Get(ctx, "a", gives(1))).To(Equal(1))
			Expect(c.Stats().LoadErrors).To(Equal(uint64(1)))
		})
	})

	It("serves an expired value for a bounded time while its load fails", func() {
		options := &cache.Options[int]{TTL: 10 * time.Second, StaleFor: time.Minute}
		onOneNode(options, func(ctx context.Context, c *cache.Cache[int]) {
			Expect(c.Get(ctx, "a", gives(1))).To(Equal(1))
			Expect(c.Fetch(ctx, "a", fails[int](errSource))).To(Equal(cache.Result[int]{Value: 1}))
			time.Sleep(10*time.Second + late)
			_, found := c.Peek("a")
			Expect(found).To(BeFalse())
			Expect(c.Fetch(ctx, "a", fails[int](errSource))).To(Equal(cache.Result[int]{Value: 1, Stale: true}))
			Expect(c.Stats().StaleServed).To(Equal(uint64(1)))
			time.Sleep(time.Minute + late)
			_, err := c.Fetch(ctx, "a", fails[int](errSource))
			Expect(err).To(MatchError(errSource))
		})
	})

	It("never serves a deleted value as stale", func() {
		options := &cache.Options[int]{TTL: 10 * time.Second, StaleFor: time.Minute}
		onTwoNodes(options, options, func(ctx context.Context, one, two *cache.Cache[int]) {
			Expect(one.Get(ctx, "a", gives(1))).To(Equal(1))
			time.Sleep(10*time.Second + late)
			_, err := one.Get(ctx, "a", func(context.Context, string) (int, error) {
				Expect(two.Delete(ctx, "a")).To(Succeed())
				time.Sleep(time.Second)
				return 0, errSource
			})
			Expect(err).To(MatchError(errSource))
		})
	})

	It("drops an expired value when its source has none any more", func() {
		options := &cache.Options[int]{TTL: 10 * time.Second, StaleFor: time.Minute}
		onOneNode(options, func(ctx context.Context, c *cache.Cache[int]) {
			Expect(c.Get(ctx, "a", gives(1))).To(Equal(1))
			time.Sleep(10*time.Second + late)
			_, err := c.Get(ctx, "a", fails[int](cache.ErrNotFound))
			Expect(err).To(MatchError(cache.ErrNotFound))
			_, err = c.Get(ctx, "a", fails[int](errSource))
			Expect(err).To(MatchError(errSource))
		})
	})

	It("refreshes a value in the background before it expires", func() {
		options := &cache.Options[int]{TTL: 10 * time.Second, RefreshAfter: 5 * time.Second}
		onOneNode(options, func(ctx context.Context, c *cache.Cache[int]) {
			slow := func(context.Context, string) (int, error) { time.Sleep(time.Second); return 2, nil }
			Expect(c.Get(ctx, "a", gives(1))).To(Equal(1))
			time.Sleep(5 * time.Second)
			for range 3 { // one load for all
				Expect(c.Get(ctx, "a", slow)).To(Equal(1))
			}
			time.Sleep(time.Second)
			synctest.Wait()
			Expect(c.Get(ctx, "a", fails[int](errSource))).To(Equal(2))
			stats := c.Stats()
			Expect(stats.Refreshes).To(Equal(uint64(1)))
			Expect(stats.Loads).To(Equal(uint64(2)))
		})
	})

	It("evicts above its capacity and says so", func(ctx SpecContext) {
		node, stop := startNode(memory.NewHub(), "node-1")
		defer stop()
		weigh := func(_ string, value string) uint32 { return uint32(len(value)) }
		for _, options := range []*cache.Options[string]{{Capacity: 10}, {Capacity: 10, Weigh: weigh}} {
			c, err := cache.New(node, "v:", options)
			Expect(err).NotTo(HaveOccurred())
			Eventually(node.Readable).Should(BeTrue())
			for i := range 1000 {
				Expect(c.Get(ctx, fmt.Sprint(i), gives("x"))).To(Equal("x"))
			}
			Eventually(func() int { return c.Stats().Size }).Should(BeNumerically("<=", 20))
			Expect(c.Stats().Evictions).To(BeNumerically(">=", 900))
			Expect(c.Close(ctx)).To(Succeed())
		}
	})

	It("does not keep a value heavier than its capacity", func(ctx SpecContext) {
		node, stop := startNode(memory.NewHub(), "node-1")
		defer stop()
		c, err := cache.New(node, "v:", &cache.Options[string]{
			Capacity: 10, NegativeTTL: time.Hour, Weigh: func(_ string, value string) uint32 { return uint32(len(value)) },
		})
		Expect(err).NotTo(HaveOccurred())
		defer c.Close(ctx)
		Eventually(node.Readable).Should(BeTrue())
		_, err = c.Get(ctx, "missing", fails[string](cache.ErrNotFound))
		Expect(err).To(MatchError(cache.ErrNotFound))
		heavy := strings.Repeat("x", 11)
		Expect(c.Get(ctx, "a", gives(heavy))).To(Equal(heavy))
		Eventually(func() bool { _, found := c.Peek("a"); return found }).Should(BeFalse())
	})

	DescribeTable("New refuses", func(prefix string, options *cache.Options[int], message string) {
		port, err := memory.NewHub().Open(nil)
		Expect(err).NotTo(HaveOccurred())
		defer port.Close()
		node, err := cache.NewNode(dsync.DefaultConfig("node-1"), port, nil)
		Expect(err).NotTo(HaveOccurred())
		user, err := cache.New[int](node, "user:", nil)
		Expect(err).NotTo(HaveOccurred())
		defer user.Close(context.Background())
		_, err = cache.New(node, prefix, options)
		Expect(err).To(MatchError(coordination.ErrInvalidArgument))
		Expect(err).To(MatchError(ContainSubstring(message)))
	},
		Entry("the prefix of another cache", "user:", nil, `overlap with "user:"`),
		Entry("a prefix that begins with another one", "user:a:", nil, `overlap with "user:"`),
		Entry("a prefix with which another one begins", "us", nil, `overlap with "user:"`),
		Entry("the empty prefix beside another one", "", nil, `overlap with "user:"`),
		Entry("a prefix that is too long", strings.Repeat("x", coordination.MaxNameLen), nil, "prefix has"),
		Entry("a negative TTL", "a", &cache.Options[int]{TTL: -1}, "TTL is -1ns"),
		Entry("a TTL below 100 ms", "a", &cache.Options[int]{TTL: 99 * time.Millisecond}, "TTL is 99ms"),
		Entry("a TTL above a year", "a", &cache.Options[int]{TTL: 1 << 62}, "TTL is"),
		Entry("a refresh after the TTL", "a", &cache.Options[int]{TTL: time.Second, RefreshAfter: time.Second}, "RefreshAfter is 1s"),
		Entry("a capacity out of range", "a", &cache.Options[int]{Capacity: 1 << 63}, "Capacity is"),
		Entry("half a codec", "a", &cache.Options[int]{Codec: cache.Codec[int]{
			Encode: func(int) ([]byte, error) { return nil, nil },
		}}, "Codec has one function"),
	)

	It("New refuses a nil node", func() {
		_, err := cache.New[int](nil, "a", nil)
		Expect(err).To(MatchError(coordination.ErrInvalidArgument))
		_, err = cache.New[int](&cache.Node{}, "a", nil)
		Expect(err).To(MatchError(coordination.ErrInvalidArgument))
	})

	It("NewNode refuses a cache, a fallback that keeps values, and a nil port", func() {
		port := memory.New()
		defer port.Close()
		config := dsync.DefaultConfig("node-1")
		for _, options := range []*dsync.Options{
			{Cache: struct{ dsync.Cache }{}},
			{Recovery: dsync.Recovery{Fallback: dsync.FallbackIgnore}},
		} {
			_, err := cache.NewNode(config, port, options)
			Expect(err).To(MatchError(coordination.ErrInvalidArgument))
		}
		_, err := cache.NewNode(config, nil, nil)
		Expect(err).To(MatchError(coordination.ErrInvalidArgument))
	})
})
