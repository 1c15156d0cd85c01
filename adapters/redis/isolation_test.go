package redis_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/coordination"
)

func TestDatabasesShareNoMessages(t *testing.T) {
	server := private(t)
	first, second := open(t, server.URL()+"/1", nil), open(t, server.URL()+"/2", nil)
	peer := open(t, server.URL()+"/1", nil)
	for _, pattern := range []string{"news", "*"} {
		strange, err := second.Subscribe(within(t), pattern)
		if err != nil {
			t.Fatal(err)
		}
		own, err := peer.Subscribe(within(t), pattern)
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Publish(within(t), "news", []byte("of the first")); err != nil {
			t.Fatal(err)
		}
		if err := second.Publish(within(t), "news", []byte("of the second")); err != nil {
			t.Fatal(err)
		}
		for subscription, want := range map[coordination.Subscription]string{strange: "of the second", own: "of the first"} {
			if message, err := subscription.Next(within(t)); err != nil || string(message.Payload) != want {
				t.Errorf("%q: Next = %q, %v, want %q", pattern, message.Payload, err, want)
			}
		}
		_ = own.Close()
		if count, err := first.PublishWithAck(within(t), "news", nil, time.Second); !errors.Is(err, coordination.ErrNoSubscribers) {
			t.Errorf("%q: PublishWithAck = %d, %v, want ErrNoSubscribers", pattern, count, err)
		}
	}
}

// forged returns a frame that asks for acknowledgements, as any client can write it.
func forged(handle string, number, timeout uint64) string {
	frame := binary.BigEndian.AppendUint64([]byte{2}, uint64(time.Now().UnixNano()))
	frame = append(append(frame, byte(len(handle))), handle...)
	frame = binary.BigEndian.AppendUint64(frame, number)
	return string(binary.BigEndian.AppendUint64(frame, timeout))
}

func TestAForgedFrameLeavesNoRecordWithoutAnEndAndRaisesNoCount(t *testing.T) {
	server := private(t)
	admin := goredis.NewClient(&goredis.Options{Addr: server.Address})
	defer admin.Close()
	handle := open(t, server.URL(), nil)
	subscription, err := handle.Subscribe(within(t), "channel")
	if err != nil {
		t.Fatal(err)
	}
	inboxes, err := admin.PubSubChannels(t.Context(), "riptide:i:*").Result()
	if err == nil && len(inboxes) == 0 {
		_, _ = handle.PublishWithAck(within(t), "nobody", nil, time.Second)
		inboxes, err = admin.PubSubChannels(t.Context(), "riptide:i:*").Result()
	}
	if err != nil || len(inboxes) != 1 {
		t.Fatalf("inboxes are %v, %v", inboxes, err)
	}
	id := strings.TrimPrefix(inboxes[0], "riptide:i:")
	for i, timeout := range []uint64{0, 1000, math.MaxInt64, math.MaxUint64, math.MaxUint64 - 5000} {
		for number := range uint64(10) { // what a counter would have next
			admin.Publish(t.Context(), "riptide:c:channel", forged(id, number+uint64(i), timeout))
			if _, err := subscription.Next(within(t)); err != nil {
				t.Fatal(err)
			}
		}
	}
	go func() {
		for ctx := t.Context(); ctx.Err() == nil; {
			if _, err := subscription.Next(ctx); errors.Is(err, coordination.ErrClosed) || errors.Is(err, context.Canceled) {
				return
			}
		}
	}()
	for range 10 {
		if count, err := handle.PublishWithAck(within(t), "channel", nil, 5*time.Second); count != 1 || err != nil {
			t.Errorf("PublishWithAck = %d, %v, want 1", count, err)
		}
	}
	records, err := admin.Keys(t.Context(), "{riptide}:ack:*").Result()
	if err != nil || len(records) == 0 {
		t.Fatalf("records are %v, %v", records, err)
	}
	for _, record := range records {
		if ttl, err := admin.PTTL(t.Context(), record).Result(); err != nil || ttl <= 0 || ttl > 25*time.Hour {
			t.Errorf("the TTL of %s is %v, %v", record, ttl, err)
		}
	}
}
