package redis_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
)

func TestAForeignMessageThatIsTooLongTakesNoMemoryAndIsAGap(t *testing.T) {
	server := private(t, "--client-output-buffer-limit", "pubsub 0 0 0")
	client := raw(t, server.Address)
	for _, parameters := range []string{"", "?protocol=2"} {
		handle := open(t, server.URL()+parameters, nil)
		subscription, err := handle.Subscribe(within(t), "channel")
		if err != nil {
			t.Fatal(err)
		}
		other, err := handle.Subscribe(within(t), "other")
		if err != nil {
			t.Fatal(err)
		}
		foreign := make([]byte, 100<<20)
		if err := client.Publish(within(t), "riptide:c:channel", foreign).Err(); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := handle.Publish(within(t), "channel", []byte("ours")); err != nil {
			t.Fatal(err)
		}
		if _, err := subscription.Next(within(t)); !errors.Is(err, coordination.ErrMessagesLost) {
			t.Errorf("Next = %v, want a gap", err)
		}
		if message, err := subscription.Next(within(t)); err != nil || string(message.Payload) != "ours" {
			t.Errorf("Next = %q, %v", message.Payload, err)
		}
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > coordination.MaxPayloadLen {
			t.Errorf("%d bytes were taken", taken)
		}
		if err := handle.Publish(within(t), "other", []byte("ours")); err != nil {
			t.Fatal(err)
		}
		if message, err := other.Next(within(t)); err != nil || string(message.Payload) != "ours" {
			t.Errorf("Next of another channel = %q, %v", message.Payload, err)
		}
		expectHealthy(t, handle)
	}
}

func TestTheLongestMessageOfOursIsRead(t *testing.T) {
	server := private(t)
	handle := open(t, server.URL(), &redis.Options{})
	subscription, err := handle.Subscribe(within(t), "channel")
	if err != nil {
		t.Fatal(err)
	}
	if err := handle.Publish(within(t), "channel", make([]byte, coordination.MaxPayloadLen)); err != nil {
		t.Fatal(err)
	}
	if message, err := subscription.Next(within(t)); err != nil || len(message.Payload) != coordination.MaxPayloadLen {
		t.Errorf("Next = %d bytes, %v", len(message.Payload), err)
	}
}
