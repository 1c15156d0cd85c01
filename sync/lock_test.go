package sync

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("A lock", func() {
	virtually := func(body func(ctx context.Context)) {
		GinkgoHelper()
		synctest.Test(bubbles, func(t *testing.T) {
			defer GinkgoRecover()
			body(t.Context())
		})
	}

	It("is not had by one whose context has ended, even where it is free", func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		l := newLock()
		Expect(l.take(ctx)).To(MatchError(context.Canceled))
		Expect(l.take(context.Background())).To(Succeed())
	})

	It("is waited for as long as the context allows", func() {
		virtually(func(ctx context.Context) {
			l := newLock()
			Expect(l.take(ctx)).To(Succeed())
			begun := time.Now()
			impatient, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			Expect(l.take(impatient)).To(MatchError(context.DeadlineExceeded))
			Expect(time.Since(begun)).To(Equal(time.Second))
		})
	})

	It("goes to each of those who wait, also where one of them has given up", func() {
		virtually(func(ctx context.Context) {
			l := newLock()
			Expect(l.take(ctx)).To(Succeed())
			impatient, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			var running sync.WaitGroup
			running.Go(func() { _ = l.take(impatient) })
			had := 0
			for range 3 {
				running.Go(func() {
					if l.take(ctx) == nil {
						had++
						l.give()
					}
				})
			}
			synctest.Wait()
			time.Sleep(time.Second)
			synctest.Wait()
			l.give()
			running.Wait()
			Expect(had).To(Equal(3))
			Expect(l.take(ctx)).To(Succeed(), "it is free in the end")
		})
	})

	It("is had by one at a time, and is never lost", func(ctx SpecContext) {
		const takers, times = 8, 2_000
		l, had := newLock(), 0 // the race detector looks at it, too
		var running sync.WaitGroup
		for taker := range takers {
			running.Go(func() {
				for i := range times {
					if i%takers == taker { // some give up at any moment
						impatient, cancel := context.WithTimeout(ctx, time.Duration(i%50)*time.Microsecond)
						if l.take(impatient) == nil {
							l.give()
						}
						cancel()
					}
					if l.take(ctx) != nil {
						return
					}
					had++
					l.give()
				}
			})
		}
		running.Wait()
		Expect(had).To(Equal(takers * times))
	}, SpecTimeout(time.Minute))
})
