package coordination_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

func ExampleMessaging_Publish() {
	ctx := context.Background()
	var node coordination.Messaging = memory.New()

	// Nobody listens, and that is fine.
	fmt.Println(node.Publish(ctx, "cache:invalidate", []byte("user:1")))

	err := node.Publish(ctx, "", nil)
	fmt.Println(errors.Is(err, coordination.ErrInvalidArgument))
	// Output:
	// <nil>
	// true
}

func ExampleMessaging_Subscribe() {
	ctx := context.Background()
	hub := memory.NewHub()
	reader, err := hub.Open(nil)
	must(err)
	writer, err := hub.Open(nil) // its peer, as another process would be
	must(err)

	subscription, err := reader.Subscribe(ctx, "cache:*")
	must(err)
	defer subscription.Close()
	must(writer.Publish(ctx, "cache:invalidate", []byte("user:1")))

	message, err := subscription.Next(ctx)
	must(err)
	fmt.Printf("%s got %s on %s\n", message.Pattern, message.Payload, message.Channel)
	// Output: cache:* got user:1 on cache:invalidate
}

func ExampleMessaging_PublishWithAck() {
	ctx := context.Background()
	node := memory.New()
	_, err := node.PublishWithAck(ctx, "reload", nil, time.Second)
	fmt.Println(errors.Is(err, coordination.ErrNoSubscribers))

	subscription, err := node.Subscribe(ctx, "reload")
	must(err)
	go func() { _, _ = subscription.Next(ctx) }()
	acks, err := node.PublishWithAck(ctx, "reload", nil, time.Second)
	fmt.Println(acks, err)
	// Output:
	// true
	// 1 <nil>
}

func ExampleSubscription_Next() {
	ctx := context.Background()
	node, err := memory.NewHub().Open(&memory.Options{Buffer: 2})
	must(err)
	subscription, err := node.Subscribe(ctx, "news")
	must(err)
	for _, payload := range []string{"a", "b", "c"} {
		must(node.Publish(ctx, "news", []byte(payload)))
	}

	_, err = subscription.Next(ctx)
	var lost *coordination.MessagesLostError
	fmt.Println(errors.Is(err, coordination.ErrMessagesLost), errors.As(err, &lost) && lost.Count == 1)
	message, err := subscription.Next(ctx) // and on it goes
	fmt.Printf("%s %v\n", message.Payload, err)
	// Output:
	// true true
	// b <nil>
}

func ExampleSubscription_Close() {
	ctx := context.Background()
	subscription, err := memory.New().Subscribe(ctx, "news")
	must(err)
	must(subscription.Close())
	_, err = subscription.Next(ctx)
	fmt.Println(errors.Is(err, coordination.ErrClosed))
	// Output: true
}

func ExampleMessages() {
	ctx := context.Background()
	node := memory.New()
	subscription, err := node.Subscribe(ctx, "news")
	must(err)
	must(node.Publish(ctx, "news", []byte("a")))
	must(node.Publish(ctx, "news", []byte("the end")))

	for message, err := range coordination.Messages(ctx, subscription) {
		if errors.Is(err, coordination.ErrMessagesLost) {
			continue // read again what the messages were about
		}
		must(err)
		fmt.Printf("%s\n", message.Payload)
		if string(message.Payload) == "the end" {
			must(subscription.Close())
		}
	}
	// Output:
	// a
	// the end
}
