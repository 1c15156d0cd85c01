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

// candidate has the node take part in the election, with a lease of 10 s for which
// it asks every 2 s.
func candidate(lead func(ctx context.Context, term uint64)) setting {
	return func(_ *dsync.Config, options *dsync.Options) { options.Election = dsync.ElectionOptions{Lead: lead} }
}

// everyMethod is what a running node calls on the port.
var everyMethod = []string{
	"Publish", "Subscribe", "RegisterNode", "Heartbeat", "DeregisterNode", "Leader", "TryAcquireLeadership", "ReleaseLeadership",
}

var _ = Describe("Run", Label("running"), func() {
	It("subscribes twice, registers, asks for the leadership, and speaks", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, candidate(nil))
			Expect(n.port.took()).To(ConsistOf(
				"Subscribe riptide:sync:operations", "Subscribe "+inboxOfSelf,
				"RegisterNode self metadata", "Heartbeat self 3s",
				"Leader", "TryAcquireLeadership self 10s",
				"Publish heartbeat 1 last 0",
			))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("makes two calls in a heartbeat interval in which nothing happens", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.at(scriptBeat / 2)
			n.port.took()
			n.at(scriptBeat + scriptBeat/2)
			Expect(n.port.took()).To(ConsistOf("Publish heartbeat 2 last 0", "Heartbeat self 3s"))
			n.at(2*scriptBeat + scriptBeat/2)
			Expect(n.port.took()).To(ConsistOf("Publish heartbeat 3 last 0", "Heartbeat self 3s"))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("touches the cache in no way by itself", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.at(time.Hour)
			Expect(n.finish()).To(Succeed())
			Expect(n.cache.took()).To(BeEmpty())
		})
	})

	It("says at once that it leads", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, candidate(nil), func(_ *dsync.Config, options *dsync.Options) {
				options.Election.Retry = 1300 * time.Millisecond
			})
			n.port.elects(7)
			n.at(1300*time.Millisecond - 1)
			Expect(lastBeat(n).Term).To(BeZero())
			n.at(1300 * time.Millisecond)
			Expect(lastBeat(n).Term).To(Equal(uint64(7)))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("ends in order: the work, the lease, the goodbye, the membership, the subscriptions", func() {
		virtually(func(ctx context.Context) {
			port := newScriptedPort()
			port.elects(7)
			n := newScriptedNode(port, candidate(func(ctx context.Context, term uint64) {
				<-ctx.Done()
				time.Sleep(time.Second)
				port.call(context.WithoutCancel(ctx), "Work of", term, "has ended")
			}))
			n.runs(ctx)
			n.at(time.Second / 2)
			port.took()
			Expect(n.finish()).To(Succeed())
			calls := port.took()
			// Meanwhile it goes on as before.
			Expect(calls[:2]).To(ConsistOf(HavePrefix("Publish heartbeat"), "Heartbeat self 3s"))
			Expect(calls[2:6]).To(HaveExactElements(
				"Work of 7 has ended",
				"ReleaseLeadership self",
				MatchRegexp("^Publish heartbeat [0-9]+ last 0 released leaving$"),
				"DeregisterNode self",
			))
			Expect(calls[6:]).To(ConsistOf("Close riptide:sync:operations", "Close "+inboxOfSelf))
		})
	})

	It("does not say that it released what it does not hold", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort(), candidate(nil))
			n.port.elects(7)
			n.port.fails(coordination.ErrUnavailable, "ReleaseLeadership")
			n.runs(ctx)
			Expect(n.finish()).To(Succeed())
			beats := n.port.letters(isHeartbeat)
			Expect(beats[len(beats)-1].Leaving).To(BeTrue())
			Expect(beats[len(beats)-1].Released).To(BeFalse())
		})
	})

	It("sends what waits to be sent before it says goodbye", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.hangs("Publish")
			sending, give := context.WithTimeout(ctx, time.Millisecond)
			defer give()
			Expect(n.Set(sending, "key", []byte("value"), 0)).To(MatchError(context.DeadlineExceeded))
			n.port.on("Publish", nil)
			n.port.took()
			Expect(n.finish()).To(Succeed())
			Expect(n.port.took()[:3]).To(Equal([]string{
				"Publish 1 Set key=value", "Publish heartbeat 2 last 1 leaving", "DeregisterNode self"}))
		})
	})

	It("shows no sign of life after its goodbye, however long that takes", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.at(scriptBeat * 9 / 10)
			n.port.on("DeregisterNode", func(context.Context) error {
				n.port.fails(coordination.ErrNotRegistered, "Heartbeat")
				time.Sleep(scriptBeat / 2)
				return nil
			})
			n.port.took()
			Expect(n.finish()).To(Succeed())
			Expect(n.port.took()).To(HaveExactElements(
				"Publish heartbeat 2 last 0 leaving", "DeregisterNode self",
				HavePrefix("Close "), HavePrefix("Close ")))
		})
	})

	It("has its last call as a member answered before it deregisters", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.at(scriptBeat / 2)
			n.port.on("Heartbeat", func(context.Context) error {
				time.Sleep(scriptBeat / 2) // whatever its context says
				return coordination.ErrNotRegistered
			})
			n.at(scriptBeat)
			n.port.took()
			Expect(n.finish()).To(Succeed())
			Expect(n.port.took()[:3]).To(HaveExactElements(
				"RegisterNode self metadata", HavePrefix("Publish heartbeat"), "DeregisterNode self"))
		})
	})

	It("ends within a heartbeat interval where the port hangs", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.at(scriptBeat / 2)
			for _, method := range everyMethod {
				n.port.hangs(method)
			}
			n.at(scriptBeat + scriptBeat/2) // there are calls on their way, of which nothing is told
			began := time.Now()
			Expect(n.finish()).To(Succeed())
			Expect(time.Since(began)).To(BeNumerically("<=", scriptBeat))
			Expect(n.told(dsync.PublishFailed, dsync.MembershipFailed)).To(HaveExactElements(
				dsync.Event{Kind: dsync.PublishFailed, Err: context.DeadlineExceeded},
				dsync.Event{Kind: dsync.MembershipFailed, Err: context.DeadlineExceeded}))
		})
	})

	It("leaves properly where its context was done before", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort(), candidate(nil))
			ended, end := context.WithCancel(ctx)
			end()
			Expect(n.Run(ended)).To(Succeed())
			calls := n.port.took()
			Expect(calls).To(ContainElement(MatchRegexp("^Publish heartbeat . last 0 leaving$")))
			Expect(calls).To(ContainElement("DeregisterNode self"))
			Expect(calls).NotTo(ContainElement(HavePrefix("TryAcquireLeadership")))
		})
	})

	It("speaks once both of its subscriptions are live, and not before", func() {
		virtually(func(ctx context.Context) {
			port := newScriptedPort()
			live := time.Now().Add(5 * time.Second)
			port.on("Subscribe", func(context.Context) error {
				calls := port.called("Subscribe")
				if calls[len(calls)-1].text == "Subscribe "+inboxOfSelf {
					time.Sleep(time.Until(live))
				}
				return nil
			})
			n := newScriptedNode(port)
			n.runs(ctx)
			n.at(5*time.Second - 1)
			Expect(port.called("Publish")).To(BeEmpty())
			n.at(5 * time.Second)
			Expect(port.called("Publish")).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("says goodbye also where it could not subscribe", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			n.port.fails(coordination.ErrUnavailable, "Subscribe")
			n.runs(ctx)
			n.at(10 * time.Second)
			Expect(n.port.called("Publish")).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
			Expect(textsOf(n.port.called("Publish", "DeregisterNode"))).To(Equal([]string{
				"Publish heartbeat 1 last 0 leaving", "DeregisterNode self"}))
		})
	})

	It("refuses a second call, also one after the end", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			Expect(n.Run(ctx)).To(MatchError(dsync.ErrRunning))
			Expect(n.finish()).To(Succeed())
			n.port.took()
			Expect(n.Run(ctx)).To(MatchError(dsync.ErrRunning))
			Expect(n.port.took()).To(BeEmpty())
		})
	})

	It("refuses a nil context, and can be called properly after that", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			var none context.Context
			Expect(n.Run(none)).To(MatchError(coordination.ErrInvalidArgument))
			Expect(n.port.took()).To(BeEmpty())
			n.runs(ctx)
			Expect(n.finish()).To(Succeed())
		})
	})

	DescribeTable("returns an error with which there is no going on, and says no goodbye",
		func(err error) {
			virtually(func(ctx context.Context) {
				n := newScriptedNode(newScriptedPort(), candidate(func(ctx context.Context, _ uint64) { <-ctx.Done() }))
				n.port.elects(7)
				n.runs(ctx)
				n.port.fails(err, everyMethod...)
				n.port.deliver(dsync.DefaultChannel, nil, err)
				n.at(time.Second)
				Expect(<-n.ended).To(SatisfyAll(MatchError(err), MatchError(HavePrefix("run: "))))
				Expect(n.port.called("DeregisterNode")).To(BeEmpty())
				Expect(n.Set(ctx, "key", nil, 0)).To(MatchError(coordination.ErrClosed))
			})
		},
		Entry("of a port that was closed", coordination.ErrClosed),
		Entry("of a port that refuses the name of a channel", coordination.ErrInvalidArgument),
	)

	It("goes on while every method of the port fails, and agrees afterwards", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, candidate(nil))
			b := n.port.peer("b", younger)
			b.tells(b.sets("heard", "1"), b.sets("lost", "1"))
			n.port.fails(coordination.ErrUnavailable, everyMethod...)
			for _, channel := range []string{dsync.DefaultChannel, inboxOfSelf} {
				n.port.deliver(channel, nil, coordination.ErrUnavailable)
			}
			missed := b.sets("lost", "2")
			n.at(2 * scriptBeat)
			Expect(n.Delete(ctx, "own")).To(MatchError(coordination.ErrUnavailable))
			n.port.fails(nil, everyMethod...)
			n.at(3 * scriptBeat) // by when it has subscribed again
			b.beats()
			n.after(100 * time.Millisecond)
			Expect(n.requested()).To(ContainElement("Publish :b request [[3 3]]"))
			b.whispers(missed)
			Expect(n.cache.held()).To(Equal(map[string]string{"heard": "1", "lost": "2"}))
			Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1}))
			beats := n.port.letters(isHeartbeat)
			Expect(beats[len(beats)-1].Seq).To(Equal(uint64(1)), "the others learn of what could not be sent")
			Expect(n.finish()).To(Succeed())
		})
	})

	It("has every method refused once it has ended", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			Expect(n.finish()).To(Succeed())
			n.port.took()
			remote := dsync.Operation{Type: dsync.Delete, Key: "key", Origin: "b"}
			for _, err := range []error{
				n.Set(ctx, "key", nil, 0),
				n.SetAt(ctx, n.Begin(), "key", nil, 0),
				n.Delete(ctx, "key"),
				n.InvalidatePattern(ctx, "*"),
				n.Clear(ctx),
				n.NotifyOperation(ctx, dsync.Operation{Type: dsync.Clear}),
				n.NotifyOperation(ctx, dsync.Operation{Type: dsync.Heartbeat}),
				n.ProcessOperation(ctx, remote),
			} {
				Expect(err).To(MatchError(coordination.ErrClosed))
			}
			Expect(n.IsLeader()).To(BeFalse())
			Expect(n.Readable()).To(BeTrue())
			Expect(n.port.took()).To(BeEmpty())
			Expect(n.cache.took()).To(BeEmpty())
		})
	})

	It("lets the methods work while the leader's work is still ending", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort(), candidate(func(ctx context.Context, _ uint64) {
				<-ctx.Done()
				time.Sleep(time.Second)
			}))
			n.port.elects(7)
			n.runs(ctx)
			n.stop()
			synctest.Wait()
			Expect(n.Delete(ctx, "key")).To(Succeed())
			Expect(<-n.ended).To(Succeed())
		})
	})
})
