package sync_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// lossy is a port whose messages get lost for a while.
type lossy struct {
	coordination.DistributedCoordination
	losing atomic.Bool
}

func (l *lossy) Publish(ctx context.Context, channel string, payload []byte) error {
	if l.losing.Load() {
		return nil // as any broker may have it, for whom at most once is enough
	}
	return l.DistributedCoordination.Publish(ctx, channel, payload)
}

// A node that has missed more than the others can tell again, here since they
// remember but one operation, loads what it is there for instead of beginning
// with an empty cache.
func ExampleRecovery() {
	ctx := context.Background()
	hub := memory.NewHub()
	database := map[string]string{"a": "1", "b": "1"}
	cache := newOtterCache(64 << 20)
	defer cache.Close()
	reload := func(ctx context.Context) error {
		must(cache.Clear(ctx)) // it calls the cache, and no DistributedSync
		for key, value := range database {
			must(cache.Set(ctx, key, []byte(value), 0))
		}
		return ctx.Err()
	}
	reader, stopReader := start(open(hub), "reader", &dsync.Options{
		Cache:    cache,
		Recovery: dsync.Recovery{Fallback: dsync.FallbackReload, Reload: reload},
	})
	defer stopReader()
	port := &lossy{DistributedCoordination: open(hub)}
	other := newOtterCache(64 << 20)
	defer other.Close()
	writer, stopWriter := start(port, "writer", &dsync.Options{
		Cache:  other,
		Limits: dsync.Limits{HistoryOperations: 1},
	})
	defer stopWriter()
	meet(reader, writer)

	port.losing.Store(true)
	for _, key := range []string{"a", "b"} {
		database[key] = "2"
		must(writer.Set(ctx, key, []byte("2"), 0))
	}
	port.losing.Store(false)
	must(writer.NotifyOperation(ctx, dsync.Operation{Type: dsync.Heartbeat})) // or wait for the next one
	await(func() bool { return reader.Status().GapsHealed == 2 })
	a, _ := cache.Get("a")
	b, _ := cache.Get("b")
	fmt.Printf("a is %s, b is %s, %d missing\n", a, b, reader.Status().Missing)
	// Output: a is 2, b is 2, 0 missing
}
