package redis_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
)

// within bounds what must end soon.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAPublishWhoseReplyIsLostIsNotSentAgain(t *testing.T) {
	backend := miniredis.RunT(t)
	var published atomic.Int32
	backend.Server().SetPreHook(func(peer *server.Peer, command string, _ ...string) bool {
		if command == "PUBLISH" {
			published.Add(1)
			peer.Close()
		}
		return command == "PUBLISH"
	})
	client := goredis.NewClient(&goredis.Options{Addr: backend.Addr(), MaxRetries: 3})
	defer client.Close()
	handle, err := redis.New(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()
	if err := handle.Publish(within(t), "channel", nil); !errors.Is(err, coordination.ErrUnavailable) {
		t.Errorf("Publish = %v", err)
	}
	if sent := published.Load(); sent != 1 {
		t.Errorf("it was sent %d times", sent)
	}
}

func TestAServerThatGoesAwayAndComesBackIsFoundAgain(t *testing.T) {
	backend := miniredis.RunT(t)
	handle := open(t, "redis://"+backend.Addr(), nil)
	subscription, err := handle.Subscribe(t.Context(), "channel")
	if err != nil {
		t.Fatal(err)
	}
	backend.Close()
	if _, _, err := handle.Get(within(t), "key"); !errors.Is(err, coordination.ErrUnavailable) {
		t.Errorf("Get without a server = %v", err)
	}
	if _, err := handle.Subscribe(within(t), "other"); !errors.Is(err, coordination.ErrUnavailable) {
		t.Errorf("Subscribe without a server = %v", err)
	}
	if _, err := handle.HealthCheck(within(t)); !errors.Is(err, coordination.ErrUnavailable) {
		t.Errorf("HealthCheck without a server = %v", err)
	}
	if err := backend.Restart(); err != nil {
		t.Fatal(err)
	}
	if _, err := subscription.Next(within(t)); !errors.Is(err, coordination.ErrMessagesLost) {
		t.Errorf("Next after the restart = %v", err)
	}
	for {
		err := handle.Publish(within(t), "channel", []byte("again"))
		if err == nil {
			break
		}
		if !errors.Is(err, coordination.ErrUnavailable) {
			t.Fatalf("Publish after the restart = %v", err)
		}
	}
	if message, err := subscription.Next(within(t)); err != nil || string(message.Payload) != "again" {
		t.Errorf("Next = %v, %v", message, err)
	}
}

func TestAKilledSubscriberIsToldOfTheGap(t *testing.T) {
	backend := private(t)
	handle := open(t, backend.URL(), nil)
	subscription, err := handle.Subscribe(t.Context(), "n*")
	if err != nil {
		t.Fatal(err)
	}
	raw := goredis.NewClient(&goredis.Options{Addr: backend.Address})
	defer raw.Close()
	if err := raw.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := subscription.Next(within(t)); !errors.Is(err, coordination.ErrMessagesLost) {
		t.Errorf("Next after the kill = %v", err)
	}
	works(t, handle)
}

func TestAServerThatWasToldToForgetItsScriptsGetsThemAgain(t *testing.T) {
	backend := private(t)
	handle := open(t, backend.URL(), nil)
	raw := goredis.NewClient(&goredis.Options{Addr: backend.Address})
	defer raw.Close()
	for range 2 {
		if err := handle.RegisterNode(t.Context(), "node", nil); err != nil {
			t.Fatal(err)
		}
		if err := raw.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAReplicaIsDegraded(t *testing.T) {
	backend := private(t, "--replicaof", "127.0.0.1", "1")
	handle := open(t, backend.URL(), nil)
	if healthy, err := handle.HealthCheck(t.Context()); healthy || err != nil {
		t.Errorf("HealthCheck = %v, %v", healthy, err)
	}
	stats, err := handle.Stats(t.Context())
	if err != nil || !strings.Contains(stats.Metadata[coordination.DegradedKey], "replica") {
		t.Errorf("Stats = %+v, %v", stats, err)
	}
	if err := handle.Set(t.Context(), "key", nil, 0); !errors.Is(err, coordination.ErrUnavailable) {
		t.Errorf("Set = %v", err)
	}
}

func TestAMessageThatIsNoFrameCountsAsLost(t *testing.T) {
	backend := miniredis.RunT(t)
	handle := open(t, "redis://"+backend.Addr(), nil)
	subscription, err := handle.Subscribe(t.Context(), "channel")
	if err != nil {
		t.Fatal(err)
	}
	for _, frame := range []string{"", "raw", "\x09from a newer version", "\x02\x00\x00\x00\x00\x00\x00\x00\x00\xff"} {
		backend.Publish("riptide:c:channel", frame)
		if _, err := subscription.Next(within(t)); !errors.Is(err, coordination.ErrMessagesLost) {
			t.Errorf("Next after %q = %v", frame, err)
		}
	}
	works(t, handle)
}

func TestCloseEndsWhatIsBlockedOnAServerThatSaysNothing(t *testing.T) {
	backend := miniredis.RunT(t)
	handle := open(t, "redis://"+backend.Addr(), nil)
	release := make(chan struct{})
	defer close(release)
	backend.Server().SetPreHook(func(_ *server.Peer, command string, _ ...string) bool {
		if command == "GET" {
			<-release
		}
		return false
	})
	outcome := make(chan error, 1)
	go func() {
		_, _, err := handle.Get(t.Context(), "key")
		outcome <- err
	}()
	time.Sleep(20 * time.Millisecond) // so that it is blocked; if it is not yet, the outcome is the same
	start := time.Now()
	_ = handle.Close()
	if err := <-outcome; !errors.Is(err, coordination.ErrClosed) {
		t.Errorf("Get = %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("Close took %v", took)
	}
}

func TestNothingIsLeftOnTheServerOnceAllHasEnded(t *testing.T) {
	backend := miniredis.NewMiniRedis()
	if err := backend.Start(); err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	handle := open(t, "redis://"+backend.Addr(), nil)
	works(t, handle)
	if err := handle.RegisterNode(t.Context(), "node", nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := handle.TryAcquireLeadership(t.Context(), "node", time.Second); err != nil {
		t.Fatal(err)
	}
	subscription, err := handle.Subscribe(t.Context(), "acked")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = subscription.Next(t.Context()) }()
	if acks, err := handle.PublishWithAck(t.Context(), "acked", nil, time.Second); acks != 1 || err != nil {
		t.Fatalf("PublishWithAck = %d, %v", acks, err)
	}
	backend.FastForward(49 * time.Hour)
	if keys := backend.Keys(); len(keys) != 0 {
		t.Errorf("the server still holds %q", keys)
	}
}
