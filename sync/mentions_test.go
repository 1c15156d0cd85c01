package sync_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

var _ = Describe("What a node says of others", Label("running"), func() {
	It("ends with the tenth heartbeat after they have spoken", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.at(scriptBeat / 2)
			b := n.port.peer("b", younger)
			b.beats()
			mentions := 0
			for _, beat := range n.port.letters(isHeartbeat)[1:] {
				mentions += len(beat.Seen)
			}
			Expect(mentions).To(Equal(1), "as it speaks at once")
			n.port.took()
			n.at(30 * scriptBeat)
			beats := n.port.letters(isHeartbeat)
			Expect(beats[:9]).To(HaveEach(HaveField("Seen", HaveLen(1))))
			Expect(beats[9:]).To(HaveEach(HaveField("Seen", BeEmpty())))
			b.beats()
			n.at(31 * scriptBeat)
			Expect(lastBeat(n).Seen).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("does not end with heartbeats that were not sent", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.peer("b", younger).beats()
			n.port.fails(coordination.ErrUnavailable, "Publish")
			n.at(30*scriptBeat + scriptBeat/2)
			n.port.fails(nil, "Publish")
			n.port.took()
			n.at(60 * scriptBeat)
			beats := n.port.letters(isHeartbeat)
			Expect(beats[:9]).To(HaveEach(HaveField("Seen", HaveLen(1))), "the first was sent when b was met")
			Expect(beats[9:]).To(HaveEach(HaveField("Seen", BeEmpty())))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is what it has heard itself", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			c.beats(seeing(b))
			n.at(scriptBeat)
			Expect(lastBeat(n).Seen).To(ConsistOf(letterMention{"c", younger, 0}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("may be missed nine times in a row, and is made up for the tenth time", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			b.tells(b.sets("key", "1"))
			c.beats(seeing(b))
			c.beat += 8
			c.beats()
			Expect(n.cache.held()).To(HaveKey("key"))
			b.loses(1) // heard by c, which mentions it in nine heartbeats
			c.beat += 9
			c.beats()
			Expect(n.cache.held()).To(BeEmpty())
			Expect(n.gaps()).To(Equal(gaps{cleared: 1}))
			c.beats()
			Expect(n.gaps()).To(Equal(gaps{cleared: 1}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is not missed where heartbeats come in another order", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			c := n.port.peer("c", younger)
			for range 10 {
				c.beats()
			}
			c.beats(func(l *letter) { l.Beat = 1 })
			c.beats()
			Expect(n.gaps()).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("may have been missed by who listens late", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			Expect(n.Set(ctx, "key", nil, 0)).To(Succeed())
			n.runs(ctx)
			c := n.port.peer("c", younger)
			c.beat = 9
			c.beats()
			Expect(n.cache.held()).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})
})
