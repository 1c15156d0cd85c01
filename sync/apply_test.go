package sync_test

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// foreign are operations of another node, with what is to come of them; by the
// names that they have among this node's own.
var foreign = map[string]dsync.Operation{
	"a Set":                             {Type: dsync.Set, Key: "k", Value: []byte("v"), TTL: 2 * time.Millisecond},
	"a Delete":                          {Type: dsync.Delete, Key: "k"},
	"an InvalidatePattern that matches": {Type: dsync.InvalidatePattern, Key: "k*"},
	"an InvalidatePattern that matches nothing": {Type: dsync.InvalidatePattern, Key: "x*"},
	"a Clear": {Type: dsync.Clear},
}

var _ = Describe("ProcessOperation", func() {
	var cache *notedCache
	var node *mocked
	BeforeEach(func() {
		cache = newNotedCache()
		node = nodeOnMock(on(cache))
	})
	process := func(ctx context.Context, operations ...dsync.Operation) {
		GinkgoHelper()
		for _, operation := range operations {
			if operation.Origin == "" {
				operation.Origin = "b"
			}
			Expect(node.ProcessOperation(ctx, operation)).To(Succeed())
		}
	}

	for what, operation := range foreign {
		Context("of "+what, func() {
			It("changes the port's key store, where there is no other cache, and tells nobody", func(ctx SpecContext) {
				node = nodeOnMock()
				gomock.InOrder(changes[what].stores(node.port.EXPECT())...)
				process(ctx, operation)
				Expect(node.Status().Applied).To(BeEquivalentTo(1))
			})

			It("changes the cache, where there is one, and tells nobody", func(ctx SpecContext) {
				process(ctx, operation)
				Expect(cache.noted()).To(Equal(changes[what].calls))
				Expect(node.Status().Applied).To(BeEquivalentTo(1))
			})

			It("changes nothing the second time", func(ctx SpecContext) {
				operation := operation
				operation.Stamp = past(5)
				process(ctx, operation, operation)
				Expect(cache.noted()).To(Equal(changes[what].calls))
				Expect(node.Status().Rejected).To(BeEquivalentTo(1))
			})

			It("changes nothing where it is this node's own", func(ctx SpecContext) {
				operation := operation
				operation.Origin = "a"
				process(ctx, operation)
				operation.Seq, operation.Epoch = 1, node.Begin().Epoch
				process(ctx, operation)
				Expect(cache.noted()).To(BeEmpty())
			})

			It("takes it from this node's former self", func(ctx SpecContext) {
				operation := operation
				operation.Origin, operation.Seq, operation.Epoch = "a", 1, node.Begin().Epoch+1
				process(ctx, operation)
				Expect(cache.noted()).To(Equal(changes[what].calls))
			})
		})
	}

	It("goes by the timestamp where there is no stamp", func(ctx SpecContext) {
		process(ctx,
			dsync.Operation{Type: dsync.Set, Key: "k", Value: []byte("new"), Timestamp: time.UnixMicro(20)},
			dsync.Operation{Type: dsync.Set, Key: "k", Value: []byte("old"), Timestamp: time.UnixMicro(10)})
		Expect(cache.held()).To(Equal(map[string]string{"k": "new"}))
	})

	It("takes what has neither stamp nor timestamp for made now", func(ctx SpecContext) {
		node.publishes()
		Expect(node.Set(ctx, "k", []byte("old"), 0)).To(Succeed())
		process(ctx, dsync.Operation{Type: dsync.Set, Key: "k", Value: []byte("new")})
		Expect(cache.held()).To(Equal(map[string]string{"k": "new"}))
	})

	It("breaks ties by the priority, then by the node", func(ctx SpecContext) {
		tie := func(origin string, priority int) dsync.Operation {
			return dsync.Operation{
				Type: dsync.Set, Key: "k", Value: []byte(origin), Origin: origin, Priority: priority, Stamp: past(5),
			}
		}
		process(ctx, tie("c", 0), tie("b", 0), tie("b", 1), tie("c", 0), tie("c", 1), tie("b", 1), tie("d", -1))
		Expect(cache.noted()).To(Equal([]string{"Set k c 0s", "Set k b 0s", "Set k c 0s"}))
	})

	DescribeTable("refuses",
		func(ctx SpecContext, _ string, operation dsync.Operation) {
			Expect(node.ProcessOperation(ctx, operation)).To(MatchError(coordination.ErrInvalidArgument))
			Expect(cache.noted()).To(BeEmpty())
		},
		func(what string, _ dsync.Operation) string { return what },
		Entry(nil, "an operation of no node", dsync.Operation{Type: dsync.Clear}),
		Entry(nil, "an operation of a node whose name is no UTF-8", dsync.Operation{Type: dsync.Clear, Origin: "\xff"}),
		Entry(nil, "an operation of a node whose name is too long", dsync.Operation{Type: dsync.Clear, Origin: strings.Repeat("b", coordination.MaxNameLen+1)}),
		Entry(nil, "a number without an epoch", dsync.Operation{Type: dsync.Clear, Origin: "b", Seq: 1}),
		Entry(nil, "an epoch without a number", dsync.Operation{Type: dsync.Clear, Origin: "b", Epoch: 1}),
		Entry(nil, "a number that no JSON reader takes", dsync.Operation{Type: dsync.Clear, Origin: "b", Epoch: 1, Seq: 1 << 53}),
		Entry(nil, "a time before 1970", dsync.Operation{Type: dsync.Clear, Origin: "b", Timestamp: time.UnixMicro(-1)}),
	)

	It("applies each number of an origin once, in whatever order they come", func(ctx SpecContext) {
		numbered := func(seq uint64) dsync.Operation {
			return dsync.Operation{
				Type: dsync.Set, Key: "k" + string(rune('0'+seq)), Epoch: node.Begin().Epoch + 1, Seq: seq, Stamp: past(int64(seq)),
			}
		}
		process(ctx, numbered(3), numbered(1), numbered(3), numbered(2), numbered(1))
		Expect(cache.noted()).To(Equal([]string{"Set k3  0s", "Set k1  0s", "Set k2  0s"}))
	})

	It("forgets at the first word of an origin that is older what may be older than that", func(ctx SpecContext) {
		older := node.Begin().Epoch - 1
		process(ctx, dsync.Operation{Type: dsync.Set, Key: "stale", Value: []byte("v"), Origin: "c", Stamp: past(5)})
		process(ctx, dsync.Operation{Type: dsync.Set, Key: "k", Value: []byte("v"), Epoch: older, Seq: 7, Stamp: past(6)})
		Expect(cache.noted()).To(Equal([]string{"Set stale v 0s", "Clear"}))
		Expect(cache.held()).To(BeEmpty(), "what was told is older than what may have been missed")
		process(ctx, dsync.Operation{Type: dsync.Set, Key: "k", Value: []byte("v"), Epoch: older, Seq: 8})
		Expect(cache.held()).To(Equal(map[string]string{"k": "v"}))
		Expect(node.Status().CacheClears).To(BeEquivalentTo(1))
	})

	It("leaves the port's key store alone then, which all nodes share", func(ctx SpecContext) {
		node = nodeOnMock()
		process(ctx, dsync.Operation{Type: dsync.Heartbeat, Epoch: 1, Seq: 7, Stamp: past(6)})
		node.port.EXPECT().Delete(gomock.Any(), "k").Return(true, nil)
		process(ctx, dsync.Operation{Type: dsync.Delete, Key: "k", Epoch: 1, Seq: 8, Stamp: past(7)})
		Expect(node.Status().CacheClears).To(BeZero())
	})

	It("leaves a cache alone then that is to ignore what was lost", func(ctx SpecContext) {
		node = nodeOnMock(on(cache), func(options *dsync.Options) { options.Recovery.Fallback = dsync.FallbackIgnore })
		process(ctx,
			dsync.Operation{Type: dsync.Set, Key: "stale", Value: []byte("v"), Origin: "c", Stamp: past(5)},
			dsync.Operation{Type: dsync.Heartbeat, Epoch: 1, Seq: 7, Stamp: past(6)})
		Expect(cache.noted()).To(Equal([]string{"Set stale v 0s"}))
	})

	It("takes a heartbeat for a sign of life", func(ctx SpecContext) {
		process(ctx, dsync.Operation{Type: dsync.Heartbeat, Epoch: 1, Stamp: past(6), Timestamp: time.Now()})
		Expect(node.Status().ActiveNodes).To(Equal([]string{"a", "b"}))
		process(ctx, dsync.Operation{Type: dsync.Heartbeat, Origin: "c"})
		Expect(node.Status().ActiveNodes).To(Equal([]string{"a", "b"}), "who does not number can't be followed")
	})
})
