package sync_test

import (
	"context"
	"math"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("A new election", func() {
	// build makes one, over a port that must not be called for that.
	build := func(node string, lease time.Duration, options *dsync.ElectionOptions) error {
		_, err := dsync.NewLeaderElection(node, lease, mocks.NewMockLeadership(gomock.NewController(GinkgoT())), options, nil)
		return err
	}

	DescribeTable("refuses timings with which a lease would not be safe, and names what to change",
		func(lease time.Duration, options dsync.ElectionOptions, names ...string) {
			err := build("node", lease, &options)
			Expect(err).To(MatchError(coordination.ErrInvalidArgument))
			for _, name := range names {
				Expect(err).To(MatchError(ContainSubstring(name)))
			}
		},
		Entry("no lease", time.Duration(0), dsync.ElectionOptions{}, "LeaderElectionTimeout is 0s"),
		Entry("a negative lease", -time.Second, dsync.ElectionOptions{}, "LeaderElectionTimeout is -1s"),
		Entry("a lease that is too short", 10*time.Millisecond-1, dsync.ElectionOptions{}, "LeaderElectionTimeout is 9.999999ms", "less than 10ms"),
		Entry("a negative interval", time.Second, dsync.ElectionOptions{Retry: -1}, "Election.Retry is -1ns"),
		Entry("a negative time-out", time.Second, dsync.ElectionOptions{Timeout: -1}, "Election.Timeout is -1ns"),
		Entry("a negative margin", time.Second, dsync.ElectionOptions{Margin: -1}, "Election.Margin is -1ns"),
		Entry("an interval that is too short", time.Second, dsync.ElectionOptions{Retry: time.Millisecond - 1}, "Election.Retry is 999.999µs", "less than a millisecond"),
		Entry("a time-out that is too short", time.Second, dsync.ElectionOptions{Timeout: 1}, "Election.Timeout is 1ns", "less than a millisecond"),
		Entry("a negative drift", time.Second, dsync.ElectionOptions{Drift: -0.01}, "Election.Drift is -0.01"),
		Entry("a clock that stands still", time.Second, dsync.ElectionOptions{Drift: 1}, "Election.Drift is 1"),
		Entry("a drift that is no number", time.Second, dsync.ElectionOptions{Drift: math.NaN()}, "Election.Drift is NaN"),
		Entry("an interval that is too long", time.Second, dsync.ElectionOptions{Retry: 691 * time.Millisecond},
			"Election.Retry of 691ms", "Election.Timeout of 200ms", "LeaderElectionTimeout"),
		Entry("a time-out that is too long", time.Second, dsync.ElectionOptions{Timeout: 691 * time.Millisecond},
			"Election.Retry of 200ms", "Election.Timeout of 691ms", "LeaderElectionTimeout"),
		Entry("a margin that is too wide", time.Second, dsync.ElectionOptions{Margin: time.Second},
			"Election.Margin", "LeaderElectionTimeout"),
		Entry("a drift that is too great", time.Second, dsync.ElectionOptions{Drift: 0.6}, "Election.Retry", "LeaderElectionTimeout"),
		Entry("times whose sum is no number", time.Second,
			dsync.ElectionOptions{Retry: math.MaxInt64, Timeout: math.MaxInt64}, "Election.Retry of 2562047h47m16.854775807s"),
		Entry("times whose difference is no number", time.Second,
			dsync.ElectionOptions{Retry: time.Millisecond, Timeout: math.MaxInt64, Margin: math.MaxInt64}, "Election.Margin"),
	)

	DescribeTable("takes timings with which a lease is safe",
		func(lease time.Duration, options dsync.ElectionOptions) {
			Expect(build("node", lease, &options)).To(Succeed())
		},
		Entry("the shortest lease", 10*time.Millisecond, dsync.ElectionOptions{}),
		Entry("the lease of the default configuration", dsync.DefaultLeaderElectionTimeout, dsync.ElectionOptions{}),
		Entry("the longest lease", time.Duration(math.MaxInt64), dsync.ElectionOptions{}),
		Entry("an interval that just fits", time.Second, dsync.ElectionOptions{Retry: 689 * time.Millisecond}),
		Entry("a time-out that just fits", time.Second, dsync.ElectionOptions{Timeout: 689 * time.Millisecond}),
	)

	It("works with a heartbeat of a second and a lease of two, and defaults", func() {
		_, err := dsync.New(dsync.Config{
			NodeID: "node", HeartbeatInterval: time.Second, LeaderElectionTimeout: 2 * time.Second,
		}, mocks.NewMockDistributedCoordination(gomock.NewController(GinkgoT())), nil)
		Expect(err).NotTo(HaveOccurred())
	})

	DescribeTable("refuses a node that is no name", func(node, problem string) {
		Expect(build(node, time.Second, nil)).To(SatisfyAll(
			MatchError(coordination.ErrInvalidArgument), MatchError(ContainSubstring("node "+problem))))
	},
		Entry("empty", "", "is empty"),
		Entry("too long", strings.Repeat("n", coordination.MaxNameLen+1), "has 4097 bytes"),
		Entry("no UTF-8", "n\xff", "is no UTF-8"),
	)

	It("refuses a leadership that is nil", func() {
		_, err := dsync.NewLeaderElection("node", time.Second, nil, nil, nil)
		Expect(err).To(SatisfyAll(
			MatchError(coordination.ErrInvalidArgument), MatchError(ContainSubstring("leadership is nil"))))
	})
})

var _ = Describe("An election", func() {
	It("runs once, and with a context", func(ctx SpecContext) {
		t := newTrial(nil, taken)
		var none context.Context
		Expect(t.Run(none)).To(MatchError(coordination.ErrInvalidArgument))
		ended, end := context.WithCancel(ctx)
		end()
		Expect(t.Run(ended)).To(Succeed())
		Expect(t.Run(ctx)).To(MatchError(dsync.ErrRunning))
		Expect(t.calls.all()).To(BeEmpty())
	})

	It("can do without anyone who observes it", func() {
		virtually(func(ctx context.Context) {
			port := newTrial(nil, held(7)).releases(held(7)).port
			election, err := dsync.NewLeaderElection("node", trialLease, port, nil, nil)
			Expect(err).NotTo(HaveOccurred())
			ctx, cancel := context.WithTimeout(ctx, trialLease)
			defer cancel()
			Expect(election.Run(ctx)).To(Succeed())
		})
	})

	It("calls nothing where the node only observes", func() {
		virtually(func(ctx context.Context) {
			t := newTrial(&dsync.ElectionOptions{Observer: true}, held(7)).campaigns(ctx)
			t.Nudge()
			t.at(time.Hour)
			Expect(t.IsLeader()).To(BeFalse())
			t.endsAt(time.Hour)
			Expect(t.calls.all()).To(BeEmpty())
			Expect(t.events.all()).To(BeEmpty())
		})
	})

	Context("of a leader", func() {
		// alone is the answer to the first request, and none to all others.
		alone := func(first answer) []answer { return []answer{first, {hangs: true}} }

		It("has none before it has run", func() {
			Expect(newTrial(nil, held(7)).IsLeader()).To(BeFalse())
		})

		It("tells the term in which the node leads", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(nil, held(7), taken).campaigns(ctx)
				t.at(trialRetry - instant)
				term, leads := t.Term()
				Expect(leads).To(BeTrue())
				Expect(term).To(BeEquivalentTo(7))
				t.at(trialRetry)
				term, leads = t.Term()
				Expect(leads).To(BeFalse())
				Expect(term).To(BeZero())
				t.endsAt(trialRetry)
			})
		})

		It("counts the lease, less drift and margin, from before the request", func() {
			virtually(func(ctx context.Context) {
				slow := held(7)
				slow.takes = 150 * time.Millisecond
				t := newTrial(nil, alone(slow)...).releases(taken).campaigns(ctx)
				t.at(slow.takes - instant)
				Expect(t.IsLeader()).To(BeFalse(), "before the answer")
				t.at(slow.takes)
				Expect(t.IsLeader()).To(BeTrue())
				t.at(trialGood - instant)
				Expect(t.IsLeader()).To(BeTrue())
				t.at(trialGood)
				Expect(t.IsLeader()).To(BeFalse())
				t.endsAt(trialLease)
			})
		})

		It("counts from the last request that was answered", func() {
			virtually(func(ctx context.Context) {
				slow := held(7)
				slow.takes = 150 * time.Millisecond
				t := newTrial(nil, held(7), slow, answer{hangs: true}).releases(taken).campaigns(ctx)
				t.at(trialRetry + trialGood - instant)
				Expect(t.IsLeader()).To(BeTrue())
				t.at(trialRetry + trialGood)
				Expect(t.IsLeader()).To(BeFalse())
				t.endsAt(2 * trialLease)
			})
		})

		It("counts with the drift and the margin of the options", func() {
			virtually(func(ctx context.Context) {
				options := dsync.ElectionOptions{Drift: 0.25, Margin: 150 * time.Millisecond}
				t := newTrial(&options, alone(held(7))...).releases(taken).campaigns(ctx)
				t.at(600*time.Millisecond - instant)
				Expect(t.IsLeader()).To(BeTrue())
				t.at(600 * time.Millisecond)
				Expect(t.IsLeader()).To(BeFalse())
				t.endsAt(trialLease)
			})
		})

		It("leads no more once the clock on the wall has gone past the lease", func() {
			virtually(func(ctx context.Context) {
				t, ahead := newTrial(&dsync.ElectionOptions{}, held(7), taken), new(atomic.Int64)
				t.ReadWall(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
				t.campaigns(ctx)
				t.at(110 * time.Millisecond)
				Expect(t.IsLeader()).To(BeTrue())
				ahead.Store(int64(time.Hour))
				Expect(t.IsLeader()).To(BeFalse(), "who asks is told at once")
				t.at(110*time.Millisecond + trialMargin/2)
				Expect(t.works.all()).To(HaveExactElements("0s begins term 7", "150ms stops: "+dsync.ErrExpired.Error()))
				Expect(t.events.all()).To(HaveExactElements("0s leadership acquired by node in term 7",
					"150ms leadership lost by node in term 7: "+dsync.ErrExpired.Error()))
				t.endsAt(trialLease)
			})
		})

		It("does not go on by a renewal where the clock on the wall has gone past the lease before", func() {
			virtually(func(ctx context.Context) {
				options := dsync.ElectionOptions{Retry: 180 * time.Millisecond} // between two looks
				t, ahead := newTrial(&options, held(7)).releases(held(7)), new(atomic.Int64)
				t.ReadWall(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
				t.campaigns(ctx)
				t.at(160 * time.Millisecond)
				ahead.Store(int64(trialLease))
				t.endsAt(300 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "180ms acquire", "300ms release"))
				Expect(t.events.all()).To(HaveExactElements("0s leadership acquired by node in term 7",
					"180ms leadership lost by node in term 7: "+dsync.ErrExpired.Error()))
			})
		})

		It("does not lead by an answer during which the clock on the wall has gone past the lease", func() {
			virtually(func(ctx context.Context) {
				slow := held(7)
				slow.takes = 150 * time.Millisecond
				t, ahead := newTrial(nil, slow, taken), new(atomic.Int64)
				t.ReadWall(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
				t.campaigns(ctx)
				t.at(slow.takes / 2)
				ahead.Store(int64(trialLease))
				t.at(slow.takes)
				Expect(t.IsLeader()).To(BeFalse())
				t.endsAt(trialLease)
				Expect(t.events.all()).To(BeEmpty())
			})
		})

		It("leads on where the clock on the wall is set back, and no longer than else", func() {
			virtually(func(ctx context.Context) {
				t, behind := newTrial(&dsync.ElectionOptions{}, alone(held(7))...).releases(taken), new(atomic.Int64)
				t.ReadWall(func() time.Time { return time.Now().Add(-time.Duration(behind.Load())) })
				t.campaigns(ctx)
				t.at(100 * time.Millisecond)
				behind.Store(int64(time.Hour))
				t.at(trialGood - instant)
				Expect(t.IsLeader()).To(BeTrue())
				Expect(t.works.all()).To(HaveExactElements("0s begins term 7"))
				t.at(trialGood)
				Expect(t.IsLeader()).To(BeFalse())
				t.endsAt(trialLease)
			})
		})
	})

	Context("that is nudged", func() {
		It("has a candidate try at once, and then go on in its interval", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(nil, taken).campaigns(ctx)
				t.at(50 * time.Millisecond)
				t.Nudge()
				t.endsAt(300 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "50ms acquire", "250ms acquire"))
			})
		})

		It("takes all nudges that it has yet to follow for one", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(nil, taken)
				for range 10 {
					t.Nudge()
				}
				t.campaigns(ctx).endsAt(300 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "0s acquire", "200ms acquire"))
			})
		})

		It("has a leader do nothing", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(nil, held(7)).releases(held(7)).campaigns(ctx)
				t.at(50 * time.Millisecond)
				t.Nudge()
				t.endsAt(250 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "200ms acquire", "250ms release"))
			})
		})
	})
})
