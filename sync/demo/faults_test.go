package main

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
)

var _ = Describe("A lossy port", func() {
	It("drops what arrives while it is deaf, and tells nobody", func(ctx SpecContext) {
		handle, err := memory.NewHub().Open(nil)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(handle.Close)
		port := &lossyPort{DistributedCoordination: handle}
		subscription, err := port.Subscribe(ctx, "news")
		Expect(err).NotTo(HaveOccurred())

		port.deaf.Store(true)
		Expect(port.Publish(ctx, "news", []byte("lost"))).To(Succeed())
		listening, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err = subscription.Next(listening)
		Expect(err).To(MatchError(context.DeadlineExceeded))
		Expect(port.dropped.Load()).To(Equal(uint64(1)))

		port.deaf.Store(false)
		Expect(port.Publish(ctx, "news", []byte("heard"))).To(Succeed())
		Expect(subscription.Next(ctx)).To(HaveField("Payload", []byte("heard")))
	}, SpecTimeout(time.Minute))
})
