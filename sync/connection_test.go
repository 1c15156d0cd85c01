package sync_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("A node that is cut off", Label("running"), func() {
	// trusted is for how long after the last heartbeat that came back was sent.
	const trusted = scriptBeat + 3*scriptBeat

	It("is readable for an interval and MaxStaleness after the last heartbeat that came back, and no longer", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, treatAsMiss)
			n.at(scriptBeat / 2)
			n.port.isDeaf(true)
			n.at(trusted - 1)
			Expect(n.Readable()).To(BeTrue())
			Expect(n.Status().Connected).To(BeTrue())
			n.at(trusted)
			Expect(n.Readable()).To(BeFalse())
			Expect(n.Status().Connected).To(BeFalse())
			Expect(n.finish()).To(Succeed())
		})
	})

	DescribeTable("has the same bound, whatever the reason", func(cut func(*scriptedPort)) {
		virtually(func(ctx context.Context) {
			n := perform(ctx, treatAsMiss, func(_ *dsync.Config, options *dsync.Options) {
				options.Recovery.MaxStaleness = 10 * scriptBeat
			})
			n.at(scriptBeat / 2)
			cut(n.port)
			n.at(11*scriptBeat - 1)
			Expect(n.Readable()).To(BeTrue())
			n.at(11 * scriptBeat)
			Expect(n.Readable()).To(BeFalse())
			Expect(n.finish()).To(Succeed())
		})
	},
		Entry("when the backend refuses what it publishes", func(p *scriptedPort) { p.fails(coordination.ErrUnavailable, "Publish") }),
		Entry("when the backend does not answer", func(p *scriptedPort) { p.hangs("Publish") }),
	)

	It("takes no heartbeat that failed, and came back late, for a later one with the same number", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, treatAsMiss)
			n.at(scriptBeat / 2)
			n.port.fails(coordination.ErrUnavailable, "Publish")
			n.at(scriptBeat)
			beats := n.port.letters(isHeartbeat)
			failed := beats[len(beats)-1]
			n.port.isDeaf(true)
			n.port.fails(nil, "Publish")
			n.at(2 * scriptBeat)
			beats = n.port.letters(isHeartbeat)
			Expect(beats[len(beats)-1].Beat).To(Equal(failed.Beat))
			n.port.peer("self", n.epoch()).sends(dsync.DefaultChannel, failed)
			n.at(trusted - 1)
			Expect(n.Readable()).To(BeTrue())
			n.at(trusted + scriptBeat) // also if the failed one, sent after an interval, were to count
			Expect(n.Readable()).To(BeFalse())
			Expect(n.Status().Lag).To(BeNumerically(">=", 3*scriptBeat))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("stays readable with ServeStale, and says that it is cut off all the same", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.isDeaf(true)
			n.at(10 * scriptBeat)
			Expect(n.Readable()).To(BeTrue())
			Expect(n.Status().Connected).To(BeFalse())
			Expect(n.told(dsync.Disconnected)).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is not readable before its first heartbeat has come back", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort(), treatAsMiss)
			Expect(n.Readable()).To(BeFalse())
			n.port.on("Publish", func(context.Context) error {
				time.Sleep(70 * time.Millisecond)
				return nil
			})
			n.runs(ctx)
			n.at(70*time.Millisecond - 1)
			Expect(n.Readable()).To(BeFalse())
			Expect(n.Status().Connected).To(BeFalse())
			n.at(70 * time.Millisecond)
			Expect(n.Readable()).To(BeTrue())
			Expect(n.Status().Connected).To(BeTrue())
			Expect(n.told(dsync.Disconnected, dsync.Reconnected)).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("emits an event when it is cut off, with how long a heartbeat has been overdue, and one when it is back", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, treatAsMiss)
			n.at(scriptBeat / 2)
			n.port.isDeaf(true)
			n.at(trusted - 1)
			Expect(n.told(dsync.Disconnected)).To(BeEmpty())
			n.at(trusted)
			Expect(n.told(dsync.Disconnected)).To(Equal([]dsync.Event{{Kind: dsync.Disconnected, Duration: 3 * scriptBeat}}))
			n.at(20 * scriptBeat)
			n.port.isDeaf(false)
			Expect(n.told(dsync.Disconnected, dsync.Reconnected)).To(HaveLen(1))
			n.at(22 * scriptBeat)
			Expect(n.told(dsync.Reconnected)).To(HaveLen(1))
			Expect(n.Readable()).To(BeTrue())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("emits Disconnected when no heartbeat has ever come back", func() {
		virtually(func(ctx context.Context) {
			const trusted = 3*scriptBeat + scriptBeat/2
			n := newScriptedNode(newScriptedPort(), func(_ *dsync.Config, options *dsync.Options) {
				options.Recovery.MaxStaleness = trusted
			})
			n.port.isDeaf(true)
			n.runs(ctx)
			n.at(trusted - 1)
			Expect(n.told(dsync.Disconnected)).To(BeEmpty())
			n.at(trusted)
			Expect(n.told(dsync.Disconnected)).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is back only when it has heard from those who were there, or has written them off", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, treatAsMiss)
			b := n.port.peer("b", younger)
			b.beats()
			n.at(scriptBeat / 2)
			n.port.isDeaf(true)
			n.at(scriptBeat)
			n.port.isDeaf(false)
			b.beats() // so that it counts as there at the last proof
			n.port.isDeaf(true)
			n.at(6 * scriptBeat)
			Expect(n.Readable()).To(BeFalse())
			n.port.isDeaf(false)
			n.after(3 * scriptBeat) // the subscription is replaced once more, and caches are not cleared all the time
			Expect(n.Status().Connected).To(BeTrue())
			Expect(n.Readable()).To(BeTrue(), "b was silent for so long that the cache was cleared")
			Expect(n.Status().CacheClears).NotTo(BeZero())
			Expect(n.told(dsync.Reconnected)).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("knows at once when its process was suspended", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort(), treatAsMiss)
			beats := 0
			n.port.on("Publish", func(ctx context.Context) error {
				if beats++; beats > 1 { // as if no goroutine of the node ran any more
					<-ctx.Done()
				}
				return ctx.Err()
			})
			n.runs(ctx)
			n.at(trusted)
			Expect(n.Readable()).To(BeFalse())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("shows a lag that grows, and when it last received anything", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			start := n.port.start
			Expect(n.Status().LastHeard).To(Equal(start))
			n.at(scriptBeat / 2)
			n.port.isDeaf(true)
			for _, since := range []time.Duration{2 * scriptBeat, 5 * scriptBeat, 100 * scriptBeat} {
				n.at(since)
				Expect(n.Status().Lag).To(Equal(since - scriptBeat))
				Expect(n.Status().LastHeard).To(Equal(start))
			}
			n.port.isDeaf(false)
			n.after(2 * scriptBeat)
			Expect(n.Status().Lag).To(BeZero())
			Expect(n.Status().LastHeard).NotTo(Equal(start))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("takes no heartbeat of the future, or of long ago, for a proof", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort(), treatAsMiss)
			n.port.isDeaf(true)
			n.runs(ctx)
			self := n.port.peer("self", n.epoch())
			self.beats(func(l *letter) { l.Beat = 1000 })
			Expect(n.Readable()).To(BeFalse())
			n.at(100 * scriptBeat)
			self.beats(func(l *letter) { l.Beat = 1 })
			Expect(n.Readable()).To(BeFalse())
			Expect(n.finish()).To(Succeed())
		})
	})
})

func BenchmarkReadable(b *testing.B) {
	node, err := dsync.New(dsync.DefaultConfig("a"), memory.New(),
		&dsync.Options{Recovery: dsync.Recovery{Suspicion: dsync.TreatAsMiss}})
	if err != nil {
		b.Fatal(err)
	}
	node.Prove()
	b.ReportAllocs()
	for b.Loop() {
		node.Readable()
	}
}
