package cache_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// suite is the test that runs the specs, for those in virtual time.
var suite *testing.T

func TestCache(t *testing.T) {
	suite = t
	RegisterFailHandler(Fail)
	RunSpecs(t, "Cache")
}

// virtually runs body in virtual time. A goroutine left behind fails the spec.
func virtually(body func(ctx context.Context)) {
	GinkgoHelper()
	synctest.Test(suite, func(*testing.T) {
		defer GinkgoRecover()
		ctx, cancel := context.WithTimeout(context.Background(), 24*time.Hour)
		defer cancel()
		body(ctx)
	})
}

// startNode runs a node until its stop is called.
func startNode(hub *memory.Hub, name string) (node *cache.Node, stop func()) {
	GinkgoHelper()
	port, err := hub.Open(nil)
	Expect(err).NotTo(HaveOccurred())
	return startNodeOn(port, name, nil)
}

func startNodeOn(port coordination.DistributedCoordination, name string, options *dsync.Options) (node *cache.Node, stop func()) {
	GinkgoHelper()
	node, err := cache.NewNode(dsync.DefaultConfig(name), port, options)
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	return node, func() {
		cancel()
		Expect(<-ended).To(Succeed())
		Expect(port.Close()).To(Succeed())
	}
}

// onOneNode runs body in virtual time with a cache on a node that is Readable.
func onOneNode[V any](options *cache.Options[V], body func(ctx context.Context, c *cache.Cache[V])) {
	GinkgoHelper()
	virtually(func(ctx context.Context) {
		node, stop := startNode(memory.NewHub(), "node-1")
		defer stop()
		c, err := cache.New(node, "v:", options)
		Expect(err).NotTo(HaveOccurred())
		defer c.Close(ctx)
		synctest.Wait()
		body(ctx, c)
	})
}

// onTwoNodes is onOneNode with a cache on each of two nodes that have met.
func onTwoNodes[V any](options, others *cache.Options[V], body func(ctx context.Context, one, two *cache.Cache[V])) {
	GinkgoHelper()
	virtually(func(ctx context.Context) {
		hub := memory.NewHub()
		var caches [2]*cache.Cache[V]
		for i, set := range []*cache.Options[V]{options, others} {
			node, stop := startNode(hub, []string{"node-1", "node-2"}[i])
			defer stop()
			c, err := cache.New(node, "v:", set)
			Expect(err).NotTo(HaveOccurred())
			defer c.Close(ctx)
			caches[i] = c
		}
		synctest.Wait()
		time.Sleep(2 * dsync.DefaultHeartbeatInterval)
		body(ctx, caches[0], caches[1])
	})
}

var _ = Describe("The example for Ginkgo", func() { shopSpecs(func() *testing.T { return suite }) })

var errSource = errors.New("the database is down")

func gives[V any](value V) cache.Load[V] {
	return func(context.Context, string) (V, error) { return value, nil }
}

func fails[V any](err error) cache.Load[V] {
	return func(context.Context, string) (value V, _ error) { return value, err }
}
