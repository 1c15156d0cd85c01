package sync_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("A request", Label("running"), func() {
	// asked runs a node with some operations of its own, which b knows.
	asked := func(ctx context.Context, operations int, settings ...setting) (*scriptedNode, *scriptedPeer) {
		n := perform(ctx, settings...)
		for i := range operations {
			Expect(n.Set(ctx, string(rune('a'+i)), []byte("v"), 0)).To(Succeed())
		}
		b := n.port.peer("b", younger)
		b.beats()
		n.port.took()
		return n, b
	}

	It("of what the history holds is answered to the one who asks", func() {
		virtually(func(ctx context.Context) {
			n, b := asked(ctx, 4)
			epoch := n.Begin().Epoch
			b.requests(epoch, [2]uint64{1, 1}, [2]uint64{3, 4})
			Expect(textsOf(n.port.called())).To(Equal([]string{"Publish :b 1 Set a=v, 3 Set c=v, 4 Set d=v"}))
			answer := n.port.called()[0].letter
			Expect(answer.Seq).To(Equal(uint64(4)))
			Expect(answer.Epoch).To(Equal(epoch))
			Expect(n.Status().Published).To(Equal(uint64(4)), "what is told again is not counted again")
			Expect(n.finish()).To(Succeed())
		})
	})

	It("of a single operation that is not the last is answered", func() {
		virtually(func(ctx context.Context) {
			n, b := asked(ctx, 3)
			b.requests(n.Begin().Epoch, [2]uint64{2, 2})
			b.requests(n.Begin().Epoch, [2]uint64{3, 3})
			Expect(n.port.took()).To(Equal([]string{"Publish :b 2 Set b=v", "Publish :b 3 Set c=v"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("of many operations is answered in several messages", func() {
		virtually(func(ctx context.Context) {
			n, b := asked(ctx, 5, func(_ *dsync.Config, options *dsync.Options) { options.Limits.BatchOperations = 2 })
			b.requests(n.Begin().Epoch, [2]uint64{1, 5})
			Expect(n.port.took()).To(Equal([]string{
				"Publish :b 1 Set a=v, 2 Set b=v", "Publish :b 3 Set c=v, 4 Set d=v", "Publish :b 5 Set e=v"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("of large operations is answered in messages of a mebibyte, or of one operation", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			for _, size := range []int{600 << 10, 300 << 10, 2 << 20, 1} {
				Expect(n.Set(ctx, "key", make([]byte, size), 0)).To(Succeed())
			}
			b := n.port.peer("b", younger)
			b.beats()
			n.port.took()
			b.requests(n.Begin().Epoch, [2]uint64{1, 4})
			answers := n.port.called("Publish")
			counts := make([]int, len(answers))
			for i, answer := range answers {
				counts[i] = max(len(answer.letter.Operations), 1)
			}
			Expect(counts).To(Equal([]int{2, 1, 1}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is answered with what is left of a value's time, and a Delete where nothing is", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			Expect(n.Set(ctx, "long", []byte("v"), 3*time.Second)).To(Succeed())
			Expect(n.Set(ctx, "short", []byte("v"), time.Second)).To(Succeed())
			b := n.port.peer("b", younger)
			n.after(time.Second)
			b.beats()
			n.port.took()
			b.requests(n.Begin().Epoch, [2]uint64{1, 2})
			Expect(textsOf(n.port.called())).To(Equal([]string{"Publish :b 1 Set long=v, 2 Delete short"}))
			Expect(n.port.called()[0].letter.Operations[0].TTL).To(Equal(2.0))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("of what the history has dropped, or what was not said yet, is refused", func() {
		virtually(func(ctx context.Context) {
			n, b := asked(ctx, 4, func(_ *dsync.Config, options *dsync.Options) { options.Limits.HistoryOperations = 2 })
			epoch := n.Begin().Epoch
			b.requests(epoch, [2]uint64{1, 1}, [2]uint64{2, 3}, [2]uint64{4, 4}, [2]uint64{5, 6})
			Expect(textsOf(n.port.called())).To(Equal([]string{
				"Publish :b 4 Set d=v", "Publish :b refused [[1 1] [2 3] [5 6]]"}))
			Expect(n.port.called()[1].letter.Refused.Epoch).To(Equal(epoch))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("to an incarnation that is gone is refused for it", func() {
		virtually(func(ctx context.Context) {
			n, b := asked(ctx, 4)
			b.requests(older, [2]uint64{1, 4})
			Expect(textsOf(n.port.called())).To(Equal([]string{"Publish :b refused [[1 4]]"}))
			Expect(n.port.called()[0].letter.Refused.Epoch).To(Equal(older))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is followed for the numbers that it tells", func() {
		virtually(func(ctx context.Context) {
			n, b := asked(ctx, 1)
			b.loses(1)
			b.requests(n.Begin().Epoch, [2]uint64{1, 1})
			n.after(grace)
			Expect(n.requested()).To(Equal([]string{"Publish :b request [[1 1]]"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("of a namesake's operations is not answered by the node itself", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			namesake := n.port.peer("self", younger)
			lost := namesake.sets("key", "value")
			namesake.beats()
			n.after(grace)
			Expect(n.requested()).To(Equal([]string{"Publish :self request [[1 1]]"}))
			Expect(n.port.letters(isRefusal)).To(BeEmpty())
			namesake.whispers(lost)
			Expect(n.cache.held()).To(HaveKey("key"))
			Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("on the channel of all nodes is answered by nobody", func() {
		virtually(func(ctx context.Context) {
			n, b := asked(ctx, 1)
			l := b.letter()
			l.Request = &letterReplay{n.Begin().Epoch, [][2]uint64{{1, 1}}}
			b.sends(dsync.DefaultChannel, l)
			Expect(n.port.took()).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that can't be answered holds up the next one for no longer than is waited for it", func() {
		virtually(func(ctx context.Context) {
			n, b := asked(ctx, 5, func(_ *dsync.Config, options *dsync.Options) { options.Limits.BatchOperations = 1 })
			n.port.hangs("Publish")
			began := time.Since(n.port.start)
			b.requests(n.Begin().Epoch, [2]uint64{1, 5})
			n.after(replayTimeout / 2)
			n.port.on("Publish", nil)
			b.requests(n.Begin().Epoch, [2]uint64{5, 5})
			n.after(scriptBeat / 2)
			calls := n.port.called("Publish")
			Expect(calls[len(calls)-1].text).To(Equal("Publish :b 5 Set e=v"))
			Expect(calls[len(calls)-1].at).To(Equal(began + replayTimeout))
			Expect(n.Status().PublishFailures).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})
})
