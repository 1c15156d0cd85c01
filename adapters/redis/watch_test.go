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

// hears reads until a message comes, and reports whether a gap was told before.
func hears(t *testing.T, subscription coordination.Subscription) (payload string, gap bool) {
	t.Helper()
	for {
		message, err := subscription.Next(within(t))
		switch {
		case errors.Is(err, coordination.ErrMessagesLost):
			gap = true
		case err != nil:
			t.Fatal(err)
		default:
			return string(message.Payload), gap
		}
	}
}

// publishing publishes through a handle until the test has what it waits for.
func publishing(t *testing.T, handle *redis.Coordination, payload string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = handle.Publish(ctx, "channel", []byte(payload))
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func() { cancel(); <-done }
}

func TestANameThatMovesToAnotherServerIsFollowed(t *testing.T) {
	before, after := private(t), private(t)
	for _, made := range []string{"Open", "New"} {
		t.Run(made, func(t *testing.T) {
			var address atomic.Value
			address.Store(before.Address)
			dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address.Load().(string))
			}
			options := &redis.Options{LinkTimeout: 600 * time.Millisecond}
			var handle *redis.Coordination
			if made == "Open" {
				options.Dialer = dial
				handle = open(t, "redis://redis.example:6379", options)
			} else {
				client := goredis.NewClient(&goredis.Options{Addr: "redis.example:6379", Dialer: dial})
				defer client.Close()
				var err error
				if handle, err = redis.New(client, options); err != nil {
					t.Fatal(err)
				}
				defer handle.Close()
			}
			subscription, err := handle.Subscribe(t.Context(), "channel")
			if err != nil {
				t.Fatal(err)
			}
			if err := handle.Set(t.Context(), "key", nil, 0); err != nil {
				t.Fatal(err)
			}
			address.Store(after.Address)
			stop := publishing(t, open(t, after.URL(), nil), "from the new server")
			defer stop()
			if payload, gap := hears(t, subscription); payload != "from the new server" || !gap {
				t.Errorf("heard %q, told of the gap %v", payload, gap)
			}
			eventually(t, "a key on the new server", func() bool {
				_ = handle.Set(within(t), made, nil, 0)
				keys, _ := open(t, after.URL(), nil).Keys(within(t), made)
				return len(keys) == 1
			})
		})
	}
}

func TestANameWithSeveralAddressesOfOneServerKeepsItsConnections(t *testing.T) {
	server := private(t)
	addresses := []string{newRelay(t, server.Address).address, newRelay(t, server.Address).address}
	var dials atomic.Int64
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addresses[dials.Add(1)%2])
	}
	handle := open(t, "redis://redis.example", &redis.Options{LinkTimeout: 300 * time.Millisecond, Dialer: dial})
	subscription, err := handle.Subscribe(t.Context(), "channel")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the address was looked at often", func() bool { return dials.Load() > 20 })
	if err := handle.Publish(within(t), "channel", []byte("here")); err != nil {
		t.Fatal(err)
	}
	if message, err := subscription.Next(within(t)); err != nil || string(message.Payload) != "here" {
		t.Errorf("Next = %q, %v", message.Payload, err)
	}
}

// The old primary lives on, and nobody tells it that it is none any more.
func TestAPrimaryThatSentinelReplacedIsLeft(t *testing.T) {
	first := private(t, "--rename-command", "REPLICAOF", "NOREPLICAOF", "--rename-command", "SLAVEOF", "NOSLAVEOF")
	second := replicaOf(t, first)
	address := sentinel(t, first, 1)
	client := goredis.NewFailoverClient(&goredis.FailoverOptions{MasterName: "main", SentinelAddrs: []string{address}})
	defer client.Close()
	options := &redis.Options{LinkTimeout: time.Second}
	ofClient, err := redis.New(client, options)
	if err != nil {
		t.Fatal(err)
	}
	defer ofClient.Close()
	handles := map[string]*redis.Coordination{"Open": open(t, "redis://"+address+"?master_name=main", options), "New": ofClient}
	subscriptions := map[string]coordination.Subscription{}
	for name, handle := range handles {
		if subscriptions[name], err = handle.Subscribe(t.Context(), "channel"); err != nil {
			t.Fatal(err)
		}
	}
	raw := goredis.NewSentinelClient(&goredis.Options{Addr: address})
	defer raw.Close()
	beginFailover(t, raw)
	eventually(t, "the replica is primary", func() bool {
		found, err := raw.GetMasterAddrByName(t.Context(), "main").Result()
		return err == nil && len(found) == 2 && strings.HasSuffix(second.Address, ":"+found[1])
	})
	stop := publishing(t, open(t, second.URL(), nil), "from the new primary")
	defer stop()
	for name, subscription := range subscriptions {
		if payload, gap := hears(t, subscription); payload != "from the new primary" || !gap {
			t.Errorf("%s: heard %q, told of the gap %v", name, payload, gap)
		}
	}
}

// The address stays the same for long enough that only the refused write tells.
func TestAServerThatRefusesWritesAsAReplicaIsLeftByAllConnections(t *testing.T) {
	first, second := private(t), private(t)
	var address atomic.Value
	address.Store(first.Address)
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address.Load().(string))
	}
	var log records
	handle := open(t, "redis://redis.example", &redis.Options{LinkTimeout: time.Minute, Dialer: dial, Logger: log.logger()})
	subscription, err := handle.Subscribe(t.Context(), "channel")
	if err != nil {
		t.Fatal(err)
	}
	if failed, err := together(t, handle); failed > 0 {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(second.Address)
	raw := goredis.NewClient(&goredis.Options{Addr: first.Address})
	defer raw.Close()
	if err := raw.ReplicaOf(t.Context(), host, port).Err(); err != nil {
		t.Fatal(err)
	}
	address.Store(second.Address)
	if err := handle.Set(within(t), "key", nil, 0); !errors.Is(err, coordination.ErrUnavailable) || !strings.Contains(err.Error(), "READONLY") {
		t.Errorf("Set on a replica = %v", err)
	}
	if err := handle.Set(within(t), "key", nil, 0); err != nil {
		t.Errorf("the next Set = %v", err)
	}
	if failed, err := together(t, handle); failed > 0 {
		t.Errorf("%d of 10 concurrent calls = %v", failed, err)
	}
	stop := publishing(t, handle, "from the new primary")
	defer stop()
	if payload, gap := hears(t, subscription); payload != "from the new primary" || !gap {
		t.Errorf("heard %q, told of the gap %v", payload, gap)
	}
	if text := log.String(); !strings.Contains(text, "dropped") || !strings.Contains(text, "READONLY") {
		t.Errorf("the log does not tell of it:\n%s", text)
	}
}
