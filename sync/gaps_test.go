package sync_test

import (
	"context"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// grace is how long a missing operation may be merely late.
const grace = 100 * time.Millisecond

var _ = Describe("An operation that does not arrive", Label("running"), func() {
	found := func(node string, count uint64) dsync.Event {
		return dsync.Event{Kind: dsync.GapFound, Node: node, Count: count}
	}

	It("is noticed by the next operation", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.tells(b.sets("1", ""))
			b.loses(2)
			b.tells(b.sets("4", ""))
			n.after(grace - 1)
			Expect(n.gaps()).To(BeZero())
			n.after(1)
			Expect(n.gaps()).To(Equal(gaps{found: 2, missing: 2}))
			Expect(n.told(dsync.GapFound)).To(Equal([]dsync.Event{found("b", 2)}))
			Expect(n.requested()).To(Equal([]string{"Publish :b request [[2 3]]"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is noticed by the next heartbeat where it was the last", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.tells(b.sets("1", ""))
			b.loses(1)
			b.beats()
			n.after(grace)
			Expect(n.gaps()).To(Equal(gaps{found: 1, missing: 1}))
			Expect(n.requested()).To(Equal([]string{"Publish :b request [[2 2]]"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is noticed by what another node has seen of an origin that crashed", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			b.tells(b.sets("key", "1"))
			c.beats()
			b.loses(1)
			c.beats(seeing(b))
			n.after(grace)
			Expect(n.told(dsync.GapFound)).To(Equal([]dsync.Event{found("b", 1)}))
			n.after(250 * time.Millisecond)
			Expect(n.cache.held()).To(BeEmpty())
			Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1, cleared: 1}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is noticed by a replay of another one", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			first := b.sets("1", "")
			b.loses(1)
			b.whispers(first)
			n.after(grace)
			Expect(n.requested()).To(Equal([]string{"Publish :b request [[2 2]]"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is no gap where it arrives within its grace", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			late := b.sets("1", "")
			b.tells(b.sets("2", ""))
			n.after(grace - 1)
			b.tells(late)
			n.at(scriptBeat)
			Expect(n.gaps()).To(BeZero())
			Expect(n.told(dsync.GapFound, dsync.GapHealed)).To(BeEmpty())
			Expect(n.requested()).To(BeEmpty())
			Expect(n.cache.held()).To(HaveLen(2))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("has a grace of its own, which no other one cuts short or draws out", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			b.loses(1)
			b.tells(b.sets("2", ""))
			n.after(grace / 2)
			b.loses(1)
			b.tells(b.sets("4", ""))
			c.loses(1)
			c.beats()
			n.after(grace / 2)
			Expect(n.requested()).To(Equal([]string{"Publish :b request [[1 1]]"}))
			Expect(n.gaps()).To(Equal(gaps{found: 1, missing: 1}))
			b.tells(b.sets("5", ""))
			n.after(grace/2 - 1)
			Expect(n.gaps()).To(Equal(gaps{found: 1, missing: 1}))
			n.after(1)
			Expect(n.gaps()).To(Equal(gaps{found: 3, missing: 3}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is asked for as what is left of its hole", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			operations := make([]letterOperation, 8)
			for i := range operations {
				operations[i] = b.sets(string(rune('a'+i)), "")
			}
			b.beats()
			b.tells(operations[0]) // from its beginning
			b.tells(operations[3]) // from its middle
			b.tells(operations[7]) // from its end
			b.tells(operations[2], operations[4])
			b.tells(operations[3]) // once more
			n.after(grace)
			Expect(n.requested()).To(Equal([]string{"Publish :b request [[2 2] [6 7]]"}))
			Expect(n.gaps()).To(Equal(gaps{found: 3, missing: 3}))
			b.tells(operations[1], operations[5], operations[6])
			Expect(n.gaps()).To(Equal(gaps{found: 3, healed: 3}))
			Expect(n.told(dsync.GapHealed)).To(Equal([]dsync.Event{{Kind: dsync.GapHealed, Node: "b", Count: 3}}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("heals the gap where it arrives after its grace, by whatever way", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			one, two := b.sets("1", ""), b.sets("2", "")
			b.beats()
			n.after(grace)
			b.tells(one)
			Expect(n.gaps()).To(Equal(gaps{found: 2, healed: 1, missing: 1}))
			b.whispers(two)
			Expect(n.gaps()).To(Equal(gaps{found: 2, healed: 2}))
			n.at(scriptBeat)
			Expect(n.gaps().cleared).To(BeZero())
			Expect(n.cache.held()).To(HaveLen(2))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is written off with all others where there are more than can be told apart", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			for range dsync.MaxHoles {
				b.loses(1)
				b.tells(b.sets("key", ""))
			}
			Expect(n.gaps()).To(BeZero(), "so many are told apart")
			c := n.port.peer("c", younger)
			c.beats()
			late := c.sets("late", "")
			n.after(time.Millisecond)
			b.loses(1)
			b.tells(b.sets("key", ""))
			Expect(n.requested()).To(BeEmpty())
			status := n.gaps()
			Expect(status.cleared).To(Equal(uint64(1)))
			Expect(status.found).To(Equal(status.healed))
			Expect(status.found).To(BeNumerically(">", dsync.MaxHoles))
			Expect(n.cache.held()).To(BeEmpty())
			c.tells(late)
			Expect(n.cache.held()).To(BeEmpty(), "it may be older than what was lost")
			b.tells(b.sets("key", "newer"))
			Expect(n.cache.held()).To(Equal(map[string]string{"key": "newer"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("costs no more than that while the cache must not be cleared again", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			for range 8 * dsync.MaxHoles {
				b.loses(1)
				b.tells(b.sets("key", ""))
			}
			Expect(n.gaps().cleared).To(Equal(uint64(1)))
			Expect(n.HolesOf("b")).To(BeNumerically("<=", dsync.MaxHoles))
			status := n.gaps()
			Expect(status.found).To(Equal(status.healed + status.missing))
			n.after(scriptBeat / 2)
			Expect(n.gaps().missing).To(BeZero())
			Expect(n.gaps().cleared).To(Equal(uint64(2)))
			Expect(n.finish()).To(Succeed())
		})
	})
})

var _ = Describe("A loss of which nothing else is known", Label("running"), func() {
	lose := func(n *scriptedNode) {
		n.port.deliver(dsync.DefaultChannel, nil, &coordination.MessagesLostError{})
		synctest.Wait()
	}

	It("is over as soon as the others have spoken", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, treatAsMiss)
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			b.tells(b.sets("key", "1"))
			c.beats()
			lose(n)
			Expect(n.Readable()).To(BeFalse())
			b.beats()
			Expect(n.Readable()).To(BeFalse())
			c.beats()
			Expect(n.Readable()).To(BeTrue())
			Expect(n.cache.held()).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("empties the cache where one of them never speaks again", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, treatAsMiss)
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			b.tells(b.sets("key", "1"))
			lose(n)
			for range 4 {
				Expect(n.cache.held()).To(HaveLen(1))
				c.beats()
				n.after(scriptBeat)
			}
			Expect(n.cache.held()).To(BeEmpty())
			Expect(n.gaps()).To(Equal(gaps{cleared: 1}))
			Expect(n.Readable()).To(BeTrue())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("refuses from then on what that one could have said before", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			b.beats()
			lose(n)
			old := c.sets("key", "old")
			n.after(4 * scriptBeat)
			c.tells(old)
			Expect(n.cache.held()).To(BeEmpty())
			c.tells(c.sets("key", "new"))
			Expect(n.cache.held()).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is not over with a node that is met whose clock is behind", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, treatAsMiss)
			b := n.port.peer("b", younger)
			b.skew = time.Second
			b.beats()
			b.skew = -2 * time.Second
			b.beats() // as if it had been sent before, and came later
			lose(n)
			c := n.port.peer("c", older)
			c.beats()
			Expect(n.Readable()).To(BeFalse())
			d := n.port.peer("d", older)
			d.skew = 2 * time.Second
			d.beats()
			Expect(n.Readable()).To(BeTrue(), "nothing that was lost can be newer")
			Expect(n.finish()).To(Succeed())
		})
	})

	It("does not concern those who have left, or were gone before", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, treatAsMiss)
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			b.tells(b.sets("key", "1"))
			b.beats(leaving)
			c.beats()
			n.after(5 * scriptBeat)
			lose(n)
			Expect(n.Readable()).To(BeTrue())
			n.after(5 * scriptBeat)
			Expect(n.cache.held()).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("concerns those who fell silent together with the subscription", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.tells(b.sets("key", "1"))
			n.port.isDeaf(true)
			n.at(5 * scriptBeat)
			Expect(n.Status().Resubscribed).To(Equal(uint64(2)))
			Expect(n.cache.held()).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})
})
