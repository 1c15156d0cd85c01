package cache_test

import (
	"context"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

var _ = Describe("A cache beside a node whose clock is behind", func() {
	type change func(ctx context.Context, node *cache.Node, c *cache.Cache[int]) error
	var deletes change = func(ctx context.Context, _ *cache.Node, c *cache.Cache[int]) error { return c.Delete(ctx, "a") }
	var sets change = func(ctx context.Context, _ *cache.Node, c *cache.Cache[int]) error { return c.Set(ctx, "a", 2) }
	var invalidates change = func(ctx context.Context, _ *cache.Node, c *cache.Cache[int]) error {
		return c.InvalidatePattern(ctx, "?")
	}
	var clears change = func(ctx context.Context, _ *cache.Node, c *cache.Cache[int]) error { return c.Clear(ctx) }
	var clearsAll change = func(ctx context.Context, node *cache.Node, _ *cache.Cache[int]) error { return node.Clear(ctx) }

	DescribeTable("drops a loaded value that looks newer than", func(first, then change) {
		virtually(func(ctx context.Context) {
			hub := memory.NewHub()
			open, err := hub.Open(nil)
			Expect(err).NotTo(HaveOccurred())
			port := &faultyPort{DistributedCoordination: open, skew: -time.Minute}
			behind, end := startNodeOn(port, "node-1", nil)
			defer end()
			one, err := cache.New[int](behind, "v:", nil)
			Expect(err).NotTo(HaveOccurred())
			defer one.Close(ctx)
			node, stop := startNode(hub, "node-2")
			defer stop()
			two, err := cache.New[int](node, "v:", nil)
			Expect(err).NotTo(HaveOccurred())
			defer two.Close(ctx)
			time.Sleep(2*dsync.DefaultHeartbeatInterval + time.Second)

			// node-1 does not hear of the first change. From then on it has only its own
			// clock to go by, so that node-2 refuses what it does as older.
			port.cut.Store(true)
			Expect(first(ctx, node, two)).To(Succeed())
			synctest.Wait()
			port.cut.Store(false)
			time.Sleep(time.Second)
			Expect(two.Get(ctx, "a", gives(1))).To(Equal(1))
			rejected := node.Status().Rejected
			Expect(then(ctx, behind, one)).To(Succeed())
			synctest.Wait()
			Expect(node.Status().Rejected).To(BeNumerically(">", rejected))
			value, found := two.Peek("a")
			Expect(found && value == 1).To(BeFalse())
		})
	},
		Entry("a Delete", deletes, deletes),
		Entry("a Set", deletes, sets),
		Entry("an InvalidatePattern", invalidates, invalidates),
		Entry("a Clear", clears, clears),
		Entry("a Clear of all caches", clearsAll, clearsAll),
	)
})
