package sync_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// lastBeat is the newest heartbeat that the node published.
func lastBeat(n *scriptedNode) letter {
	GinkgoHelper()
	beats := n.port.letters(isHeartbeat)
	Expect(beats).NotTo(BeEmpty())
	return beats[len(beats)-1]
}

var _ = Describe("A heartbeat", Label("running"), func() {
	It("carries the number of the node's last operation", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			Expect(n.Set(ctx, "a", nil, 0)).To(Succeed())
			Expect(n.Delete(ctx, "b")).To(Succeed())
			n.at(scriptBeat)
			Expect(lastBeat(n).Seq).To(Equal(uint64(2)))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("counts an operation that could not be sent", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.fails(coordination.ErrUnavailable, "Publish")
			Expect(n.Set(ctx, "a", nil, 0)).To(MatchError(coordination.ErrUnavailable))
			n.port.fails(nil, "Publish")
			n.at(scriptBeat)
			Expect(lastBeat(n).Seq).To(Equal(uint64(1)))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("carries a clock that is newer than everything the node has done and heard of", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.skew = time.Hour
			told := b.sets("key", "value")
			b.tells(told)
			n.at(scriptBeat)
			Expect(lastBeat(n).Clock).To(BeNumerically(">=", told.Stamp))
			Expect(lastBeat(n).ClockLogical).To(BeNumerically(">", told.Logical))
			b.skew = 2 * time.Hour
			b.beats()
			n.at(2 * scriptBeat)
			Expect(lastBeat(n).Clock).To(BeNumerically(">=", time.Now().Add(b.skew-scriptBeat).UnixMicro()))
			Expect(lastBeat(n).Timestamp).To(BeTemporally("==", time.Now()), "the wall clock is not that of others")
			Expect(n.finish()).To(Succeed())
		})
	})

	It("mentions how far the numbers of others go that the node has heard", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c := n.port.peer("b", younger), n.port.peer("c", older)
			b.tells(b.sets("key", "value"))
			c.loses(41)
			c.beats()
			n.at(scriptBeat)
			Expect(lastBeat(n).Seen).To(ConsistOf(letterMention{"b", younger, 1}, letterMention{"c", older, 41}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("carries the term while the node leads, and none after", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, candidate(nil))
			Expect(lastBeat(n).Term).To(BeZero())
			n.port.elects(7)
			n.at(3 * scriptBeat)
			Expect(lastBeat(n).Term).To(Equal(uint64(7)))
			n.port.elects(0)
			n.at(5 * scriptBeat)
			Expect(lastBeat(n).Term).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is sent at once when another node is met, and that once", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.at(scriptBeat / 2)
			n.port.took()
			b := n.port.peer("b", younger)
			b.beats()
			Expect(n.port.took()).To(Equal([]string{"Publish heartbeat 2 last 0"}))
			b.beats()
			Expect(n.port.took()).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is sent at once when the user notifies of one", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.took()
			Expect(n.NotifyOperation(ctx, dsync.Operation{Type: dsync.Heartbeat})).To(Succeed())
			Expect(n.port.took()).To(Equal([]string{"Publish heartbeat 2 last 0"}))
			n.port.fails(coordination.ErrUnavailable, "Publish")
			Expect(n.NotifyOperation(ctx, dsync.Operation{Type: dsync.Heartbeat})).To(MatchError(coordination.ErrUnavailable))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that fails is told and counted, and the next one sent all the same", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.fails(coordination.ErrUnavailable, "Publish")
			n.at(2 * scriptBeat)
			Expect(n.Status().PublishFailures).To(Equal(uint64(2)))
			Expect(n.told(dsync.PublishFailed)).To(HaveExactElements(
				dsync.Event{Kind: dsync.PublishFailed, Err: coordination.ErrUnavailable},
				dsync.Event{Kind: dsync.PublishFailed, Err: coordination.ErrUnavailable}))
			n.port.fails(nil, "Publish")
			n.at(3 * scriptBeat)
			Expect(lastBeat(n).Beat).To(Equal(uint64(2)), "the others have missed nothing")
			Expect(n.Status().PublishFailures).To(Equal(uint64(2)))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that hangs is given up after an interval", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.hangs("Publish")
			n.at(2*scriptBeat + scriptBeat/2)
			Expect(n.told(dsync.PublishFailed)).To(Equal([]dsync.Event{
				{Kind: dsync.PublishFailed, Err: context.DeadlineExceeded}}))
			n.port.on("Publish", nil)
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that fails at the end is told as well", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.fails(coordination.ErrUnavailable, "Publish", "DeregisterNode")
			Expect(n.finish()).To(Succeed())
			Expect(n.told(dsync.PublishFailed, dsync.MembershipFailed)).To(Equal([]dsync.Event{
				{Kind: dsync.PublishFailed, Err: coordination.ErrUnavailable},
				{Kind: dsync.MembershipFailed, Err: coordination.ErrUnavailable}}))
		})
	})

	It("says no number where the simulation has it silent", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			n.SayNoNumbers()
			n.runs(ctx)
			b := n.port.peer("b", younger)
			b.tells(b.sets("key", "value"))
			Expect(n.Set(ctx, "a", nil, 0)).To(Succeed())
			n.at(scriptBeat)
			Expect(lastBeat(n).Seq).To(BeZero())
			Expect(lastBeat(n).Seen).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})
})

