package cache_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// loadStock asks the database.
func loadStock(context.Context, string) (int, error) { return 7, nil }

// A service that starts while Redis is down: redis.New connects to nothing yet. Until
// Redis is there, every Get loads and nothing is stored.
func Example_startWithoutRedis() {
	ctx, stop := context.WithCancel(context.Background())
	client := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1"}) // nobody is there
	port, err := redis.New(client, &redis.Options{Namespace: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	node, err := cache.NewNode(dsync.DefaultConfig("node-1"), port, nil)
	if err != nil {
		log.Fatal(err)
	}
	stock, err := cache.New(node, "stock:", &cache.Options[int]{TTL: time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }() // it connects as soon as Redis is there

	for range 2 {
		fmt.Println(stock.Get(ctx, "tea", loadStock))
	}
	err = stock.Delete(ctx, "tea") // at most Options.PublishTimeout later, half a second
	fmt.Println(errors.Is(err, dsync.ErrDelayed))
	fmt.Println("hits:", stock.Stats().Hits)

	_ = stock.Close(ctx)
	stop()
	fmt.Println(<-ended)
	_ = port.Close()
	_ = client.Close()
	// Output:
	// 7 <nil>
	// 7 <nil>
	// true
	// hits: 0
	// <nil>
}
