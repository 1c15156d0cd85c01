package cache_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// Price is what the caches hold.
type Price struct{ Cents int }

// startShop runs a node with a cache on it, and waits until it has met its peers. In
// production hub.Open is redis.Open, and nobody waits: until then the cache misses.
func startShop(ctx context.Context, hub *memory.Hub, name string, peers ...string) (prices *cache.Cache[Price], stop func()) {
	port, err := hub.Open(nil)
	if err != nil {
		log.Fatal(err)
	}
	node, err := cache.NewNode(dsync.DefaultConfig(name), port, nil)
	if err != nil {
		log.Fatal(err)
	}
	prices, err = cache.New(node, "price:", &cache.Options[Price]{TTL: time.Hour})
	if err != nil {
		log.Fatal(err)
	}
	running, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- node.Run(running) }()
	for !node.Readable() || len(node.Status().ActiveNodes) <= len(peers) {
		time.Sleep(time.Millisecond)
	}
	return prices, func() {
		if err := prices.Close(ctx); err != nil {
			log.Print(err)
		}
		end()
		if err := <-ended; err != nil {
			log.Print(err)
		}
		_ = port.Close()
	}
}

// Two nodes load a price once each. When one changes it, both load again.
func Example() {
	ctx := context.Background()
	hub := memory.NewHub()
	berlin, stopBerlin := startShop(ctx, hub, "berlin")
	defer stopBerlin()
	oslo, stopOslo := startShop(ctx, hub, "oslo", "berlin")
	defer stopOslo()

	database := map[string]Price{"tea": {300}}
	load := func(_ context.Context, key string) (Price, error) {
		price, found := database[key]
		if !found {
			return Price{}, cache.ErrNotFound
		}
		return price, nil
	}
	show := func() {
		for _, prices := range []*cache.Cache[Price]{berlin, oslo, berlin, oslo} {
			price, err := prices.Get(ctx, "tea", load)
			fmt.Print(price.Cents, " ", err, "  ")
		}
		fmt.Println("loads:", berlin.Stats().Loads+oslo.Stats().Loads)
	}
	show()

	database["tea"] = Price{350} // first the database, then the caches
	if err := oslo.Delete(ctx, "tea"); err != nil {
		log.Print(err)
	}
	for { // a moment later berlin has received it
		if _, found := berlin.Peek("tea"); !found {
			break
		}
		time.Sleep(time.Millisecond)
	}
	show()
	// Output:
	// 300 <nil>  300 <nil>  300 <nil>  300 <nil>  loads: 2
	// 350 <nil>  350 <nil>  350 <nil>  350 <nil>  loads: 4
}
