package sync_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// catalogue caches what a database holds.
type catalogue struct {
	node  *dsync.DistributedSync
	cache otterCache
	load  func(ctx context.Context, key string) ([]byte, error) // from the database
}

// Get returns the value of key. While the node knows that it has missed something
// (see Recovery.Suspicion) it asks the database.
func (c *catalogue) Get(ctx context.Context, key string) ([]byte, error) {
	if c.node.Readable() {
		if value, found := c.cache.Get(key); found {
			return value, nil
		}
	}
	lease := c.node.Begin() // before the load: whatever changes key from here on wins
	value, err := c.load(ctx, key)
	if err != nil {
		return nil, err
	}
	err = c.node.SetAt(ctx, lease, key, value, time.Hour)
	if err != nil && !errors.Is(err, dsync.ErrRejected) {
		log.Print(err) // no reason to withhold what the database has said
	}
	return value, nil // right when it was loaded, and cached only if it still is
}

// A delete during a load wins: the value that was loaded before it is not cached.
func ExampleDistributedSync_SetAt() {
	ctx := context.Background()
	hub := memory.NewHub()
	cache := newOtterCache(64 << 20)
	defer cache.Close()
	one, stopOne := start(open(hub), "node-1", &dsync.Options{
		Cache:    cache,
		Recovery: dsync.Recovery{Suspicion: dsync.TreatAsMiss},
	})
	defer stopOne()
	other := newOtterCache(64 << 20)
	defer other.Close()
	two, stopTwo := start(open(hub), "node-2", &dsync.Options{Cache: other})
	defer stopTwo()
	meet(one, two)

	price := "10"
	raise := func() { // on another node, first in the database and then in the caches
		price = "12"
		must(two.Delete(ctx, "price"))
		await(func() bool { return one.Status().Applied == 1 })
	}
	prices := catalogue{node: one, cache: cache, load: func(context.Context, string) ([]byte, error) {
		loaded := []byte(price)
		if price == "10" {
			raise()
		}
		return loaded, nil
	}}
	for range 3 {
		_, cached := cache.Get("price")
		value, err := prices.Get(ctx, "price")
		fmt.Printf("cached %v: %s %v\n", cached, value, err)
	}
	// Output:
	// cached false: 10 <nil>
	// cached false: 12 <nil>
	// cached true: 12 <nil>
}
