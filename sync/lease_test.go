package sync_test

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("A lease", func() {
	var cache *notedCache
	var node *mocked
	BeforeEach(func() {
		cache = newNotedCache()
		node = nodeOnMock(on(cache), func(options *dsync.Options) { options.Limits.Keys, options.Limits.Patterns = 3, 1 })
		node.publishes().AnyTimes()
	})
	set := func(key string) func(context.Context) error {
		return func(ctx context.Context) error { return node.Set(ctx, key, []byte("new"), 0) }
	}
	heard := func(operation dsync.Operation) func(context.Context) error {
		operation.Origin = "b"
		return func(ctx context.Context) error { return node.ProcessOperation(ctx, operation) }
	}

	DescribeTable("is lost during the load",
		func(ctx SpecContext, _ string, during func(context.Context) error) {
			Expect(node.Set(ctx, "k", []byte("old"), 0)).To(Succeed())
			lease := node.Begin()
			Expect(during(ctx)).To(Succeed())
			held := cache.held()
			Expect(node.SetAt(ctx, lease, "k", []byte("loaded"), 0)).To(MatchError(dsync.ErrRejected))
			Expect(cache.held()).To(Equal(held))
			Expect(node.Status().Pending).To(BeZero())
		},
		func(what string, _ func(context.Context) error) string { return what },
		Entry(nil, "to a Delete", func(ctx context.Context) error { return node.Delete(ctx, "k") }),
		Entry(nil, "to a Set", set("k")),
		Entry(nil, "to another lease", func(ctx context.Context) error { return node.SetAt(ctx, node.Begin(), "k", nil, 0) }),
		Entry(nil, "to an InvalidatePattern that covers the key", func(ctx context.Context) error { return node.InvalidatePattern(ctx, "k*") }),
		Entry(nil, "to a Clear", func(ctx context.Context) error { return node.Clear(ctx) }),
		Entry(nil, "to a NotifyOperation", func(ctx context.Context) error {
			return node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "k"})
		}),
		Entry(nil, "to a Delete of another node's", func(ctx context.Context) error {
			return heard(dsync.Operation{Type: dsync.Delete, Key: "k"})(ctx)
		}),
		Entry(nil, "to an older InvalidatePattern that comes late", func(ctx context.Context) error {
			return heard(dsync.Operation{Type: dsync.InvalidatePattern, Key: "k*", Stamp: past(5)})(ctx)
		}),
		Entry(nil, "to an older Clear that comes late", func(ctx context.Context) error {
			return heard(dsync.Operation{Type: dsync.Clear, Stamp: past(5)})(ctx)
		}),
		Entry(nil, "to so many operations that one on the key could be forgotten", func(ctx context.Context) error {
			for i := range 4 {
				if err := set(fmt.Sprint(i))(ctx); err != nil {
					return err
				}
			}
			return nil
		}),
		Entry(nil, "to so many older operations that one on the key could be forgotten", func(ctx context.Context) error {
			for i := range int64(4) {
				if err := heard(dsync.Operation{Type: dsync.Delete, Key: fmt.Sprint(i), Stamp: past(i + 1)})(ctx); err != nil {
					return err
				}
			}
			return nil
		}),
		Entry(nil, "to so many older patterns that one which covers the key could be forgotten", func(ctx context.Context) error {
			if err := heard(dsync.Operation{Type: dsync.InvalidatePattern, Key: "x*", Stamp: past(1)})(ctx); err != nil {
				return err
			}
			return heard(dsync.Operation{Type: dsync.InvalidatePattern, Key: "y*", Stamp: past(2)})(ctx)
		}),
		Entry(nil, "to so many patterns that one which covers the key could be forgotten", func(ctx context.Context) error {
			if err := node.InvalidatePattern(ctx, "x*"); err != nil {
				return err
			}
			return node.InvalidatePattern(ctx, "y*")
		}),
		Entry(nil, "to a cache that was emptied", func(ctx context.Context) error {
			node.WriteOff(ctx, past(5))
			return nil
		}),
	)

	It("stands where other keys are changed, and is lost by its own use", func(ctx SpecContext) {
		lease := node.Begin()
		Expect(node.Set(ctx, "l", nil, 0)).To(Succeed())
		Expect(node.InvalidatePattern(ctx, "l*")).To(Succeed())
		Expect(node.SetAt(ctx, lease, "k", []byte("loaded"), 0)).To(Succeed())
		Expect(cache.held()).To(Equal(map[string]string{"k": "loaded"}))
		Expect(node.SetAt(ctx, lease, "k", []byte("again"), 0)).To(MatchError(dsync.ErrRejected))
	})

	It("is lost also where nothing has happened before it", func(ctx SpecContext) {
		lease := node.Begin()
		Expect(heard(dsync.Operation{Type: dsync.Delete, Key: "k", Stamp: past(5)})(ctx)).To(Succeed())
		Expect(node.SetAt(ctx, lease, "k", nil, 0)).To(MatchError(dsync.ErrRejected))
	})

	It("stands where its key was changed before", func(ctx SpecContext) {
		Expect(node.Clear(ctx)).To(Succeed())
		Expect(node.SetAt(ctx, node.Begin(), "k", []byte("loaded"), 0)).To(Succeed())
		Expect(node.InvalidatePattern(ctx, "k*")).To(Succeed())
		Expect(node.SetAt(ctx, node.Begin(), "k", []byte("loaded"), 0)).To(Succeed())
		Expect(node.Delete(ctx, "k")).To(Succeed())
		Expect(node.SetAt(ctx, node.Begin(), "k", []byte("loaded"), 0)).To(Succeed())
	})

	It("does for one load of several keys", func(ctx SpecContext) {
		lease := node.Begin()
		Expect(node.SetAt(ctx, lease, "k", []byte("loaded"), 0)).To(Succeed())
		Expect(node.SetAt(ctx, lease, "l", []byte("loaded"), 0)).To(Succeed())
		Expect(cache.held()).To(HaveLen(2))
	})

	It("makes the value as old as it is, for whoever has a newer Delete", func(ctx SpecContext) {
		lease := node.Begin()
		meanwhile := node.Begin() // read off the same clock, after the lease
		Expect(node.SetAt(ctx, lease, "k", []byte("loaded"), 0)).To(Succeed())
		told := node.told()[0]
		Expect(dsync.Stamp{Wall: told.Stamp, Logical: told.Logical}).To(Equal(dsync.Stamp{Wall: lease.Wall, Logical: lease.Logical}))
		Expect(heard(dsync.Operation{Type: dsync.Delete, Key: "k", Stamp: meanwhile})(ctx)).To(Succeed())
		Expect(cache.held()).To(BeEmpty())
	})
})
