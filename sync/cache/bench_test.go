package cache_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// BenchmarkHit measures a hit beside otter's own Get with the same settings, in
// turns, and reports both and their ratio.
func BenchmarkHit(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	node, err := cache.NewNode(dsync.DefaultConfig("node-1"), memory.New(), nil)
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	ours, err := cache.New[int](node, "v:", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer ours.Close(ctx)
	for !node.Readable() {
		time.Sleep(time.Millisecond)
	}
	bare := otter.Must(&otter.Options[string, int]{
		MaximumSize: cache.DefaultCapacity, ExpiryCalculator: otter.ExpiryWriting[string, int](time.Hour),
	})
	defer bare.StopAllGoroutines()

	keys := make([]string, 1000)
	load := func(context.Context, string) (int, error) { return 1, nil }
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%d", i)
		if _, err := ours.Get(ctx, keys[i], load); err != nil {
			b.Fatal(err)
		}
	}
	loader := otter.LoaderFunc[string, int](load)
	for _, key := range keys {
		bare.Set(key, 1)
	}
	const turn = 1000
	var spent [2]time.Duration
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		for i := range turn {
			_, _ = bare.Get(ctx, keys[i], loader)
		}
		between := time.Now()
		for i := range turn {
			_, _ = ours.Get(ctx, keys[i], load)
		}
		spent[0] += between.Sub(began)
		spent[1] += time.Since(between)
	}
	perHit := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(b.N) / turn }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(perHit(spent[0]), "otter-ns/hit")
	b.ReportMetric(perHit(spent[1]), "ns/hit")
	b.ReportMetric(perHit(spent[1])/perHit(spent[0]), "ratio")
	if misses := ours.Stats().Misses; misses != uint64(len(keys)) {
		b.Fatalf("%d misses, want %d", misses, len(keys))
	}
}
