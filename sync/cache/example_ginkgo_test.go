package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// inVirtualTime runs body in a bubble of testing/synctest. What body opens it also
// closes: BeforeEach and DeferCleanup run outside the bubble.
func inVirtualTime(t *testing.T, body func(ctx context.Context)) {
	synctest.Test(t, func(*testing.T) {
		defer GinkgoRecover()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		body(ctx)
	})
}

// Specs of a service whose cluster is in the test's process, with t from the suite's
// TestXxx. Hours of TTLs take milliseconds, no spec sleeps, and a goroutine left
// behind fails the spec.
func shopSpecs(t func() *testing.T) {
	It("loads a price again after its TTL", func() {
		inVirtualTime(t(), func(ctx context.Context) {
			port := memory.New()
			node, err := cache.NewNode(dsync.DefaultConfig("node-1"), port, nil)
			Expect(err).NotTo(HaveOccurred())
			prices, err := cache.New(node, "price:", &cache.Options[int]{TTL: time.Hour})
			Expect(err).NotTo(HaveOccurred())
			running, stop := context.WithCancel(ctx)
			ended := make(chan error, 1)
			go func() { ended <- node.Run(running) }()
			synctest.Wait() // until the node is Readable

			cents := 300
			load := func(context.Context, string) (int, error) { return cents, nil }
			Expect(prices.Get(ctx, "tea", load)).To(Equal(300))
			cents = 350
			time.Sleep(50 * time.Minute)
			Expect(prices.Get(ctx, "tea", load)).To(Equal(300))
			time.Sleep(11 * time.Minute)
			Expect(prices.Get(ctx, "tea", load)).To(Equal(350))

			Expect(prices.Close(ctx)).To(Succeed())
			stop()
			Expect(<-ended).To(Succeed())
			Expect(port.Close()).To(Succeed())
		})
	})
}

// Ginkgo specs in virtual time. The suite keeps its *testing.T:
//
//	var suite *testing.T
//
//	func TestShop(t *testing.T) {
//		suite = t
//		RegisterFailHandler(Fail)
//		RunSpecs(t, "Shop")
//	}
//
//	var _ = Describe("Shop", func() { shopSpecs(func() *testing.T { return suite }) })
func Example_ginkgo() {}
