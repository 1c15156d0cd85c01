package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/faultproxy"
)

// inParallel makes count calls, 64 at a time.
func inParallel(count int, call func(i int)) {
	var next atomic.Int64
	var running sync.WaitGroup
	for range 64 {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				call(i)
			}
		})
	}
	running.Wait()
}

// connectionsOf returns how many connections the server has, without the client's own.
func connectionsOf(t testing.TB, client *goredis.Client) int {
	t.Helper()
	list, err := client.ClientList(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(list, "\n") - 1
}

// All names together are more than a server lets a subscriber leave unread (32 MB).
func TestManySubscriptionsWithLongNamesHearAgainAfterABreak(t *testing.T) {
	const count = 20_000
	server := private(t)
	client := raw(t, server.Address)
	handle := open(t, server.URL(), nil)
	name := func(i int) string {
		return fmt.Sprint(i, strings.Repeat("n", coordination.MaxNameLen-20))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	subscriptions := make([]coordination.Subscription, count)
	inParallel(count, func(i int) {
		var err error
		if subscriptions[i], err = handle.Subscribe(ctx, name(i)); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	if open := connectionsOf(t, client); open > 4 {
		t.Errorf("%d connections are open", open)
	}
	if killed, err := client.ClientKillByFilter(ctx, "TYPE", "pubsub").Result(); killed == 0 || err != nil {
		t.Fatalf("CLIENT KILL = %d, %v", killed, err)
	}
	began := time.Now()
	// What comes meanwhile waits for a window at most, not for all names.
	eventually(t, "the link is back", func() bool {
		subscription, err := handle.Subscribe(ctx, "meanwhile")
		if err != nil {
			return false
		}
		go func() { _, _ = subscription.Next(ctx) }()
		acks, err := handle.PublishWithAck(ctx, "meanwhile", nil, 5*time.Second)
		if acks != 1 || err != nil {
			t.Errorf("PublishWithAck = %d, %v", acks, err)
		}
		_ = subscription.Close()
		return true
	})
	meanwhile := time.Since(began)
	expectHealthyAgain(t, handle)
	all := time.Since(began)
	t.Logf("a new subscription hears after %v, all after %v", meanwhile, all)
	if all > 10*time.Second {
		t.Error("that is longer than the documentation says")
	}
	inParallel(count, func(i int) {
		if err := handle.Publish(ctx, name(i), []byte("after")); err != nil {
			t.Error(err)
		}
		if _, err := subscriptions[i].Next(ctx); !errors.Is(err, coordination.ErrMessagesLost) {
			t.Errorf("Next of %d = %v, want a gap", i, err)
		}
		if message, err := subscriptions[i].Next(ctx); err != nil || string(message.Payload) != "after" {
			t.Errorf("Next of %d = %q, %v", i, message.Payload, err)
		}
	})
	if client.PubSubNumPat(ctx).Val() != 0 || len(client.PubSubChannels(ctx, "*").Val()) < count {
		t.Error("the server does not have the channels")
	}
	inParallel(count, func(i int) { _ = subscriptions[i].Close() })
	eventually(t, "the server has forgotten the channels", func() bool { return len(client.PubSubChannels(ctx, "riptide:c:*").Val()) == 0 })
}

func TestAFloodOfAcknowledgedPublishesIsCountedExactly(t *testing.T) {
	const count = 30_000
	server := private(t)
	publisher, receiver := open(t, server.URL(), nil), open(t, server.URL(), &redis.Options{Buffer: count})
	subscription, err := receiver.Subscribe(within(t), "flood")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var receiving sync.WaitGroup
	receiving.Go(func() {
		for range count {
			if _, err := subscription.Next(ctx); err != nil {
				t.Error(err)
				return
			}
		}
	})
	began := time.Now()
	var publishing sync.WaitGroup
	var wrong atomic.Int64
	for range count {
		publishing.Go(func() {
			if acks, err := publisher.PublishWithAck(ctx, "flood", []byte("payload"), time.Minute); acks != 1 || err != nil {
				if wrong.Add(1) < 5 {
					t.Errorf("PublishWithAck = %d, %v", acks, err)
				}
			}
		})
	}
	publishing.Wait()
	receiving.Wait()
	t.Logf("%d were acknowledged in %v, %d were not", count, time.Since(began), wrong.Load())
}

// The link carries 64 KB a second, so that all acknowledgements take longer than a part of
// them may.
func TestAcknowledgementsOfASlowLinkAreAllCounted(t *testing.T) {
	const count = 2500
	server := private(t)
	proxy := behind(t, server.Address)
	publisher := open(t, server.URL(), nil)
	receiver := open(t, "redis://"+proxy.Address, nil)
	subscription, err := receiver.Subscribe(within(t), "slow")
	if err != nil {
		t.Fatal(err)
	}
	proxy.Inject(faultproxy.SlowLink, "")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() {
		for range count {
			if _, err := subscription.Next(ctx); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range count {
		running.Go(func() {
			if acks, err := publisher.PublishWithAck(ctx, "slow", nil, time.Minute); acks != 1 || err != nil {
				t.Errorf("PublishWithAck = %d, %v", acks, err)
			}
		})
	}
	running.Wait()
	expectHealthy(t, receiver)
}
