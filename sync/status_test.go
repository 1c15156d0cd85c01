package sync_test

import (
	"context"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("Status", Label("running"), func() {
	It("of a node that has not begun tells its settings and nothing else", func() {
		virtually(func(context.Context) {
			n := newScriptedNode(newScriptedPort(), func(config *dsync.Config, _ *dsync.Options) {
				config.ClusterNodes = []string{"d", "b", "self", "b"}
			})
			Expect(n.Status()).To(Equal(dsync.ClusterStatus{
				NodeID: "self", KnownNodes: []string{"b", "d", "self"}, ActiveNodes: []string{"self"},
			}))
			Expect(n.port.took()).To(BeEmpty())
		})
	})

	It("returns lists that belong to the caller, and keeps the caller's own", func() {
		virtually(func(ctx context.Context) {
			nodes := []string{"b", "c", "beyond"}
			n := perform(ctx, func(config *dsync.Config, _ *dsync.Options) { config.ClusterNodes = nodes[:2] })
			status := n.Status()
			Expect(nodes).To(Equal([]string{"b", "c", "beyond"}))
			clear(status.KnownNodes)
			clear(status.ActiveNodes)
			Expect(n.Status().KnownNodes).To(Equal([]string{"b", "c", "self"}))
			Expect(n.Status().ActiveNodes).To(Equal([]string{"self"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("tells who is there, who has left, and who fell silent", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c, d := n.port.peer("b", younger), n.port.peer("c", younger), n.port.peer("d", younger)
			for _, peer := range []*scriptedPeer{d, c, b} {
				peer.beats()
			}
			Expect(n.Status().ActiveNodes).To(Equal([]string{"b", "c", "d", "self"}))
			Expect(n.Status().SuspectNodes).To(BeEmpty())
			c.beats(leaving)
			Expect(n.Status().ActiveNodes).To(Equal([]string{"b", "d", "self"}))
			n.at(2 * scriptBeat)
			d.beats()
			n.at(5 * scriptBeat)
			status := n.Status()
			Expect(status.ActiveNodes).To(Equal([]string{"d", "self"}))
			Expect(status.SuspectNodes).To(Equal([]string{"b"}))
			Expect(status.KnownNodes).To(Equal([]string{"b", "c", "d", "self"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("does not suspect a node for an incarnation that it has survived", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.peer("b", younger).beats()
			n.at(3 * scriptBeat)
			again := n.port.peer("b", younger+1)
			again.beats()
			n.at(5 * scriptBeat)
			Expect(n.told(dsync.NodeSuspected)).To(HaveLen(1))
			Expect(n.Status().SuspectNodes).To(BeEmpty())
			Expect(n.Status().ActiveNodes).To(Equal([]string{"b", "self"}))
			again.beats(leaving)
			Expect(n.Status().SuspectNodes).To(BeEmpty())
			Expect(n.Status().ActiveNodes).To(Equal([]string{"self"}))
			n.port.peer("b", younger+2).beats()
			n.after(5 * scriptBeat)
			Expect(n.Status().SuspectNodes).To(Equal([]string{"b"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("tells the leader with the highest term of those who say that they lead and are there", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			leads := func(term uint64) func(*letter) { return func(l *letter) { l.Term = term } }
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			c.beats()
			b.beats(leads(7))
			expect := func(node string, term uint64) {
				GinkgoHelper()
				for range 30 { // in whatever order it looks at them
					status := n.Status()
					Expect(status.Leader).To(Equal(node))
					Expect(status.Term).To(Equal(term))
					Expect(status.Leading).To(BeFalse())
				}
			}
			expect("b", 7)
			c.beats(leads(8))
			expect("c", 8)
			c.beats(leads(0))
			expect("b", 7)
			b.beats(leads(7), leaving)
			expect("", 0)
			c.beats(leads(9))
			n.at(4 * scriptBeat)
			expect("", 0)
			Expect(n.finish()).To(Succeed())
		})
	})

	It("tells that the node itself leads", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort(), candidate(nil))
			n.port.elects(7)
			n.runs(ctx)
			status := n.Status()
			Expect(status.Leader).To(Equal("self"))
			Expect(status.Term).To(Equal(uint64(7)))
			Expect(status.Leading).To(BeTrue())
			Expect(n.IsLeader()).To(BeTrue())
			Expect(n.finish()).To(Succeed())
			Expect(n.IsLeader()).To(BeFalse())
			Expect(n.Status().Leader).To(BeEmpty())
		})
	})

	It("counts what was published, applied and rejected, and what waits", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			old := b.sets("key", "old")
			n.after(time.Millisecond)
			Expect(n.Set(ctx, "key", []byte("value"), 0)).To(Succeed())
			b.tells(old, b.sets("other", "value"))
			n.port.hangs("Publish")
			go func() { _ = n.Delete(ctx, "key") }()
			synctest.Wait()
			status := n.Status()
			Expect(status.Published).To(Equal(uint64(1)))
			Expect(status.Applied).To(Equal(uint64(1)))
			Expect(status.Rejected).To(Equal(uint64(1)))
			Expect(status.Pending).To(Equal(1))
			Expect(status.HistoryOperations).To(Equal(2))
			Expect(status.HistoryBytes).To(BeNumerically("~", 2*256, 20))
			n.port.on("Publish", nil)
			n.port.fails(context.DeadlineExceeded, "Publish")
			Expect(n.finish()).To(Succeed())
		})
	})

	It("counts operations that could not be sent as a message", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.fails(context.DeadlineExceeded, "Publish")
			Expect(n.Delete(ctx, "key")).NotTo(Succeed())
			synctest.Wait()
			Expect(n.Status().PublishFailures).To(Equal(uint64(1)))
			Expect(n.told(dsync.PublishFailed)).To(Equal([]dsync.Event{
				{Kind: dsync.PublishFailed, Count: 1, Err: context.DeadlineExceeded}}))
			Expect(n.Status().Published).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("does not wait for a port or a cache that hangs", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			misbehaviour{call: block}.at("", n.cache)
			n.port.hangs("Publish")
			b := n.port.peer("b", younger)
			b.tells(b.sets("key", "value"))
			began := time.Now()
			Expect(n.Status().ActiveNodes).To(Equal([]string{"b", "self"}))
			Expect(time.Since(began)).To(BeZero())
			n.port.on("Publish", nil)
			Expect(n.finish()).To(Succeed())
		})
	})

	Context("of clocks", func() {
		ahead := func(p *scriptedPeer, by time.Duration) *scriptedPeer {
			p.skew = by
			return p
		}

		It("tells by how much the node is ahead of the middle one, and that this is too much", func() {
			virtually(func(ctx context.Context) {
				n := perform(ctx)
				b, c := ahead(n.port.peer("b", younger), -time.Hour), ahead(n.port.peer("c", younger), -2*time.Hour)
				b.beats()
				c.beats()
				Expect(n.Status().ClockOffset).To(Equal(time.Hour))
				Expect(n.Status().ClockOff).To(BeTrue())
				n.at(scriptBeat)
				Expect(n.told(dsync.ClockOff)).NotTo(BeEmpty())
				Expect(n.finish()).To(Succeed())
			})
		})

		It("lets one other that is wrong be wrong", func() {
			virtually(func(ctx context.Context) {
				n := perform(ctx)
				n.port.peer("b", younger).beats()
				ahead(n.port.peer("c", younger), time.Hour).beats()
				Expect(n.Status().ClockOffset).To(BeZero())
				Expect(n.Status().ClockOff).To(BeFalse())
				n.at(scriptBeat)
				Expect(n.told(dsync.ClockOff)).To(BeEmpty())
				Expect(n.finish()).To(Succeed())
			})
		})

		It("takes half of the way to the only other one", func() {
			virtually(func(ctx context.Context) {
				n := perform(ctx)
				ahead(n.port.peer("b", younger), time.Second).beats()
				Expect(n.Status().ClockOffset).To(Equal(-time.Second / 2))
				Expect(n.Status().ClockOff).To(BeFalse(), "half a second is not more than half a second")
				Expect(n.finish()).To(Succeed())
			})
		})

		It("says once that it is off, until it was not", func() {
			virtually(func(ctx context.Context) {
				n := perform(ctx)
				b := n.port.peer("b", younger)
				for _, skew := range []time.Duration{3 * time.Second, 3 * time.Second, 0, 3 * time.Second} {
					ahead(b, skew).beats()
					n.after(scriptBeat)
				}
				off := dsync.Event{Kind: dsync.ClockOff, Duration: -1500 * time.Millisecond}
				Expect(n.told(dsync.ClockOff)).To(Equal([]dsync.Event{off, off}))
				Expect(n.finish()).To(Succeed())
			})
		})

		It("leaves out who is not there any more, or does not say the time", func() {
			virtually(func(ctx context.Context) {
				n := perform(ctx)
				ahead(n.port.peer("b", younger), time.Hour).beats(leaving)
				ahead(n.port.peer("c", younger), time.Hour).beats(func(l *letter) { l.Timestamp = time.Time{} })
				Expect(n.Status().ClockOffset).To(BeZero())
				Expect(n.finish()).To(Succeed())
			})
		})
	})

	It("tells of another node with the same name once it has heard it twice", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			other := n.port.peer("self", younger)
			other.beats()
			Expect(n.Status().DuplicateNodeID).To(BeFalse(), "it may be this one's last word before it restarted")
			other.beats()
			other.beats()
			Expect(n.Status().DuplicateNodeID).To(BeTrue())
			Expect(n.told(dsync.DuplicateNode)).To(Equal([]dsync.Event{{Kind: dsync.DuplicateNode, Node: "self"}}))
			other.beats(leaving)
			Expect(n.Status().DuplicateNodeID).To(BeFalse())
			Expect(n.finish()).To(Succeed())
		})
	})
})
