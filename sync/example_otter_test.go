package sync_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// otterCache is an otter cache that DistributedSync keeps coherent. It is safe for
// concurrent use. Read it with Get; to write, or to load what is missing, go by
// DistributedSync: what otter's own loading puts in nobody else hears of.
type otterCache struct{ entries *otter.Cache[string, entry] }

type entry struct {
	value []byte
	ttl   time.Duration // 0 for no end
}

var _ dsync.Cache = otterCache{}

// newOtterCache returns a cache that holds up to maxBytes of keys and values.
func newOtterCache(maxBytes uint64) otterCache {
	return otterCache{otter.Must(&otter.Options[string, entry]{
		MaximumWeight: maxBytes,
		Weigher:       func(key string, e entry) uint32 { return uint32(len(key) + len(e.value)) },
		// Value and time to live go in by one write: to set the latter after the
		// former would let a reader see a value that has yet to get its end.
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, entry]) time.Duration {
			if e.Value.ttl == 0 {
				return math.MaxInt64
			}
			return e.Value.ttl
		}),
	})}
}

// Get returns what the cache holds under key. It must not be changed.
func (c otterCache) Get(key string) (value []byte, found bool) {
	e, found := c.entries.GetIfPresent(key)
	return e.value, found
}

func (c otterCache) Set(_ context.Context, key string, value []byte, ttl time.Duration) error {
	c.entries.Set(key, entry{value, ttl})
	return nil
}

func (c otterCache) Delete(_ context.Context, key string) error {
	c.entries.Invalidate(key)
	return nil
}

// InvalidatePattern looks at every key. It may delete them as it goes, which
// otter allows, and misses none, as nothing is written meanwhile: DistributedSync
// makes one call at a time.
func (c otterCache) InvalidatePattern(ctx context.Context, pattern string) error {
	for key := range c.entries.Keys() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if coordination.Match(pattern, key) {
			c.entries.Invalidate(key)
		}
	}
	return nil
}

func (c otterCache) Clear(context.Context) error {
	c.entries.InvalidateAll()
	return nil
}

// Close ends the goroutine that removes what has expired.
func (c otterCache) Close() { c.entries.StopAllGoroutines() }

// Two nodes with a cache each, here in one process.
func Example_otter() {
	ctx, stop := context.WithCancel(context.Background())
	hub := memory.NewHub()
	var nodes [2]*dsync.DistributedSync
	var caches [2]otterCache
	var running sync.WaitGroup
	for i := range nodes {
		port, err := hub.Open(nil)
		if err != nil {
			log.Fatal(err)
		}
		caches[i] = newOtterCache(64 << 20)
		nodes[i], err = dsync.New(dsync.DefaultConfig(fmt.Sprint("node-", i+1)), port, &dsync.Options{Cache: caches[i]})
		if err != nil {
			log.Fatal(err)
		}
		running.Go(func() {
			defer caches[i].Close()
			if err := nodes[i].Run(ctx); err != nil {
				log.Print(err)
			}
		})
	}
	for len(nodes[0].Status().ActiveNodes) < 2 || len(nodes[1].Status().ActiveNodes) < 2 {
		time.Sleep(time.Millisecond) // until they have received each other's heartbeat
	}

	err := errors.Join(
		nodes[0].Set(ctx, "user:1", []byte("alice"), time.Hour),
		nodes[0].Set(ctx, "user:2", []byte("bob"), 0),
		nodes[0].Set(ctx, "motd", []byte("hello"), 0),
	)
	if err != nil {
		log.Print(err)
	}
	for nodes[1].Status().Applied < 3 {
		time.Sleep(time.Millisecond)
	}
	value, found := caches[1].Get("user:1")
	fmt.Printf("node-2: %s %v\n", value, found)

	if err := nodes[1].InvalidatePattern(ctx, "user:*"); err != nil {
		log.Print(err)
	}
	for nodes[0].Status().Applied < 1 {
		time.Sleep(time.Millisecond)
	}
	for _, key := range []string{"user:1", "user:2", "motd"} {
		value, found := caches[0].Get(key)
		fmt.Printf("node-1: %q %v\n", value, found)
	}
	stop()
	running.Wait()
	// Output:
	// node-2: alice true
	// node-1: "" false
	// node-1: "" false
	// node-1: "hello" true
}
