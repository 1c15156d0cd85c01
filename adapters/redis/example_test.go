package redis_test

import (
	"context"
	"fmt"
	"log"
	"os"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
)

func ExampleOpen() {
	ctx := context.Background()
	node, err := redis.Open(ctx, os.Getenv("REDIS_URL"), &redis.Options{Namespace: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	fmt.Println(node.HealthCheck(ctx))
}

// A client of one's own, here one that follows Sentinel, is not closed with the
// handle.
func ExampleNew() {
	client := goredis.NewFailoverClient(&goredis.FailoverOptions{
		MasterName:    "main",
		SentinelAddrs: []string{"10.0.0.1:26379", "10.0.0.2:26379"},
	})
	defer client.Close()
	node, err := redis.New(client, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
	fmt.Println(node.HealthCheck(context.Background()))
}
