package sync_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("What a node remembers", func() {
	var cache *notedCache
	var node *mocked
	with := func(limits dsync.Limits) {
		cache = newNotedCache()
		node = nodeOnMock(on(cache), limited(limits))
	}
	BeforeEach(func() { with(dsync.Limits{}) })

	// hear has the node process operations of others, and returns what the cache
	// was told to do.
	hear := func(ctx context.Context, operations ...dsync.Operation) []string {
		GinkgoHelper()
		for _, operation := range operations {
			operation.Origin = "b"
			Expect(node.ProcessOperation(ctx, operation)).To(Succeed())
		}
		return cache.noted()
	}
	set := func(key string, wall int64) dsync.Operation {
		return dsync.Operation{Type: dsync.Set, Key: key, Value: []byte("v"), Stamp: past(wall)}
	}
	del := func(key string, wall int64) dsync.Operation {
		return dsync.Operation{Type: dsync.Delete, Key: key, Stamp: past(wall)}
	}
	invalidate := func(pattern string, wall int64) dsync.Operation {
		return dsync.Operation{Type: dsync.InvalidatePattern, Key: pattern, Stamp: past(wall)}
	}
	clearAt := func(wall int64) dsync.Operation { return dsync.Operation{Type: dsync.Clear, Stamp: past(wall)} }

	It("refuses a Set that comes after a newer one, and a newer Delete", func(ctx SpecContext) {
		Expect(hear(ctx, set("k", 5), set("k", 4), del("k", 7), set("k", 6), set("k", 8))).To(Equal([]string{
			"Set k v 0s", "Delete k", "Set k v 0s",
		}))
	})

	It("refuses a Delete that comes after a newer Set", func(ctx SpecContext) {
		Expect(hear(ctx, set("k", 5), del("k", 4))).To(Equal([]string{"Set k v 0s"}))
	})

	It("refuses a Set that comes after a newer invalidation of its key, and no other", func(ctx SpecContext) {
		Expect(hear(ctx, invalidate("k*", 5), set("k1", 4), set("l", 4), set("k2", 6))).To(Equal([]string{
			"InvalidatePattern k*", "Set l v 0s", "Set k2 v 0s",
		}))
	})

	It("looks among several invalidations for the newest that covers the key", func(ctx SpecContext) {
		hear(ctx, invalidate("k*", 5), invalidate("l*", 9), invalidate("?", 7), invalidate("m*", 3))
		Expect(hear(ctx, set("k", 6), set("kk", 6), set("kk", 4), set("m", 6), set("mm", 2), set("l", 8))).To(Equal([]string{
			"Set kk v 0s",
		}))
	})

	It("keeps of several invalidations of one pattern the newest", func(ctx SpecContext) {
		with(dsync.Limits{Patterns: 2})
		hear(ctx, invalidate("k", 5), invalidate("l", 6), invalidate("k", 7), invalidate("k", 6), invalidate("k", 9))
		Expect(hear(ctx, set("k", 8), set("other", 1))).To(Equal([]string{"Set other v 0s"}), "the floor has not risen")
	})

	It("applies an invalidation that comes after a newer one of another pattern", func(ctx SpecContext) {
		Expect(hear(ctx, invalidate("k*", 5), invalidate("*", 4), invalidate("k*", 3))).To(Equal([]string{
			"InvalidatePattern k*", "InvalidatePattern *",
		}))
	})

	It("refuses what is older than a Clear, and applies the Deletes all the same", func(ctx SpecContext) {
		Expect(hear(ctx, clearAt(5), clearAt(4), invalidate("x", 4), del("k", 4), set("l", 6))).To(Equal([]string{
			"Clear", "Delete k", "Set l v 0s",
		}))
	})

	It("has the cache forget a key for which it refuses a Set as older than what it remembers", func(ctx SpecContext) {
		Expect(hear(ctx, clearAt(5), set("k", 4))).To(Equal([]string{"Clear", "Delete k"}))
		Expect(hear(ctx, del("l", 3), invalidate("m", 6), set("l", 4), set("m", 4), set("l", 2))).To(Equal([]string{
			"Delete l", "InvalidatePattern m", "Delete l",
		}), "but not where it knows of something newer")
	})

	It("leaves the port's key store alone then, which others have set since", func(ctx SpecContext) {
		node = nodeOnMock()
		node.port.EXPECT().FlushAll(gomock.Any()).Return(nil)
		hear(ctx, clearAt(5), set("k", 4))
		Expect(node.Status().Rejected).To(BeEquivalentTo(1))
	})

	It("is bounded: of too many keys it forgets that which was changed the longest ago", func(ctx SpecContext) {
		with(dsync.Limits{Keys: 2})
		hear(ctx, del("k", 5), del("l", 4), del("k", 6), del("m", 7)) // l goes, and the floor is 4
		Expect(hear(ctx, set("k", 5), set("m", 6), set("n", 4))).To(Equal([]string{"Delete n"}))
		Expect(hear(ctx, set("n", 5))).To(Equal([]string{"Set n v 0s"})) // k goes, and the floor is 6
		Expect(hear(ctx, set("m", 6), set("k", 6), set("x", 6), set("n", 8))).To(Equal([]string{
			"Delete k", "Delete x", "Set n v 0s",
		}))
	})

	It("refuses below the floor also a Set on a key that it knows, and has it forgotten", func(ctx SpecContext) {
		with(dsync.Limits{Keys: 2})
		hear(ctx, del("k", 9), set("l", 4), set("m", 10)) // k goes, and the floor is 9
		Expect(cache.held()).To(HaveKey("l"))
		Expect(hear(ctx, set("l", 8))).To(Equal([]string{"Delete l"}))
		Expect(cache.held()).NotTo(HaveKey("l"))
	})

	It("is bounded: of too many patterns it forgets the oldest", func(ctx SpecContext) {
		with(dsync.Limits{Patterns: 2})
		hear(ctx, invalidate("k", 6), invalidate("l", 5), invalidate("m", 7)) // l goes, and the floor is 5
		Expect(hear(ctx, set("l", 5), set("x", 5), set("k", 6), set("x", 6))).To(Equal([]string{
			"Delete l", "Delete x", "Set x v 0s",
		}))
	})

	It("forgets an invalidation that is older than all that it keeps by raising the floor at once", func(ctx SpecContext) {
		with(dsync.Limits{Patterns: 1})
		Expect(hear(ctx, invalidate("k", 6), invalidate("l", 5), set("l", 5), set("m", 6))).To(Equal([]string{
			"InvalidatePattern k", "InvalidatePattern l", "Delete l", "Set m v 0s",
		}))
	})

	It("needs no invalidation that is below the floor", func(ctx SpecContext) {
		with(dsync.Limits{Patterns: 2})
		hear(ctx, invalidate("k", 3), invalidate("l", 4), clearAt(5), invalidate("m", 6), invalidate("n", 7))
		Expect(hear(ctx, set("x", 6))).To(Equal([]string{"Set x v 0s"}), "the floor is still that of the Clear")
	})
})
