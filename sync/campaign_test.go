package sync_test

import (
	"context"
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("A campaign", func() {
	failed := answer{err: errors.New("no backend")}
	const (
		acquired = "leadership acquired by node in term "
		lost     = "leadership lost by node in term "
		released = "leadership released by node in term "
		unknown  = "election failed by node in term 0: "
	)
	var taker, newTerm, expired = ": " + dsync.ErrTaken.Error(), ": " + dsync.ErrTerm.Error(), ": " + dsync.ErrExpired.Error()

	Context("of a candidate", func() {
		It("asks for the lease at once and then in each interval, and ends without a word", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, taken).campaigns(ctx)
				t.endsAt(500 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "200ms acquire", "400ms acquire"))
				Expect(t.events.all()).To(BeEmpty())
				Expect(t.works.all()).To(BeEmpty())
			})
		})

		It("counts the interval from the answer", func() {
			virtually(func(ctx context.Context) {
				slow := answer{takes: 50 * time.Millisecond}
				t := newTrial(nil, slow).campaigns(ctx)
				t.endsAt(600 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "250ms acquire", "500ms acquire"))
			})
		})

		It("gives a request up when its time is over, and frees at the end what it may have acquired", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(nil, answer{hangs: true}).releases(held(7)).campaigns(ctx)
				t.endsAt(500 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "400ms acquire", "600ms release"))
				Expect(t.events.all()).To(HaveExactElements("200ms " + unknown + context.DeadlineExceeded.Error()))
			})
		})

		It("waits at the end for the answer to a request, and does not begin to lead by it", func() {
			virtually(func(ctx context.Context) {
				slow := answer{term: 7, takes: 150 * time.Millisecond}
				t := newTrial(&dsync.ElectionOptions{}, slow).releases(held(7)).campaigns(ctx)
				t.endsAt(100 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "150ms release"))
				Expect(t.events.all()).To(BeEmpty())
				Expect(t.works.all()).To(BeEmpty())
			})
		})

		It("does not lead while it is not known to, and does once it is", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, failed, answer{term: 7, err: failed.err}, held(7)).
					releases(held(7)).campaigns(ctx)
				t.at(2*trialRetry - instant)
				Expect(t.IsLeader()).To(BeFalse())
				t.at(2 * trialRetry)
				Expect(t.IsLeader()).To(BeTrue())
				t.endsAt(500 * time.Millisecond)
				Expect(t.works.all()).To(HaveExactElements("400ms begins term 7", HavePrefix("500ms stops")))
			})
		})

		It("does not lead by an answer that came too late, and frees the lease at the end", func() {
			virtually(func(ctx context.Context) {
				late := held(7)
				late.takes = trialGood
				t := newTrial(&dsync.ElectionOptions{}, late).releases(held(7)).campaigns(ctx)
				t.endsAt(trialLease)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "1s release"))
				Expect(t.events.all()).To(BeEmpty())
				Expect(t.works.all()).To(BeEmpty())
			})
		})
	})

	Context("of a leader", func() {
		It("renews the lease in each interval, works meanwhile, and frees the lease at the end", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7)).releases(held(7)).campaigns(ctx)
				t.at(time.Hour)
				Expect(t.calls.all()).To(HaveLen(int(time.Hour/trialRetry) + 1))
				t.endsAt(time.Hour + 1)
				Expect(t.calls.all()).To(ContainElement("1h0m0.000000001s release"))
				Expect(t.works.all()).To(HaveExactElements("0s begins term 7", "1h0m0.000000001s stops: "+dsync.ErrEnding.Error()))
				Expect(t.events.all()).To(HaveExactElements("0s "+acquired+"7", "1h0m0.000000001s "+released+"7"))
			})
		})

		It("leads on where it has no work, or its work returns", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7)).releases(held(7))
				t.lead = func(context.Context, uint64) { t.note(&t.works, "returns") }
				t.campaigns(ctx).at(time.Hour)
				Expect(t.IsLeader()).To(BeTrue())
				Expect(t.works.all()).To(HaveExactElements("0s returns"))
				Expect(t.events.all()).To(HaveExactElements("0s " + acquired + "7"))
				t.endsAt(time.Hour)
			})
		})

		It("leads on through errors", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7), failed, failed, failed, held(7)).releases(held(7)).campaigns(ctx)
				t.at(trialLease)
				Expect(t.IsLeader()).To(BeTrue())
				Expect(t.calls.all()).To(HaveLen(6))
				t.endsAt(trialLease)
				Expect(t.works.all()).To(HaveExactElements("0s begins term 7", HavePrefix("1s stops")))
				Expect(t.events.all()).To(HaveExactElements("0s "+acquired+"7",
					"200ms "+unknown+"no backend", "400ms "+unknown+"no backend", "600ms "+unknown+"no backend", "1s "+released+"7"))
			})
		})

		It("leads through errors for as long as the last answer holds, and goes on trying", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7), held(7), failed, failed, failed, failed, failed, held(8)).
					releases(held(8)).campaigns(ctx)
				t.endsAt(1500 * time.Millisecond)
				Expect(t.works.all()).To(HaveExactElements("0s begins term 7", "1.09s stops"+expired, "1.4s begins term 8", HavePrefix("1.5s stops")))
				Expect(t.events.all()).To(HaveExactElements(
					"0s "+acquired+"7", "400ms "+unknown+"no backend", "600ms "+unknown+"no backend", "800ms "+unknown+"no backend",
					"1s "+unknown+"no backend", "1.09s "+lost+"7"+expired, "1.2s "+unknown+"no backend", "1.4s "+acquired+"8", "1.5s "+released+"8"))
				Expect(t.calls.all()[5:]).To(HaveExactElements("1s acquire", "1.2s acquire", "1.4s acquire", "1.5s release"))
			})
		})

		It("tells the work to stop before the lease can have ended, also in the middle of a request", func() {
			virtually(func(ctx context.Context) {
				hanging := answer{hangs: true, takes: 3 * trialLease} // deaf to its context, too
				t := newTrial(&dsync.ElectionOptions{}, held(7), hanging, taken).campaigns(ctx)
				t.at(trialLease)
				Expect(t.IsLeader()).To(BeFalse())
				Expect(t.works.all()).To(HaveExactElements("0s begins term 7", "890ms stops"+expired))
				t.endsAt(4 * trialLease)
				Expect(t.events.all()).To(HaveExactElements("0s "+acquired+"7",
					"3.2s "+unknown+context.DeadlineExceeded.Error(), "3.2s "+lost+"7"+expired))
			})
		})

		It("takes a renewal whose answer came too late for a loss", func() {
			virtually(func(ctx context.Context) {
				late := answer{term: 7, takes: 700 * time.Millisecond} // and would be good until 1.09s
				t := newTrial(&dsync.ElectionOptions{}, held(7), late, taken).campaigns(ctx)
				t.at(950 * time.Millisecond)
				Expect(t.IsLeader()).To(BeFalse())
				t.endsAt(2 * trialLease)
				Expect(t.works.all()).To(HaveExactElements("0s begins term 7", "890ms stops"+expired))
				Expect(t.events.all()).To(HaveExactElements("0s "+acquired+"7", "900ms "+lost+"7"+expired))
			})
		})

		It("takes another term for a loss, and leads in it from the next answer on", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7), held(8)).releases(held(8)).campaigns(ctx)
				t.at(trialRetry)
				Expect(t.IsLeader()).To(BeFalse())
				t.endsAt(500 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "200ms acquire", "400ms acquire", "500ms release"))
				Expect(t.works.all()).To(HaveExactElements(
					"0s begins term 7", "200ms stops"+newTerm, "400ms begins term 8", HavePrefix("500ms stops")))
				Expect(t.events.all()).To(HaveExactElements(
					"0s "+acquired+"7", "200ms "+lost+"7"+newTerm, "400ms "+acquired+"8", "500ms "+released+"8"))
			})
		})

		It("takes another holder for a loss, and frees nothing at the end", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7), taken).campaigns(ctx)
				t.endsAt(500 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "200ms acquire", "400ms acquire"))
				Expect(t.works.all()).To(HaveExactElements("0s begins term 7", "200ms stops"+taker))
				Expect(t.events.all()).To(HaveExactElements("0s "+acquired+"7", "200ms "+lost+"7"+taker))
			})
		})

		It("tries for nothing as long as work in a lost term has not returned", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7), taken, held(9)).releases(held(9))
				t.lead = t.workThatTakes(time.Minute)
				t.campaigns(ctx).at(time.Minute)
				Expect(t.events.all()).To(HaveExactElements("0s "+acquired+"7", "200ms "+lost+"7"+taker))
				t.endsAt(time.Minute + time.Second)
				Expect(t.calls.all()[:3]).To(HaveExactElements("0s acquire", "200ms acquire", "1m0.4s acquire"))
				Expect(t.works.all()[:4]).To(HaveExactElements(
					"0s begins term 7", "200ms stops"+taker, "1m0.2s returns", "1m0.4s begins term 9"))
			})
		})

		It("tells of work that panics, and begins it again in a greater term", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7), held(7), held(7), held(8)).releases(held(7)).releases(held(8))
				well := t.lead
				t.lead = func(context.Context, uint64) {
					t.lead = well
					time.Sleep(310 * time.Millisecond)
					panic("no more")
				}
				t.campaigns(ctx).at(350 * time.Millisecond)
				Expect(t.IsLeader()).To(BeFalse())
				t.endsAt(700 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements(
					"0s acquire", "200ms acquire", "400ms acquire", "400ms release", "600ms acquire", "700ms release"))
				Expect(t.works.all()).To(HaveExactElements("600ms begins term 8", HavePrefix("700ms stops")))
				Expect(t.events.all()).To(HaveExactElements(
					"0s "+acquired+"7", "310ms "+lost+"7: work of the leader panicked: no more",
					"600ms "+acquired+"8", "700ms "+released+"8"))
			})
		})

		It("releases a lease that outlived its leadership, and leads in a greater term", func() {
			virtually(func(ctx context.Context) {
				unanswered := answer{hangs: true}
				t := newTrial(&dsync.ElectionOptions{}, held(7), unanswered, unanswered, unanswered, held(7), held(8)).
					releases(held(7)).releases(held(8))
				t.campaigns(ctx).endsAt(2 * time.Second)
				Expect(t.works.all()).To(HaveExactElements(
					"0s begins term 7", "890ms stops"+expired, "1.6s begins term 8", HavePrefix("2s stops")))
				Expect(t.calls.all()[4:7]).To(HaveExactElements("1.4s acquire", "1.4s release", "1.6s acquire"))
			})
		})

		It("reports an error of that release, and tries it again", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7), held(7), held(7), held(7), held(8)).
					releases(failed).releases(held(7)).releases(held(8))
				t.lead = func(context.Context, uint64) { panic("no more") }
				t.campaigns(ctx).endsAt(500 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements(
					"0s acquire", "200ms acquire", "200ms release", "400ms acquire", "400ms release", "500ms release"))
				Expect(t.events.all()[2]).To(Equal("200ms " + unknown + "no backend"))
			})
		})

		It("frees at the end the lease that it still has after its work panicked", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7)).releases(held(7))
				t.lead = func(context.Context, uint64) { panic("no more") }
				t.campaigns(ctx).endsAt(trialRetry / 2)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "100ms release"))
				Expect(t.events.all()).To(HaveExactElements("0s "+acquired+"7", HavePrefix("0s "+lost+"7")))
			})
		})
	})

	Context("that ends while the node leads", func() {
		It("tells the work to stop, renews the lease until it has returned, and frees it then", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7)).releases(held(7))
				t.lead = t.workThatTakes(450 * time.Millisecond)
				t.campaigns(ctx).at(300 * time.Millisecond)
				t.end()
				t.at(300 * time.Millisecond)
				Expect(t.IsLeader()).To(BeFalse())
				<-t.ended
				Expect(t.calls.all()).To(HaveExactElements(
					"0s acquire", "200ms acquire", "400ms acquire", "600ms acquire", "750ms release"))
				Expect(t.works.all()).To(HaveExactElements(
					"0s begins term 7", "300ms stops: "+dsync.ErrEnding.Error(), "750ms returns"))
				Expect(t.events.all()).To(HaveExactElements("0s "+acquired+"7", "750ms "+released+"7"))
			})
		})

		It("renews in time also where its interval is long", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{Retry: 600 * time.Millisecond}, held(7)).releases(held(7))
				t.lead = t.workThatTakes(time.Second)
				t.campaigns(ctx).endsAt(590 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements("0s acquire", "600ms acquire", "1.2s acquire", "1.59s release"))
			})
		})

		It("renews at once where the last answer was an error", func() {
			virtually(func(ctx context.Context) {
				t := newTrial(&dsync.ElectionOptions{}, held(7), failed, held(7)).releases(held(7))
				t.lead = t.workThatTakes(350 * time.Millisecond)
				t.campaigns(ctx).endsAt(300 * time.Millisecond)
				Expect(t.calls.all()).To(HaveExactElements(
					"0s acquire", "200ms acquire", "300ms acquire", "500ms acquire", "650ms release"))
			})
		})

		DescribeTable("says that the leadership is lost where it can't be freed",
			func(said answer, after time.Duration, why string) {
				virtually(func(ctx context.Context) {
					t := newTrial(nil, held(7)).releases(said).campaigns(ctx)
					t.endsAt(trialRetry / 2)
					ended := trialRetry/2 + after
					Expect(time.Since(t.start)).To(Equal(ended))
					Expect(t.events.all()).To(HaveExactElements("0s "+acquired+"7", ended.String()+" "+lost+"7: "+why))
				})
			},
			Entry("since it is not the node's any more", taken, time.Duration(0), dsync.ErrTaken.Error()),
			Entry("since the port fails", failed, time.Duration(0), failed.err.Error()),
			Entry("since the port hangs", answer{hangs: true}, trialTimeout, context.DeadlineExceeded.Error()),
		)
	})
})
