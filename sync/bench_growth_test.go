package sync

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

// BenchmarkGrowth is what an operation costs each node that hears of it, in
// messages of 64, with more nodes in one process, on one core, and with more keys.
// The caches keep nothing, as what they cost is not ours.
func BenchmarkGrowth(b *testing.B) {
	for _, nodes := range []int{3, 10, 50} {
		b.Run(fmt.Sprintf("nodes-%d", nodes), func(b *testing.B) { benchmarkGrowth(b, nodes, 1000) })
	}
	for _, keys := range []int{1e3, 1e4, 1e5, 1e6} {
		b.Run(fmt.Sprintf("keys-%d", keys), func(b *testing.B) { benchmarkGrowth(b, 3, keys) })
	}
}

func benchmarkGrowth(b *testing.B, count, keys int) {
	const applications = 60_000 // of operations by nodes, in each round
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	hub := memory.NewHub()
	ports := make([]coordination.DistributedCoordination, count)
	for i := range ports {
		ports[i] = open(b, hub)
	}
	nodes := start(b, func() *mapCache { return &mapCache{rings: make(chan struct{}, 1)} }, ports...)
	publisher, from := open(b, hub), newPress(b, keys)
	publish := func(messages [][]byte) time.Duration {
		for _, n := range nodes {
			n.cache.wanted.Store(int64(len(messages) * from.batch))
		}
		return took(func() {
			for _, message := range messages {
				must(b, publisher.Publish(b.Context(), DefaultChannel, message))
			}
			for _, n := range nodes {
				<-n.cache.rings
			}
		})
	}
	must(b, publisher.Publish(b.Context(), DefaultChannel, from.greeting()[0]))
	size := applications / count / from.batch
	for known := 0; known < min(keys, 20_000); known += size * from.batch {
		publish(from.print(size)) // until the tables hold what they can
	}
	var times []time.Duration
	rounds(b, func(int) { times = append(times, publish(from.print(size))) })
	for _, n := range nodes {
		if status := n.Status(); status.GapsFound != 0 {
			b.Fatalf("%+v", status)
		}
	}
	b.ReportMetric(float64(quantile(times, 0.5))/float64(size*from.batch*count), "ns/op/node")
}
