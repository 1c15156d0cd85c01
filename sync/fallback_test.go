package sync_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

// reloading has the cache brought up to date by a function.
func reloading(reload func(context.Context) error) setting {
	return func(_ *dsync.Config, options *dsync.Options) {
		options.Recovery.Fallback, options.Recovery.Reload = dsync.FallbackReload, reload
	}
}

var _ = Describe("A gap that can't be filled", Label("running"), func() {
	It("leaves a store alone that all nodes share", func() {
		virtually(func(ctx context.Context) {
			// Of the key store the port expects no call at all.
			n := perform(ctx, treatAsMiss, func(_ *dsync.Config, options *dsync.Options) { options.Cache = nil })
			n.port.peer("a", older).beats()
			b := n.port.peer("b", younger)
			b.loses(1)
			b.beats()
			n.after(grace)
			Expect(n.Readable()).To(BeFalse())
			n.after(replayTimeout)
			Expect(n.Readable()).To(BeTrue())
			Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is only counted with FallbackIgnore", func() {
		virtually(func(ctx context.Context) {
			n, _ := missing(ctx, func(_ *dsync.Config, options *dsync.Options) {
				options.Recovery.Fallback = dsync.FallbackIgnore
			})
			n.after(replayTimeout)
			Expect(n.cache.held()).To(HaveLen(1))
			Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1}))
			Expect(n.told(dsync.GapHealed)).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is over when the user has reloaded the cache", func() {
		virtually(func(ctx context.Context) {
			var left time.Duration
			n, _ := missing(ctx, reloading(func(ctx context.Context) error {
				deadline, _ := ctx.Deadline()
				left = time.Until(deadline)
				return nil
			}))
			n.after(replayTimeout)
			Expect(left).To(Equal(scriptBeat))
			Expect(n.cache.held()).To(HaveLen(1))
			Expect(n.told(dsync.CacheReloaded, dsync.CacheCleared)).To(Equal([]dsync.Event{{Kind: dsync.CacheReloaded}}))
			Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1}))
			Expect(n.finish()).To(Succeed())
		})
	})

	for _, misbehaves := range misbehaviours {
		It("empties the cache where reloading it "+misbehaves.manner, func() {
			virtually(func(ctx context.Context) {
				n, _ := missing(ctx, reloading(misbehaves.call))
				n.after(replayTimeout + scriptBeat)
				Expect(n.told(dsync.CacheReloaded, dsync.CacheCleared)).To(HaveExactElements(
					SatisfyAll(HaveField("Kind", dsync.CacheReloaded), HaveField("Err", HaveOccurred())),
					HaveField("Kind", dsync.CacheCleared)))
				Expect(n.cache.held()).To(BeEmpty())
				Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1, cleared: 1}))
				Expect(n.finish()).To(Succeed())
			})
		})
	}
})
