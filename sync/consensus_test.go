package sync_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

// plug is a consensus manager that notes what it is asked.
type plug struct {
	decide    func(dsync.Operation, dsync.Conflict) (bool, string) // nil applies all
	asked     []dsync.Operation
	conflicts []dsync.Conflict
}

var _ dsync.ConsensusManager = (*plug)(nil)

func (p *plug) Decide(operation dsync.Operation, conflict dsync.Conflict) (apply bool, reason string) {
	p.asked, p.conflicts = append(p.asked, operation), append(p.conflicts, conflict)
	if p.decide == nil {
		return true, ""
	}
	return p.decide(operation, conflict)
}

// through plugs in a consensus manager.
func through(consensus dsync.ConsensusManager) func(*dsync.Options) {
	return func(options *dsync.Options) { options.Consensus = consensus }
}

var _ = Describe("The default consensus manager", func() {
	none := dsync.Conflict{}
	DescribeTable("decides by the stamps",
		func(_ string, operation dsync.OperationType, conflict dsync.Conflict, applies bool) {
			apply, reason := dsync.LastWriterWins{}.Decide(dsync.Operation{Type: operation, Key: "k", Stamp: past(5)}, conflict)
			Expect(apply).To(Equal(applies))
			Expect(reason == "").To(Equal(applies), "a rejection, and nothing else, has a reason")
		},
		func(what string, operation dsync.OperationType, _ dsync.Conflict, applies bool) string {
			verb := map[bool]string{true: "applies", false: "rejects"}[applies]
			return verb + " a " + string(operation) + " " + what
		},
		Entry(nil, "of which nothing is known", dsync.Set, none, true),
		Entry(nil, "of which nothing is known", dsync.Delete, none, true),
		Entry(nil, "of which nothing is known", dsync.InvalidatePattern, none, true),
		Entry(nil, "of which nothing is known", dsync.Clear, none, true),
		Entry(nil, "newer than all that is known", dsync.Set, dsync.Conflict{Key: past(4), Range: past(4), Floor: past(4)}, true),
		Entry(nil, "that was applied", dsync.Set, dsync.Conflict{Key: past(5)}, false),
		Entry(nil, "that was applied", dsync.Delete, dsync.Conflict{Key: past(5)}, false),
		Entry(nil, "that was applied", dsync.InvalidatePattern, dsync.Conflict{Key: past(5)}, false),
		Entry(nil, "that was applied", dsync.Clear, dsync.Conflict{Key: past(5)}, false),
		Entry(nil, "older than another of its scope", dsync.Set, dsync.Conflict{Key: past(6)}, false),
		Entry(nil, "older than an invalidation", dsync.Set, dsync.Conflict{Range: past(6)}, false),
		Entry(nil, "older than an invalidation", dsync.Delete, dsync.Conflict{Range: past(6)}, true),
		Entry(nil, "on the floor", dsync.Set, dsync.Conflict{Floor: past(5)}, false),
		Entry(nil, "below the floor", dsync.Delete, dsync.Conflict{Floor: past(6)}, true),
		Entry(nil, "below the floor", dsync.InvalidatePattern, dsync.Conflict{Floor: past(6)}, true),
	)
})

