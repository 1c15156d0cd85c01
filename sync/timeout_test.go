package sync

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The context of a call of the user's code", Label("operations"), func() {
	type key struct{}

	// called is the context that code is called with, and what is done when the
	// call has returned.
	called := func(ctx context.Context) (context.Context, context.CancelFunc) {
		s := &DistributedSync{config: Config{HeartbeatInterval: time.Second}}
		timeout := s.callTimeout(ctx)
		return timeout, timeout.finish
	}
	within := func(body func()) {
		GinkgoHelper()
		synctest.Test(bubbles, func(*testing.T) {
			defer GinkgoRecover()
			body()
		})
	}

	It("ends after a heartbeat interval", func() {
		within(func() {
			began := time.Now()
			ctx, finish := called(context.Background())
			defer finish()
			deadline, bounded := ctx.Deadline()
			Expect(bounded).To(BeTrue())
			Expect(deadline).To(Equal(began.Add(time.Second)))
			Expect(ctx.Err()).NotTo(HaveOccurred())
			<-ctx.Done()
			Expect(ctx.Err()).To(MatchError(context.DeadlineExceeded))
			Expect(time.Since(began)).To(Equal(time.Second))
		})
	})

	It("ends a heartbeat interval after the call for who looks at it late", func() {
		within(func() {
			ctx, finish := called(context.Background())
			defer finish()
			time.Sleep(time.Second)
			Expect(ctx.Err()).To(MatchError(context.DeadlineExceeded))
		})
	})

	It("ends with the caller's", func() {
		within(func() {
			caller, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "value"))
			ctx, finish := called(caller)
			defer finish()
			Expect(ctx.Value(key{})).To(Equal("value"))
			Expect(ctx.Done()).NotTo(BeClosed())
			cancel()
			Expect(ctx.Done()).To(BeClosed())
			Expect(ctx.Err()).To(MatchError(context.Canceled))
		})
	})

	It("ends with the call, whether or not it was looked at before", func() {
		within(func() {
			for _, before := range []bool{false, true} {
				ctx, finish := called(context.Background())
				if before {
					Expect(ctx.Err()).NotTo(HaveOccurred())
				}
				finish()
				Expect(ctx.Err()).To(MatchError(context.Canceled))
				Expect(ctx.Done()).To(BeClosed())
			}
		})
	})
})
