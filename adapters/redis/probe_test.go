package redis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
)

func TestALinkToAServerWithoutThePublishesIsReplaced(t *testing.T) {
	former, primary := private(t), private(t)
	var leads atomic.Pointer[string] // where a connection leads
	leads.Store(&former.Address)
	options := &redis.Options{LinkTimeout: 300 * time.Millisecond, Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, *leads.Load())
	}}
	handle := open(t, "redis://127.0.0.1:1", options)
	subscription, err := handle.Subscribe(within(t), "channel")
	if err != nil {
		t.Fatal(err)
	}
	// The subscriptions stay with the former primary, which lives. Publishes move.
	leads.Store(&primary.Address)
	admin := goredis.NewClient(&goredis.Options{Addr: former.Address})
	defer admin.Close()
	admin.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes")
	began := time.Now()
	if _, err := subscription.Next(within(t)); !errors.Is(err, coordination.ErrMessagesLost) {
		t.Fatalf("Next = %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := handle.Publish(within(t), "channel", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if message, err := subscription.Next(within(t)); err != nil || string(message.Payload) != "hello" {
		t.Errorf("Next = %q, %v", message.Payload, err)
	}
}

func TestAProbeBehindLargeMessagesBreaksNoLink(t *testing.T) {
	const timeout = time.Second
	server := private(t)
	slow := open(t, "redis://"+throttled(t, server.Address, 1<<20, timeout/4), &redis.Options{LinkTimeout: timeout})
	subscription, err := slow.Subscribe(within(t), "channel")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first probe has arrived", func() bool {
		stats, err := slow.Stats(within(t))
		return err == nil && stats.Metadata["lag"] != ""
	})
	near := open(t, server.URL(), nil)
	for range 3 {
		if err := near.Publish(within(t), "channel", make([]byte, 4<<20)); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if message, err := subscription.Next(within(t)); err != nil || len(message.Payload) != 4<<20 {
			t.Fatalf("Next = %d bytes, %v", len(message.Payload), err)
		}
	}
}

func TestStatsTellsTheLagOfTheLink(t *testing.T) {
	server := private(t)
	handle := open(t, server.URL(), &redis.Options{LinkTimeout: 100 * time.Millisecond})
	if _, err := handle.Subscribe(within(t), "channel"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Stats has the lag", func() bool {
		stats, err := handle.Stats(within(t))
		lag, parseErr := time.ParseDuration(stats.Metadata["lag"])
		return err == nil && parseErr == nil && lag > 0
	})
}

func TestTakenMessagesAreCountedThoughTheConnectionOfTheSubscriberWasKilled(t *testing.T) {
	server := private(t, "--user", "peer", "on", ">secret", "~*", "&*", "+@all")
	publisher, peer := open(t, server.URL(), nil), open(t, "redis://peer:secret@"+server.Address, nil)
	subscription, err := peer.Subscribe(within(t), "channel")
	if err != nil {
		t.Fatal(err)
	}
	admin := goredis.NewClient(&goredis.Options{Addr: server.Address})
	defer admin.Close()
	go func() {
		for ctx := t.Context(); ctx.Err() == nil; {
			if _, err := subscription.Next(ctx); errors.Is(err, coordination.ErrClosed) {
				return
			}
		}
	}()
	for range 10 {
		admin.ClientKillByFilter(t.Context(), "TYPE", "normal", "USER", "peer")
		if count, err := publisher.PublishWithAck(within(t), "channel", nil, 2*time.Second); count != 1 || err != nil {
			t.Errorf("PublishWithAck = %d, %v, want 1", count, err)
		}
	}
}

func TestSubscribeTellsAtOnceWhyTheLinkIsDown(t *testing.T) {
	server := private(t, "--user", "coordkit", "on", ">secret", "~*", "&*", "+@all")
	admin := goredis.NewClient(&goredis.Options{Addr: server.Address, PoolSize: 1})
	defer admin.Close()
	for reason, set := range map[string][2][]any{
		"WRONGPASS":  {{"acl", "setuser", "coordkit", "resetpass", ">other"}, {"acl", "setuser", "coordkit", ">secret"}},
		"NOPERM":     {{"acl", "setuser", "coordkit", "-ping", "-subscribe"}, {"acl", "setuser", "coordkit", "+@all"}},
		"max number": {{"config", "set", "maxclients", "1"}, {"config", "set", "maxclients", "1000"}},
	} {
		t.Run(reason, func(t *testing.T) {
			handle := open(t, "redis://coordkit:secret@"+server.Address, nil)
			subscription, err := handle.Subscribe(within(t), "channel")
			if err != nil {
				t.Fatal(err)
			}
			if err := admin.Do(t.Context(), set[0]...).Err(); err != nil {
				t.Fatal(err)
			}
			admin.ClientKillByFilter(t.Context(), "USER", "coordkit")
			var last error
			for range 5 {
				began := time.Now()
				_, err := handle.Subscribe(within(t), "other")
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("Subscribe took %v", took)
				}
				if !errors.Is(err, coordination.ErrUnavailable) {
					t.Fatalf("Subscribe = %v", err)
				}
				last = err
			}
			if last == nil || !strings.Contains(last.Error(), reason) {
				t.Errorf("Subscribe = %v, want %q", last, reason)
			}
			if err := admin.Do(t.Context(), set[1]...).Err(); err != nil {
				t.Fatal(err)
			}
			if _, err := subscription.Next(within(t)); !errors.Is(err, coordination.ErrMessagesLost) {
				t.Fatalf("Next = %v", err)
			}
			if err := handle.Publish(within(t), "channel", []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if message, err := subscription.Next(within(t)); err != nil || string(message.Payload) != "hello" {
				t.Errorf("Next = %q, %v", message.Payload, err)
			}
		})
	}
}
