package sync_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// catalogue caches what a database holds. It is an Options.Cache; package sync/cache
// has one that is typed, bounded, and loads once per key at a time.
type catalogue struct {
	node *dsync.DistributedSync
	load func(key string) []byte // from the database

	mu     sync.Mutex
	values map[string][]byte
}

func (c *catalogue) Set(_ context.Context, key string, value []byte, _ time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[key] = value
	return nil
}

func (c *catalogue) Delete(_ context.Context, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.values, key)
	return nil
}

func (c *catalogue) InvalidatePattern(_ context.Context, pattern string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.values {
		if coordination.Match(pattern, key) {
			delete(c.values, key)
		}
	}
	return nil
}

func (c *catalogue) Clear(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.values)
	return nil
}

func (c *catalogue) cached(key string) (value []byte, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, found = c.values[key]
	return value, found
}

// Get returns the value of key. While the node may have missed something, it asks
// the database (see Recovery.Suspicion).
func (c *catalogue) Get(ctx context.Context, key string) []byte {
	if value, found := c.cached(key); found && c.node.Readable() {
		return value
	}
	lease := c.node.Begin() // before the load: whatever changes key from here on wins
	value := c.load(key)
	err := c.node.Fill(ctx, lease, key, value, time.Hour)
	if err != nil && !errors.Is(err, dsync.ErrRejected) {
		log.Print(err) // the value is right all the same
	}
	return value
}

// A delete during a load wins: the value that was loaded before it is not cached.
func ExampleDistributedSync_Fill() {
	ctx, stop := context.WithCancel(context.Background())
	price := "10"
	prices := &catalogue{values: make(map[string][]byte)}
	prices.load = func(key string) []byte {
		loaded := []byte(price)
		if price == "10" { // meanwhile somebody raises the price, on this node or another
			price = "12"
			if err := prices.node.Delete(ctx, key); err != nil {
				log.Print(err)
			}
		}
		return loaded
	}
	node, err := dsync.New(dsync.DefaultConfig("node-1"), memory.New(), &dsync.Options{
		Cache:    prices,
		Recovery: dsync.Recovery{Suspicion: dsync.TreatAsMiss},
	})
	if err != nil {
		log.Fatal(err)
	}
	prices.node = node
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	for !node.Readable() {
		time.Sleep(time.Millisecond)
	}

	for range 3 {
		_, cached := prices.cached("price")
		fmt.Printf("cached %v: %s\n", cached, prices.Get(ctx, "price"))
	}
	stop()
	fmt.Println(<-ended)
	// Output:
	// cached false: 10
	// cached false: 12
	// cached true: 12
	// <nil>
}