var _ = Describe("The membership of a node", Label("running"), func() {
	ttl := "Heartbeat self 3s"

	It("is kept for three intervals at a time", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.at(2 * scriptBeat)
			calls := n.port.called("RegisterNode", "Heartbeat")
			Expect(textsOf(calls)).To(Equal([]string{"RegisterNode self metadata", ttl, ttl, ttl}))
			Expect(calls[3].at).To(Equal(2 * scriptBeat))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("begins anew where the backend has forgotten it", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.took()
			n.port.on("Heartbeat", func(context.Context) error {
				n.port.on("Heartbeat", nil)
				return coordination.ErrNotRegistered
			})
			n.at(scriptBeat)
			Expect(textsOf(n.port.called("RegisterNode", "Heartbeat"))).To(Equal([]string{
				ttl, "RegisterNode self metadata", ttl}))
			Expect(n.told(dsync.MembershipFailed)).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})

	DescribeTable("that fails is told, and tried for again with the next interval",
		func(method string, then ...string) {
			virtually(func(ctx context.Context) {
				n := newScriptedNode(newScriptedPort())
				n.port.fails(coordination.ErrUnavailable, method)
				n.runs(ctx)
				Expect(n.told(dsync.MembershipFailed)).To(Equal([]dsync.Event{
					{Kind: dsync.MembershipFailed, Err: coordination.ErrUnavailable}}))
				n.port.fails(nil, method)
				n.port.took()
				n.at(2 * scriptBeat)
				Expect(textsOf(n.port.called("RegisterNode", "Heartbeat"))).To(Equal(then))
				Expect(n.told(dsync.MembershipFailed)).To(HaveLen(1))
				Expect(n.finish()).To(Succeed())
			})
		},
		Entry("to register", "RegisterNode", "RegisterNode self metadata", ttl, ttl),
		Entry("to be kept", "Heartbeat", "RegisterNode self metadata", ttl, ttl),
	)

	It("is given up after an interval where the port hangs", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			n.port.hangs("RegisterNode")
			n.runs(ctx)
			n.at(scriptBeat)
			Expect(n.told(dsync.MembershipFailed)).To(Equal([]dsync.Event{
				{Kind: dsync.MembershipFailed, Err: context.DeadlineExceeded}}))
			Expect(n.finish()).To(Succeed())
			Expect(n.told(dsync.MembershipFailed)).To(HaveLen(1), "that it was given up at the end is no failure")
		})
	})
})
