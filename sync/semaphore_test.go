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

var _ = Describe("A semaphore", func() {
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
		s := make(semaphore, 1)
		Expect(s.lock(ctx)).To(MatchError(context.Canceled))
		Expect(s.lock(context.Background())).To(Succeed())
	})

	It("is waited for as long as the context allows", func() {
		virtually(func(ctx context.Context) {
			s := make(semaphore, 1)
			Expect(s.lock(ctx)).To(Succeed())
			begun := time.Now()
			impatient, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			Expect(s.lock(impatient)).To(MatchError(context.DeadlineExceeded))
			Expect(time.Since(begun)).To(Equal(time.Second))
		})
	})

	It("goes to who waits, before one who has just given it back and wants it again", func() {
		virtually(func(ctx context.Context) {
			s := make(semaphore, 1)
			greedy, stop := context.WithCancel(ctx)
			var running sync.WaitGroup
			defer running.Wait()
			defer stop()
			running.Go(func() {
				for s.lock(greedy) == nil {
					time.Sleep(time.Millisecond)
					s.unlock()
				}
			})
			synctest.Wait()
			begun := time.Now()
			for range 100 {
				Expect(s.lock(ctx)).To(Succeed())
				s.unlock()
			}
			Expect(time.Since(begun)).To(BeNumerically("<=", 100*time.Millisecond), "a turn of the other's each")
		})
	})
})
