package sync_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("A node's own heartbeats", Label("running"), func() {
	subscriptions := []string{"Subscribe", "Close"}

	It("that come back show how long that takes", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			n.port.on("Publish", func(context.Context) error {
				time.Sleep(70 * time.Millisecond)
				return nil
			})
			n.runs(ctx)
			Expect(n.Status().Lag).To(BeZero())
			n.at(scriptBeat)
			Expect(n.Status().Lag).To(Equal(70 * time.Millisecond))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that do not come back for three intervals have both subscriptions replaced", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			n.port.isDeaf(true)
			n.runs(ctx)
			n.at(3*scriptBeat - 1)
			Expect(textsOf(n.port.called(subscriptions...))).To(HaveLen(2))
			n.at(3 * scriptBeat)
			Expect(textsOf(n.port.called(subscriptions...))[2:]).To(ConsistOf(
				"Close riptide:sync:operations", "Close "+inboxOfSelf,
				"Subscribe riptide:sync:operations", "Subscribe "+inboxOfSelf))
			Expect(n.told(dsync.Resubscribed, dsync.MessagesLost)).To(ConsistOf(
				dsync.Event{Kind: dsync.Resubscribed}, dsync.Event{Kind: dsync.Resubscribed},
				dsync.Event{Kind: dsync.MessagesLost}, dsync.Event{Kind: dsync.MessagesLost}))
			Expect(n.Status().Resubscribed).To(Equal(uint64(2)))
			Expect(n.Status().Losses).To(Equal(uint64(2)))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("are sent, and tell of a deaf subscription in time, also while callers wait that take longer than an interval", func() {
		virtually(func(ctx context.Context) {
			const publishing = 100 * time.Millisecond
			n, calls := newScriptedNode(newScriptedPort()), &callers{}
			n.port.on("Publish", func(context.Context) error {
				time.Sleep(publishing)
				return nil
			})
			n.port.isDeaf(true)
			n.runs(ctx)
			flood, stop := context.WithCancel(ctx)
			for i := range 1000 { // 16 messages, each 100 ms
				calls.call(func() error {
					for flood.Err() == nil {
						_ = n.Delete(flood, fmt.Sprint(i))
					}
					return nil
				})
			}
			n.at(20 * scriptBeat)
			Expect(len(n.port.letters(isHeartbeat))).To(BeNumerically(">=", 19))
			Expect(n.Status().PublishFailures).To(BeZero())
			Expect(n.Status().Resubscribed).To(BeNumerically(">=", 10), "two in each 3 to 4 intervals")
			stop()
			Expect(calls.end()).To(HaveEach(Succeed()))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that go on not to come back have them replaced every three intervals", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			n.port.isDeaf(true)
			n.runs(ctx)
			n.at(9 * scriptBeat)
			Expect(n.Status().Resubscribed).To(Equal(uint64(6)))
			n.port.isDeaf(false)
			n.at(20 * scriptBeat)
			Expect(n.Status().Resubscribed).To(Equal(uint64(6)))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("of which two are missed do not matter", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.at(scriptBeat / 2)
			for begin := time.Duration(0); begin < 12*scriptBeat; begin += 3 * scriptBeat {
				n.port.isDeaf(true)
				n.at(begin + 2*scriptBeat + scriptBeat/2)
				n.port.isDeaf(false)
				n.at(begin + 3*scriptBeat + scriptBeat/2)
			}
			Expect(n.Status().Resubscribed).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that come back late, one after another, show that the subscription hears", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			n.port.isDeaf(true)
			n.runs(ctx)
			self := n.port.peer("self", n.epoch())
			for range 10 { // each comes back after one and a half intervals
				n.after(scriptBeat + scriptBeat/2)
				self.beats()
			}
			Expect(n.Status().Resubscribed).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that could not be sent are not waited for", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			n.port.fails(coordination.ErrUnavailable, "Publish")
			n.runs(ctx)
			n.at(10 * scriptBeat)
			Expect(n.Status().Resubscribed).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that were sent before anything listened are not waited for", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			Expect(n.NotifyOperation(ctx, dsync.Operation{Type: dsync.Heartbeat})).To(Succeed())
			n.at(10 * scriptBeat)
			n.runs(ctx)
			n.at(12 * scriptBeat)
			Expect(n.Status().Resubscribed).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("are told from other own messages, in whatever form those come back", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			self := n.port.peer("self", n.epoch())
			self.tells(self.sets("key", "value"))
			self.requests(n.epoch(), [2]uint64{1, 1})
			Expect(n.cache.took()).To(BeEmpty())
			Expect(n.port.letters(isRefusal)).To(BeEmpty())
			Expect(n.Status().ActiveNodes).To(Equal([]string{"self"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("change nothing, nor do own operations that come back", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			Expect(n.Set(ctx, "key", []byte("value"), 0)).To(Succeed())
			n.at(scriptBeat)
			Expect(n.cache.took()).To(Equal([]string{"Set key=value 0s"}))
			Expect(n.told()).To(BeEmpty())
			status := n.Status()
			Expect(status.Applied).To(BeZero())
			Expect(status.ActiveNodes).To(Equal([]string{"self"}))
			Expect(n.finish()).To(Succeed())
		})
	})
})
