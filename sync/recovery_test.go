package sync_test

import (
	"context"
	"errors"
	"fmt"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

// replayTimeout is how long an origin may take to tell again what was lost.
const replayTimeout = 250 * time.Millisecond

// missing runs a node that has "key" from b and then missed an operation of b's,
// until that counts as a gap.
func missing(ctx context.Context, settings ...setting) (*scriptedNode, *scriptedPeer) {
	n := perform(ctx, settings...)
	b := n.port.peer("b", younger)
	b.tells(b.sets("key", "1"))
	b.loses(1)
	b.beats()
	n.after(grace)
	return n, b
}

var _ = Describe("A gap", Label("running"), func() {
	It("is asked for three times within the time-out, and nothing else is said", func() {
		virtually(func(ctx context.Context) {
			n, _ := missing(ctx)
			n.at(grace + replayTimeout)
			requests := n.port.called("Publish")
			Expect(textsOf(requests)).To(Equal([]string{
				"Publish heartbeat 1 last 0", "Publish heartbeat 2 last 0",
				"Publish :b request [[2 2]]", "Publish :b request [[2 2]]", "Publish :b request [[2 2]]"}))
			Expect(requests[2].at).To(Equal(grace))
			Expect(requests[3].at).To(Equal(grace + replayTimeout/3))
			Expect(requests[4].at).To(Equal(grace + replayTimeout/3*2))
			Expect(requests[2].letter.Request.Epoch).To(Equal(younger))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that is answered is healed, without a call of the port", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			lost := b.sets("key", "1")
			b.beats()
			n.after(grace)
			n.port.took()
			b.whispers(lost)
			Expect(n.cache.held()).To(Equal(map[string]string{"key": "1"}))
			Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1}))
			Expect(n.told(dsync.GapFound, dsync.GapHealed)).To(Equal([]dsync.Event{
				{Kind: dsync.GapFound, Node: "b", Count: 1}, {Kind: dsync.GapHealed, Node: "b", Count: 1}}))
			n.after(replayTimeout)
			Expect(n.port.took()).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that nobody answers empties the cache in the last fifth of the time-out", func() {
		virtually(func(ctx context.Context) {
			n, _ := missing(ctx)
			n.at(grace + replayTimeout*4/5 - 1)
			Expect(n.cache.held()).To(HaveLen(1))
			n.at(grace + replayTimeout)
			Expect(n.cache.held()).To(BeEmpty())
			Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1, cleared: 1}))
			Expect(n.told(dsync.CacheCleared, dsync.GapHealed)).To(Equal([]dsync.Event{
				{Kind: dsync.CacheCleared}, {Kind: dsync.GapHealed, Node: "b", Count: 1}}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("empties the caches of no two nodes at one moment", func() {
		virtually(func(ctx context.Context) {
			moments := map[time.Duration]bool{}
			for i := range 8 {
				n, _ := missing(ctx, func(config *dsync.Config, _ *dsync.Options) {
					config.NodeID = fmt.Sprint("node", i)
				})
				for n.gaps().cleared == 0 {
					n.after(10 * time.Microsecond)
				}
				Expect(n.finish()).To(Succeed())
				moments[time.Since(n.port.start)] = true
			}
			Expect(moments).To(HaveLen(8))
		})
	})

	It("is waited for as long where the time-out is long", func() {
		virtually(func(ctx context.Context) {
			for i := range 8 {
				n, _ := missing(ctx, func(config *dsync.Config, options *dsync.Options) {
					config.NodeID, options.Recovery.Timeout = fmt.Sprint("node", i), time.Minute
				})
				n.after(48*time.Second - 1)
				Expect(n.gaps().cleared).To(BeZero())
				n.after(12 * time.Second)
				Expect(n.gaps().cleared).To(Equal(uint64(1)))
				Expect(n.finish()).To(Succeed())
			}
		})
	})

	It("refuses, once the cache was emptied, what is as old as what was lost", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.tells(b.sets("key", "1"))
			lost := b.sets("key", "2")
			b.beats()
			n.at(grace + replayTimeout)
			b.whispers(lost)
			Expect(n.cache.held()).To(BeEmpty())
			b.tells(b.sets("key", "3"))
			Expect(n.cache.held()).To(Equal(map[string]string{"key": "3"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("refuses what is older than it was found where operations come one by one, as they may be on leases", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			wall := time.Now().UnixMicro()
			comes := func(origin string, seq uint64, key string, stamp int64) {
				operation := dsync.Operation{Type: dsync.Set, Key: key, Value: []byte("v"), Origin: origin, Seq: seq, Stamp: dsync.Stamp{Wall: stamp}}
				if seq > 0 {
					operation.Epoch = younger
				}
				Expect(n.ProcessOperation(ctx, operation)).To(Succeed())
			}
			time.Sleep(time.Millisecond)
			comes("b", 1, "first", wall)
			comes("b", 3, "third", wall+1) // the second, a Delete of key at wall + 10, is lost
			n.after(grace + replayTimeout)
			Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1, cleared: 1}))
			comes("c", 0, "key", wall+5)
			Expect(n.cache.held()).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is asked for also where many are found while the port hangs", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			var asked []string
			n.port.hangs("Publish")
			for i := range 5 {
				name := fmt.Sprint("origin-", i)
				origin := n.port.peer(name, younger)
				origin.loses(1)
				origin.beats()
				if i == 0 {
					n.after(grace) // the first is being asked for when the others come
				}
				asked = append(asked, "Publish :"+name+" request [[1 1]]")
			}
			n.port.took()
			n.port.fails(nil, "Publish")
			n.after(grace + replayTimeout/3)
			Expect(n.port.took()).To(ContainElements(asked))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("empties the cache in time also where the port hangs", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b, c := n.port.peer("b", younger), n.port.peer("c", younger)
			n.port.hangs("Publish")
			b.tells(b.sets("key", "1"))
			for _, origin := range []*scriptedPeer{b, c} {
				origin.loses(1)
				origin.beats()
			}
			n.at(grace + replayTimeout)
			Expect(n.cache.held()).To(BeEmpty())
			Expect(n.gaps()).To(Equal(gaps{found: 2, healed: 2, cleared: 1}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("empties the cache at once where it is refused, a fifth of the time-out later at the most", func() {
		virtually(func(ctx context.Context) {
			n, b := missing(ctx)
			b.refuses([2]uint64{2, 2})
			n.at(grace + replayTimeout/5)
			Expect(n.cache.held()).To(BeEmpty())
			Expect(n.requested()).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is not given up for a refusal of something else", func() {
		virtually(func(ctx context.Context) {
			n, b := missing(ctx)
			b.refuses([2]uint64{1, 1}, [2]uint64{3, 4})
			n.port.peer("b", younger+1).refuses([2]uint64{2, 2})
			n.port.peer("c", younger).refuses([2]uint64{2, 2})
			unknown := b.letter()
			unknown.Refused = &letterReplay{older, [][2]uint64{{2, 2}}}
			b.sends(inboxOfSelf, unknown)
			n.at(grace + replayTimeout/2)
			Expect(n.cache.held()).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is not given up for a refusal that comes before it was asked for", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.tells(b.sets("key", "1"))
			b.loses(1)
			b.beats()
			b.refuses([2]uint64{2, 2})
			n.after(grace)
			Expect(n.requested()).To(HaveLen(1))
			Expect(n.cache.held()).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is settled together with all others that count as missed", func() {
		virtually(func(ctx context.Context) {
			n, b := missing(ctx)
			n.after(grace)
			c := n.port.peer("c", younger)
			c.loses(2)
			c.beats()
			n.after(grace)
			Expect(n.gaps()).To(Equal(gaps{found: 3, missing: 3}))
			b.refuses([2]uint64{2, 2})
			n.after(replayTimeout / 5)
			Expect(n.gaps()).To(Equal(gaps{found: 3, healed: 3, cleared: 1}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("counts as found where it is settled within its grace", func() {
		virtually(func(ctx context.Context) {
			n, b := missing(ctx)
			c := n.port.peer("c", younger)
			c.skew = -time.Second // what it has lost is older than what b has
			c.loses(2)
			c.beats()
			b.refuses([2]uint64{2, 2})
			n.after(replayTimeout / 5)
			Expect(n.told(dsync.GapFound)).To(ConsistOf(
				dsync.Event{Kind: dsync.GapFound, Node: "b", Count: 1},
				dsync.Event{Kind: dsync.GapFound, Node: "c", Count: 2}))
			Expect(n.gaps()).To(Equal(gaps{found: 3, healed: 3, cleared: 1}))
			n.after(scriptBeat)
			Expect(n.requested()).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("does not empty the cache more than twice in a heartbeat interval", func() {
		virtually(func(ctx context.Context) {
			n, b := missing(ctx)
			var cleared []time.Duration
			for last := uint64(0); time.Since(n.port.start) < 10*scriptBeat; n.after(10 * time.Millisecond) {
				if now := n.gaps().cleared; now > last {
					last, cleared = now, append(cleared, time.Since(n.port.start))
				}
				b.tells(b.sets("key", "1"))
				b.loses(1)
				b.beats()
				b.refuses([2]uint64{1, b.last})
			}
			Expect(len(cleared)).To(BeNumerically(">=", 18))
			for i := range cleared[1:] {
				Expect(cleared[i+1] - cleared[i]).To(BeNumerically(">=", scriptBeat/2))
			}
			Expect(n.finish()).To(Succeed())
		})
	})

	It("has readers miss from when it is found until it is healed, where that is asked for", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, treatAsMiss)
			b := n.port.peer("b", younger)
			lost := b.sets("key", "1")
			b.beats()
			n.after(grace - 1)
			Expect(n.Readable()).To(BeTrue())
			n.after(1)
			Expect(n.Readable()).To(BeFalse())
			b.whispers(lost)
			Expect(n.Readable()).To(BeTrue())
			b.loses(1)
			b.beats()
			n.after(grace)
			Expect(n.Readable()).To(BeFalse())
			n.after(replayTimeout)
			Expect(n.Readable()).To(BeTrue())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("lets readers read stale values by default", func() {
		virtually(func(ctx context.Context) {
			n, _ := missing(ctx)
			Expect(n.Status().Missing).To(Equal(uint64(1)))
			Expect(n.Readable()).To(BeTrue())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("does not hold up the end of Run, whoever holds the cache", func() {
		virtually(func(ctx context.Context) {
			n, b := missing(ctx)
			holding, release := context.WithCancel(ctx)
			n.cache.on(func(context.Context, string) error {
				<-holding.Done()
				return errors.New("interrupted")
			})
			go func() { _ = n.Delete(holding, "key") }()
			synctest.Wait()
			b.refuses([2]uint64{2, 2})
			n.after(replayTimeout)
			Expect(n.finish()).To(Succeed())
			release()
			Expect(n.gaps()).To(Equal(gaps{found: 1, missing: 1}))
		})
	})
})
