package sync_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// change is an operation as users make it, with what is to come of it.
type change struct {
	make   func(ctx context.Context, node *mocked) error
	stores func(store *mocks.MockDistributedCoordinationMockRecorder) []any // in the port's key store
	calls  []string                                                         // of a cache of the user's
	tells  toldOperation
}

var changes = map[string]change{
	"a Set": {
		make: func(ctx context.Context, node *mocked) error {
			return node.Set(ctx, "k", []byte("v"), 1500*time.Microsecond)
		},
		stores: func(store *mocks.MockDistributedCoordinationMockRecorder) []any {
			return []any{store.Set(gomock.Any(), "k", []byte("v"), 2*time.Millisecond).Return(nil).Call}
		},
		calls: []string{"Set k v 2ms"},
		tells: toldOperation{Type: "Set", Key: "k", Value: []byte("v"), TTL: 0.002},
	},
	"a SetAt": {
		make: func(ctx context.Context, node *mocked) error {
			return node.SetAt(ctx, node.Begin(), "k", nil, time.Minute)
		},
		stores: func(store *mocks.MockDistributedCoordinationMockRecorder) []any {
			return []any{store.Set(gomock.Any(), "k", gomock.Len(0), time.Minute).Return(nil).Call}
		},
		calls: []string{"Set k  1m0s"},
		tells: toldOperation{Type: "Set", Key: "k", TTL: 60},
	},
	"a Delete": {
		make: func(ctx context.Context, node *mocked) error { return node.Delete(ctx, "k") },
		stores: func(store *mocks.MockDistributedCoordinationMockRecorder) []any {
			return []any{store.Delete(gomock.Any(), "k").Return(false, nil).Call}
		},
		calls: []string{"Delete k"},
		tells: toldOperation{Type: "Delete", Key: "k"},
	},
	"an InvalidatePattern that matches": {
		make: func(ctx context.Context, node *mocked) error { return node.InvalidatePattern(ctx, "k*") },
		stores: func(store *mocks.MockDistributedCoordinationMockRecorder) []any {
			return []any{
				store.Keys(gomock.Any(), "k*").Return([]string{"k1", "k2"}, nil).Call,
				store.DeleteMany(gomock.Any(), "k1", "k2").Return(2, nil).Call,
			}
		},
		calls: []string{"InvalidatePattern k*"},
		tells: toldOperation{Type: "InvalidatePattern", Key: "k*"},
	},
	"an InvalidatePattern that matches nothing": {
		make: func(ctx context.Context, node *mocked) error { return node.InvalidatePattern(ctx, "x*") },
		stores: func(store *mocks.MockDistributedCoordinationMockRecorder) []any {
			return []any{store.Keys(gomock.Any(), "x*").Return(nil, nil).Call}
		},
		calls: []string{"InvalidatePattern x*"},
		tells: toldOperation{Type: "InvalidatePattern", Key: "x*"},
	},
	"a Clear": {
		make: func(ctx context.Context, node *mocked) error { return node.Clear(ctx) },
		stores: func(store *mocks.MockDistributedCoordinationMockRecorder) []any {
			return []any{store.FlushAll(gomock.Any()).Return(nil).Call}
		},
		calls: []string{"Clear"},
		tells: toldOperation{Type: "Clear"},
	},
}

var _ = Describe("An operation of this node's", func() {
	// as is what was told, less what differs from run to run, which it checks.
	as := func(operation toldOperation) toldOperation {
		GinkgoHelper()
		Expect(operation.ID).NotTo(BeEmpty())
		Expect(operation.Timestamp).To(BeTemporally("~", time.Now(), time.Minute))
		Expect(operation.Stamp).To(BeNumerically("~", time.Now().UnixMicro(), time.Minute.Microseconds()))
		Expect(operation.Seq).To(BeEquivalentTo(1))
		Expect(operation.Origin).To(Equal("a"))
		operation.ID, operation.Timestamp, operation.Stamp, operation.Logical = "", time.Time{}, 0, 0
		operation.Seq, operation.Origin = 0, ""
		return operation
	}

	for what, change := range changes {
		Context(what, func() {
			It("changes the port's key store, where there is no other cache, and is then told to others", func(ctx SpecContext) {
				node := nodeOnMock()
				gomock.InOrder(append(change.stores(node.port.EXPECT()), node.publishes().Call)...)
				Expect(change.make(ctx, node)).To(Succeed())
				Expect(node.told()).To(HaveLen(1))
				Expect(as(node.told()[0])).To(Equal(change.tells))
			})

			It("changes the cache, where there is one, and is then told to others", func(ctx SpecContext) {
				cache := newNotedCache()
				node := nodeOnMock(on(cache))
				var before []string
				node.publishes().Do(func(context.Context, string, []byte) error {
					before = cache.noted()
					return nil
				})
				Expect(change.make(ctx, node)).To(Succeed())
				Expect(before).To(Equal(change.calls))
				Expect(cache.noted()).To(BeEmpty())
				Expect(as(node.told()[0])).To(Equal(change.tells))
			})
		})
	}

	It("is told on the channel of the options", func(ctx SpecContext) {
		node := nodeOnMock(on(newNotedCache()), func(options *dsync.Options) { options.Channel = "elsewhere" })
		node.port.EXPECT().Publish(gomock.Any(), "elsewhere", gomock.Any()).Return(nil)
		Expect(node.Clear(ctx)).To(Succeed())
	})

	It("is counted", func(ctx SpecContext) {
		node := nodeOnMock(on(newNotedCache()))
		node.publishes().Times(2)
		Expect(node.Set(ctx, "k", []byte("v"), 0)).To(Succeed())
		Expect(node.Delete(ctx, "k")).To(Succeed())
		status := node.Status()
		Expect(status.Published).To(BeEquivalentTo(2))
		Expect(status.Applied).To(BeZero(), "that counts what others do")
		Expect(status.Pending).To(BeZero())
		Expect(status.HistoryOperations).To(Equal(2))
		Expect(status.HistoryBytes).To(BeNumerically(">", 3))
	})

	It("has a greater stamp than each before it, of this node's and of others it knows of", func(ctx SpecContext) {
		node := nodeOnMock(on(newNotedCache()))
		node.publishes().Times(3)
		Expect(node.Delete(ctx, "k")).To(Succeed())
		Expect(node.Delete(ctx, "k")).To(Succeed())
		Expect(node.ProcessOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "k", Origin: "b", Stamp: future(7)})).To(Succeed())
		Expect(node.Set(ctx, "k", []byte("v"), 0)).To(Succeed())
		told := node.told()
		first := dsync.Stamp{Wall: told[0].Stamp, Logical: told[0].Logical}
		second := dsync.Stamp{Wall: told[1].Stamp, Logical: told[1].Logical}
		third := dsync.Stamp{Wall: told[2].Stamp, Logical: told[2].Logical}
		Expect(second.Compare(first)).To(Equal(1))
		Expect(third).To(Equal(dsync.Stamp{Wall: future(7).Wall, Logical: 1}))
	})
})