var _ = Describe("A consensus manager of the user's", func() {
	var consensus *plug
	var cache *notedCache
	var node *mocked
	BeforeEach(func() {
		consensus, cache = &plug{}, newNotedCache()
		node = nodeOnMock(on(cache), through(consensus))
	})

	It("is given the operation as it is to be told, and what it conflicts with", func(ctx SpecContext) {
		node.publishes().Times(4)
		Expect(node.Clear(ctx)).To(Succeed())
		Expect(node.InvalidatePattern(ctx, "k*")).To(Succeed())
		Expect(node.Set(ctx, "key", []byte("v"), 0)).To(Succeed())
		lease := node.Begin()
		Expect(node.SetAt(ctx, lease, "key", []byte("w"), 0)).To(Succeed())

		Expect(consensus.asked).To(HaveLen(4))
		cleared, invalidated, set, leased := consensus.asked[0], consensus.asked[1], consensus.asked[2], consensus.asked[3]
		Expect(set.Type).To(Equal(dsync.Set))
		Expect(set.Key).To(Equal("key"))
		Expect(set.Value).To(BeEquivalentTo("v"))
		Expect(set.Origin).To(Equal("a"))
		Expect(set.Timestamp).NotTo(BeZero())
		Expect(leased.Stamp.Compare(lease)).To(BeZero())
		Expect(consensus.conflicts).To(Equal([]dsync.Conflict{
			{},
			{Key: cleared.Stamp, Floor: cleared.Stamp},
			{Floor: cleared.Stamp},
			{Key: set.Stamp, Floor: cleared.Stamp},
		}))

		old := dsync.Operation{Type: dsync.Set, Key: "kin", Origin: "b", Stamp: past(1)}
		Expect(node.ProcessOperation(ctx, old)).To(Succeed())
		Expect(consensus.asked[4].Stamp).To(Equal(dsync.Stamp{Wall: 1, Node: "b"}))
		Expect(consensus.conflicts[4]).To(Equal(dsync.Conflict{Range: invalidated.Stamp, Floor: cleared.Stamp}))
	})

	It("keeps an operation of this node's from being applied and told, with its reason", func(ctx SpecContext) {
		consensus.decide = func(dsync.Operation, dsync.Conflict) (bool, string) { return false, "not on a Sunday" }
		for _, err := range []error{
			node.Set(ctx, "key", []byte("v"), 0), node.Delete(ctx, "key"), node.InvalidatePattern(ctx, "*"), node.Clear(ctx),
			node.SetAt(ctx, node.Begin(), "key", nil, 0), node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Clear}),
		} {
			Expect(err).To(MatchError(dsync.ErrRejected))
			Expect(err).To(MatchError(ContainSubstring("not on a Sunday")))
		}
		Expect(cache.noted()).To(BeEmpty())
		status := node.Status()
		Expect(status.Rejected).To(BeEquivalentTo(6))
		Expect(status.Pending).To(BeZero())
		Expect(status.HistoryOperations).To(BeZero())
	})

	It("keeps an operation of another node's from being applied, without an error", func(ctx SpecContext) {
		consensus.decide = func(dsync.Operation, dsync.Conflict) (bool, string) { return false, "not on a Sunday" }
		Expect(node.ProcessOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "key", Origin: "b"})).To(Succeed())
		Expect(cache.noted()).To(BeEmpty())
		Expect(node.Status().Rejected).To(BeEquivalentTo(1))
		Expect(node.Status().Applied).To(BeZero())
	})

	It("lets an older operation pass if it likes, which is then what is known", func(ctx SpecContext) {
		for wall := int64(9); wall > 6; wall-- {
			Expect(node.ProcessOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "key", Origin: "b", Stamp: past(wall)})).To(Succeed())
		}
		Expect(cache.noted()).To(HaveLen(3))
		Expect(consensus.conflicts[2].Key.Wall).To(BeEquivalentTo(8))
	})

	It("rejects where it panics, and is asked again the next time", func(ctx SpecContext) {
		consensus.decide = func(dsync.Operation, dsync.Conflict) (bool, string) { panic("out of mind") }
		err := node.Set(ctx, "key", []byte("v"), 0)
		Expect(err).To(MatchError(dsync.ErrRejected))
		Expect(err).To(MatchError(ContainSubstring("out of mind")))
		Expect(node.ProcessOperation(ctx, dsync.Operation{Type: dsync.Clear, Origin: "b"})).To(Succeed())
		Expect(cache.noted()).To(BeEmpty())

		consensus.decide = nil
		node.publishes()
		Expect(node.Set(ctx, "key", []byte("v"), 0)).To(Succeed())
		Expect(cache.held()).To(Equal(map[string]string{"key": "v"}))
	})

	It("is never asked what is no operation on the cache", func(ctx SpecContext) {
		node.publishes()
		Expect(node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Heartbeat})).To(Succeed())
		Expect(node.ProcessOperation(ctx, dsync.Operation{Type: dsync.Heartbeat, Origin: "b"})).To(Succeed())
		Expect(consensus.asked).To(BeEmpty())
	})
})
