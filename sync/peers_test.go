package sync_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

// origins limits how many nodes' numbers are followed.
func origins(limit int) setting {
	return func(_ *dsync.Config, options *dsync.Options) { options.Limits.Origins = limit }
}

var _ = Describe("Meeting a node", Label("running"), func() {
	It("that is older empties the cache, and refuses from then on what is older than that", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c := n.port.peer("b", older), n.port.peer("c", younger)
			c.tells(c.sets("key", "1"))
			late := c.sets("late", "1")
			n.cache.took()
			n.after(time.Millisecond)
			b.loses(41)
			b.beats()
			Expect(n.cache.took()).To(Equal([]string{"Clear"}))
			Expect(n.told(dsync.CacheCleared)).To(HaveLen(1))
			c.tells(late)
			Expect(n.cache.held()).To(BeEmpty())
			c.tells(c.sets("key", "2"))
			Expect(n.cache.held()).To(Equal(map[string]string{"key": "2"}))
			n.at(scriptBeat)
			Expect(n.requested()).To(BeEmpty(), "what it said before is not asked for")
			Expect(n.gaps()).To(Equal(gaps{cleared: 1}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that is older by an operation of its leaves that operation out, too", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", older)
			b.tells(b.sets("key", "1"))
			Expect(n.cache.took()).To(Equal([]string{"Clear"}))
			b.tells(b.sets("key", "2"))
			Expect(n.cache.held()).To(Equal(map[string]string{"key": "2"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that is older settles what was missed of others, with the same clearing", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.loses(2)
			b.beats()
			n.after(grace)
			n.port.peer("c", older).beats()
			Expect(n.gaps()).To(Equal(gaps{found: 2, healed: 2, cleared: 1}))
			n.at(scriptBeat)
			Expect(n.requested()).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that is older does not empty what was emptied since its clock stood there", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			Expect(n.Clear(ctx)).To(Succeed())
			Expect(n.Set(ctx, "key", nil, 0)).To(Succeed())
			b := n.port.peer("b", older)
			b.skew = -time.Second
			b.beats()
			Expect(n.cache.held()).To(HaveKey("key"))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that is older a second time changes nothing", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", older)
			b.beats()
			b.tells(b.sets("key", "1"))
			b.beats()
			Expect(n.cache.took()).To(Equal([]string{"Clear", "Set key=1 0s"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that is younger keeps the cache, and asks for what it said from number 1 on", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			Expect(n.Set(ctx, "own", nil, 0)).To(Succeed())
			b := n.port.peer("b", younger)
			b.loses(41)
			b.beats()
			n.after(grace)
			Expect(n.requested()).To(Equal([]string{"Publish :b request [[1 41]]"}))
			Expect(n.cache.held()).To(HaveKey("own"))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("by another's word is as good as by its own", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c, d := n.port.peer("b", older), n.port.peer("c", younger), n.port.peer("d", younger)
			d.beats()
			Expect(n.Set(ctx, "own", nil, 0)).To(Succeed())
			b.loses(41)
			c.loses(2)
			d.beats(seeing(b))
			Expect(n.cache.held()).To(BeEmpty())
			d.beats(seeing(c))
			n.after(grace)
			Expect(n.requested()).To(Equal([]string{"Publish :c request [[1 2]]"}))
			Expect(n.told(dsync.NodeJoined)).To(HaveExactElements(HaveField("Node", "d")), "who is only mentioned has not joined")
			b.loses(1)
			b.tells(b.sets("43", ""))
			Expect(n.told(dsync.NodeJoined)).To(HaveLen(2))
			n.after(grace)
			Expect(n.requested()).To(ContainElement("Publish :b request [[42 42]]"))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is not done by the word of one who knows this one", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.peer("b", younger).beats(seeing(n.port.peer("self", n.epoch())))
			Expect(n.told(dsync.NodeJoined)).To(Equal([]dsync.Event{{Kind: dsync.NodeJoined, Node: "b"}}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("again after a restart is to meet another one", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.tells(b.sets("1", ""))
			b = n.port.peer("b", younger+1)
			b.tells(b.sets("1", "again"))
			Expect(n.cache.held()).To(Equal(map[string]string{"1": "again"}))
			n.at(4 * scriptBeat)
			Expect(n.told(dsync.NodeJoined)).To(HaveLen(2))
			Expect(n.requested()).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("keeps the cache with FallbackIgnore", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, func(_ *dsync.Config, options *dsync.Options) {
				options.Recovery.Fallback = dsync.FallbackIgnore
			})
			Expect(n.Set(ctx, "own", nil, 0)).To(Succeed())
			n.port.peer("b", older).beats()
			Expect(n.cache.held()).To(HaveKey("own"))
			Expect(n.gaps()).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("empties the cache with FallbackReload, and reloads nothing", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, reloading(func(context.Context) error { panic("is not to be called") }))
			n.port.peer("b", older).beats()
			Expect(n.cache.took()).To(Equal([]string{"Clear"}))
			Expect(n.finish()).To(Succeed())
		})
	})
})

var _ = Describe("A node that falls silent", Label("running"), func() {
	suspected := func(d time.Duration) dsync.Event {
		return dsync.Event{Kind: dsync.NodeSuspected, Node: "b", Duration: d}
	}

	It("is suspected once, within an interval after three", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.beats()
			n.at(3 * scriptBeat)
			Expect(n.Status().ActiveNodes).To(Equal([]string{"b", "self"}))
			Expect(n.told(dsync.NodeSuspected)).To(BeEmpty())
			n.at(10 * scriptBeat)
			Expect(n.Status().ActiveNodes).To(Equal([]string{"self"}))
			Expect(n.told(dsync.NodeSuspected)).To(Equal([]dsync.Event{suspected(4 * scriptBeat)}))
			b.beats()
			n.at(20 * scriptBeat)
			Expect(n.told(dsync.NodeSuspected)).To(HaveLen(2))
			Expect(n.told(dsync.NodeJoined)).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is not suspected where it has said that it ends", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.beats()
			b.beats(leaving)
			b.beats(leaving)
			Expect(n.Status().ActiveNodes).To(Equal([]string{"self"}))
			n.at(10 * scriptBeat)
			Expect(n.told(dsync.NodeSuspected)).To(BeEmpty())
			Expect(n.told(dsync.NodeLeft)).To(Equal([]dsync.Event{{Kind: dsync.NodeLeft, Node: "b"}}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is not suspected where others alone have heard it", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c := n.port.peer("b", older), n.port.peer("c", younger)
			for range 6 {
				c.beats(seeing(b))
				n.after(scriptBeat)
			}
			Expect(n.told(dsync.NodeSuspected)).To(BeEmpty())
			Expect(n.Status().SuspectNodes).To(BeEmpty())
			Expect(n.Status().KnownNodes).To(Equal([]string{"b", "c", "self"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is forgotten after sixty intervals, once another one is met", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c := n.port.peer("b", older), n.port.peer("c", older)
			b.beats()
			n.at(30 * scriptBeat)
			c.beats(seeing(b))
			n.at(90 * scriptBeat)
			n.port.peer("d", older).beats()
			Expect(n.Status().KnownNodes).To(Equal([]string{"b", "c", "d", "self"}))
			n.at(91 * scriptBeat)
			n.port.peer("e", older).beats()
			Expect(n.Status().KnownNodes).To(Equal([]string{"d", "e", "self"}))
			n.cache.took()
			b.beats()
			Expect(n.cache.took()).To(Equal([]string{"Clear"}), "it is a stranger now")
			Expect(n.finish()).To(Succeed())
		})
	})
})

var _ = Describe("A limit of the nodes that are followed", Label("running"), func() {
	It("has the one forgotten that was silent for the longest", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, origins(3))
			for i := range 5 {
				n.port.peer(fmt.Sprint("n", i), younger).beats()
				n.after(time.Millisecond)
			}
			Expect(n.Status().KnownNodes).To(Equal([]string{"n2", "n3", "n4", "self"}))
			Expect(n.Status().CacheClears).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("has the cache emptied where that one was missed something of", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, origins(1))
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			b.tells(b.sets("key", "1"))
			b.loses(1)
			b.beats()
			n.after(grace)
			Expect(n.gaps()).To(Equal(gaps{found: 1, missing: 1}))
			c.beats()
			Expect(n.cache.held()).To(BeEmpty())
			Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1, cleared: 1}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("has the cache emptied where that one was to be asked", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, origins(1))
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			b.tells(b.sets("key", "1"))
			b.loses(1)
			b.beats()
			c.beats()
			Expect(n.cache.held()).To(BeEmpty())
			Expect(n.gaps()).To(Equal(gaps{cleared: 1}))
			Expect(n.finish()).To(Succeed())
		})
	})
})