var _ = Describe("NotifyOperation", func() {
	var node *mocked
	BeforeEach(func() { node = nodeOnMock() })

	DescribeTable("tells the others, and leaves the cache alone",
		func(ctx SpecContext, operation dsync.Operation) {
			node.publishes()
			Expect(node.NotifyOperation(ctx, operation)).To(Succeed())
			Expect(node.told()).To(HaveLen(1))
			Expect(node.told()[0].Type).To(BeEquivalentTo(operation.Type))
			Expect(node.told()[0].Key).To(Equal(operation.Key))
		},
		func(operation dsync.Operation) string { return "of a " + string(operation.Type) },
		Entry(nil, dsync.Operation{Type: dsync.Set, Key: "k", Value: []byte("v")}),
		Entry(nil, dsync.Operation{Type: dsync.Delete, Key: "k"}),
		Entry(nil, dsync.Operation{Type: dsync.InvalidatePattern, Key: "k*"}),
		Entry(nil, dsync.Operation{Type: dsync.Clear}),
	)

	It("keeps what the operation says of itself", func(ctx SpecContext) {
		consensus := &plug{}
		node = nodeOnMock(through(consensus))
		node.publishes()
		Expect(node.NotifyOperation(ctx, dsync.Operation{
			ID: "mine", Type: dsync.Set, Key: "k", Value: []byte("v"), TTL: time.Minute, Origin: "a", Priority: -3,
			Timestamp: time.UnixMilli(5).UTC(), Stamp: dsync.Stamp{Wall: 6, Logical: 7, Node: "x"}, Epoch: 8, Seq: 9,
		})).To(Succeed())
		Expect(node.told()).To(Equal([]toldOperation{{
			ID: "mine", Type: "Set", Key: "k", Value: []byte("v"), TTL: 60, Origin: "a", Priority: -3,
			Timestamp: time.UnixMilli(5).UTC(), Stamp: 6, Logical: 7, Seq: 1,
		}}))
		self := node.Begin()
		Expect(node.messages[0].Epoch).To(Equal(self.Epoch))
		Expect(consensus.asked[0].Stamp).To(Equal(dsync.Stamp{Wall: 6, Logical: 7, Priority: -3, Node: "a", Epoch: self.Epoch}))
	})

	It("makes what comes after it newer than a stamp that is given", func(ctx SpecContext) {
		node.publishes().Times(2)
		Expect(node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "k", Stamp: future(5)})).To(Succeed())
		Expect(node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "k"})).To(Succeed())
		Expect(node.told()[1].Stamp).To(BeNumerically(">=", future(5).Wall))
		Expect(node.told()[1].Logical).To(BeNumerically(">", 0))
	})

	It("refuses an operation that is older than what was told", func(ctx SpecContext) {
		node.publishes()
		Expect(node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "k", Stamp: past(5)})).To(Succeed())
		for _, wall := range []int64{4, 5} {
			Expect(node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "k", Stamp: past(wall)})).
				To(MatchError(dsync.ErrRejected))
		}
	})

	It("sends a heartbeat at once, which says the last number", func(ctx SpecContext) {
		node.publishes().Times(2)
		Expect(node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Clear})).To(Succeed())
		Expect(node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Heartbeat})).To(Succeed())
		beat := node.messages[1]
		Expect(beat.Type).To(Equal("Heartbeat"))
		Expect(beat.Origin).To(Equal("a"))
		Expect(beat.Seq).To(BeEquivalentTo(1))
		Expect(node.Status().HistoryOperations).To(Equal(1))
	})

	It("returns what the port says to a heartbeat", func(ctx SpecContext) {
		node.publishes().Return(errPort)
		Expect(node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Heartbeat})).To(MatchError(errPort))
	})

	It("refuses an operation that another node has made", func(ctx SpecContext) {
		err := node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Clear, Origin: "b"})
		Expect(err).To(MatchError(coordination.ErrInvalidArgument))
		Expect(err).To(MatchError(ContainSubstring("origin")))
	})
})
