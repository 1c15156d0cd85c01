package sync_test

import (
	"context"
	"runtime"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// aborting ends the goroutine that calls TryAcquireLeadership after the first call,
// as a mock does that fails a test.
type aborting struct {
	coordination.Leadership
	calls int
}

func (p *aborting) TryAcquireLeadership(ctx context.Context, node string, ttl time.Duration) (uint64, bool, error) {
	if p.calls++; p.calls > 1 {
		runtime.Goexit()
	}
	return p.Leadership.TryAcquireLeadership(ctx, node, ttl)
}

var _ = Describe("An election on a handle that was used before", func() {
	It("releases the lease that an earlier election left, and leads in a greater term", func() {
		virtually(func(ctx context.Context) {
			handle := memory.New()
			left, _, err := handle.TryAcquireLeadership(ctx, "node", time.Minute)
			Expect(err).NotTo(HaveOccurred())
			terms := make(chan uint64, 1)
			ctx, stop := context.WithCancel(ctx)
			defer stop()
			election, err := dsync.NewLeaderElection("node", trialLease, handle, &dsync.ElectionOptions{
				Lead: func(_ context.Context, term uint64) { terms <- term; stop() },
			}, nil)
			Expect(err).NotTo(HaveOccurred())
			Expect(election.Run(ctx)).To(Succeed())
			Expect(<-terms).To(BeNumerically(">", left))
		})
	})

	It("does not ask for the lease before it knows who holds it", func() {
		virtually(func(ctx context.Context) {
			t := newTrial(nil, taken)
			t.blind, t.leader = 1, coordination.Leader{NodeID: "other", Term: 7}
			t.campaigns(ctx).endsAt(trialRetry + instant)
			Expect(t.calls.all()).To(HaveExactElements("200ms acquire"))
			Expect(t.events.all()).To(HaveLen(1))
		})
	})
})

var _ = Describe("An election of which a goroutine is ended by runtime.Goexit", func() {
	It("returns an error when the work is ended, and frees the lease", func() {
		virtually(func(ctx context.Context) {
			handle := memory.New()
			election, err := dsync.NewLeaderElection("node", trialLease, handle, &dsync.ElectionOptions{
				Lead: func(context.Context, uint64) { runtime.Goexit() },
			}, nil)
			Expect(err).NotTo(HaveOccurred())
			Expect(election.Run(ctx)).To(MatchError(ContainSubstring("runtime.Goexit")))
			_, found, err := handle.Leader(ctx)
			Expect(err).NotTo(HaveOccurred())
			Expect(found).To(BeFalse())
		})
	})

	It("stops the work, waits for it and returns an error when the port ends it", func() {
		virtually(func(ctx context.Context) {
			returned := false
			election, err := dsync.NewLeaderElection("node", trialLease, &aborting{Leadership: memory.New()}, &dsync.ElectionOptions{
				Lead: func(ctx context.Context, _ uint64) {
					<-ctx.Done()
					time.Sleep(time.Second)
					returned = true
				},
			}, nil)
			Expect(err).NotTo(HaveOccurred())
			Expect(election.Run(ctx)).To(MatchError(ContainSubstring("runtime.Goexit")))
			Expect(returned).To(BeTrue())
			Expect(election.IsLeader()).To(BeFalse())
		})
	})

	It("ends the Run of a DistributedSync with an error", func() {
		virtually(func(ctx context.Context) {
			node, err := dsync.New(dsync.DefaultConfig("node"), memory.New(), &dsync.Options{
				Election: dsync.ElectionOptions{Lead: func(context.Context, uint64) { runtime.Goexit() }},
			})
			Expect(err).NotTo(HaveOccurred())
			Expect(node.Run(ctx)).To(MatchError(ContainSubstring("runtime.Goexit")))
		})
	})
})

var _ = Describe("A second Run of an election", func() {
	It("returns ErrRunning at once while the first one runs", func() {
		virtually(func(ctx context.Context) {
			t := newTrial(nil, taken).campaigns(ctx)
			t.at(trialRetry / 2)
			Expect(t.Run(ctx)).To(MatchError(dsync.ErrRunning))
			Expect(time.Since(t.start)).To(Equal(trialRetry / 2))
			t.endsAt(trialRetry - instant)
		})
	})
})
