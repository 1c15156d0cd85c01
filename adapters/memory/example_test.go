package memory_test

import (
	"context"
	"fmt"
	"log"

	"github.com/riptidecrawler/coordkit/adapters/memory"
)

// Two handles on one hub are two nodes of one cluster.
func ExampleHub() {
	ctx := context.Background()
	hub := memory.NewHub()
	one, err := hub.Open(nil)
	if err != nil {
		log.Fatal(err)
	}
	other, err := hub.Open(nil)
	if err != nil {
		log.Fatal(err)
	}
	subscription, err := other.Subscribe(ctx, "news")
	if err != nil {
		log.Fatal(err)
	}
	if err := one.Publish(ctx, "news", []byte("hello")); err != nil {
		log.Fatal(err)
	}
	message, err := subscription.Next(ctx)
	fmt.Printf("%s %v\n", message.Payload, err)
	// Output: hello <nil>
}

// A handle with a hub of its own serves where one node is enough.
func ExampleNew() {
	node := memory.New()
	defer node.Close()
	fmt.Println(node.HealthCheck(context.Background()))
	// Output: true <nil>
}
