package sync_test

import (
	"context"
	"fmt"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("Events", Label("running"), func() {
	// observed has an observer of the spec's own.
	observed := func(observe func(dsync.Event)) setting {
		return func(_ *dsync.Config, options *dsync.Options) { options.Observe = observe }
	}

	// lose has the subscription tell of so many losses, each with its number.
	lose := func(n *scriptedNode, from, to int) {
		for i := from; i <= to; i++ {
			n.port.deliver(dsync.DefaultChannel, nil, &coordination.MessagesLostError{Count: i})
		}
		synctest.Wait()
	}

	It("come in their order, one at a time, with their time", func() {
		virtually(func(ctx context.Context) {
			var events []dsync.Event // no lock: it would be a race if two came at once
			n := perform(ctx, observed(func(event dsync.Event) {
				time.Sleep(time.Millisecond)
				events = append(events, event)
			}))
			began := time.Now()
			lose(n, 1, 200)
			n.at(scriptBeat)
			Expect(events).To(HaveLen(200))
			for i, event := range events {
				Expect(event.Count).To(Equal(uint64(i + 1)))
				Expect(event.Time).To(BeTemporally("==", began), "not when it was told, but when it happened")
			}
			Expect(n.finish()).To(Succeed())
		})
	})

	It("are dropped and counted where the observer is too slow, and block nothing", func() {
		virtually(func(ctx context.Context) {
			var counts []uint64
			goOn := make(chan struct{})
			n := perform(ctx, observed(func(event dsync.Event) {
				<-goOn
				counts = append(counts, event.Count)
			}))
			lose(n, 1, 1)
			lose(n, 2, 300)
			b := n.port.peer("b", younger)
			b.tells(b.sets("key", "value"))
			Expect(n.cache.held()).To(HaveLen(1))
			Expect(n.Status().EventsDropped).To(Equal(uint64(300 - 257 + 1)))
			close(goOn)
			n.at(scriptBeat)
			Expect(counts).To(HaveLen(257))
			Expect(counts[256]).To(Equal(uint64(257)))
			lose(n, 301, 301)
			Expect(counts).To(HaveLen(258))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("go on after an observer has panicked", func() {
		virtually(func(ctx context.Context) {
			calls := 0
			n := perform(ctx, observed(func(event dsync.Event) {
				calls++
				panic(fmt.Sprint("at ", event.Kind))
			}))
			lose(n, 1, 3)
			Expect(calls).To(Equal(3))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("are all told before Run returns", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort(), candidate(nil))
			n.port.elects(7)
			n.runs(ctx)
			n.port.fails(coordination.ErrUnavailable, "Publish", "DeregisterNode")
			Expect(n.finish()).To(Succeed())
			Expect(n.told()).To(Equal([]dsync.Event{
				{Kind: dsync.LeadershipAcquired, Node: "self", Term: 7},
				{Kind: dsync.LeadershipReleased, Node: "self", Term: 7},
				{Kind: dsync.PublishFailed, Err: coordination.ErrUnavailable},
				{Kind: dsync.MembershipFailed, Err: coordination.ErrUnavailable},
			}))
		})
	})

	It("are all told before Run returns to an observer that is slow", func() {
		virtually(func(ctx context.Context) {
			calls := 0
			n := perform(ctx, observed(func(dsync.Event) {
				time.Sleep(scriptBeat)
				calls++
			}))
			lose(n, 1, 100)
			Expect(n.finish()).To(Succeed())
			Expect(calls).To(Equal(100))
		})
	})

	It("from before Run wait for it", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			n.port.fails(coordination.ErrUnavailable, "Publish")
			Expect(n.Delete(ctx, "key")).NotTo(Succeed())
			synctest.Wait()
			Expect(n.told()).To(BeEmpty())
			n.port.fails(nil, "Publish")
			n.runs(ctx)
			Expect(n.told()).To(HaveExactElements(HaveField("Kind", dsync.PublishFailed)))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("need no observer", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, observed(nil))
			lose(n, 1, 200)
			lose(n, 201, 400)
			Expect(n.Status().EventsDropped).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})
})

var _ = DescribeTable("An event is told on a line:",
	func(line string, event dsync.Event) { Expect(fmt.Sprint(event)).To(Equal(line)) },
	func(line string, _ dsync.Event) string { return line },
	Entry(nil, "cache cleared", dsync.Event{Kind: dsync.CacheCleared, Time: time.Now()}),
	Entry(nil, `leadership acquired: node "a", term 3`, dsync.Event{Kind: dsync.LeadershipAcquired, Node: "a", Term: 3}),
	Entry(nil, `gap found: node "b\n", count 2`, dsync.Event{Kind: dsync.GapFound, Node: "b\n", Count: 2}),
	Entry(nil, "clock off: -1.2s", dsync.Event{Kind: dsync.ClockOff, Duration: -1200 * time.Millisecond}),
	Entry(nil, "publish failed: count 7, the port is ill", dsync.Event{Kind: dsync.PublishFailed, Count: 7, Err: errPort}),
)
