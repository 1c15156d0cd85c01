package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
)

func TestASubscriptionIsNeverDeafToAServerThatRefusedItForAWhile(t *testing.T) {
	server := private(t, "--user", "coordkit", "on", ">secret", "~*", "allchannels", "+@all")
	admin := goredis.NewClient(&goredis.Options{Addr: server.Address})
	defer admin.Close()
	handle := open(t, "redis://coordkit:secret@"+server.Address, &redis.Options{LinkTimeout: 300 * time.Millisecond})
	subscription, err := handle.Subscribe(t.Context(), "channel")
	if err != nil {
		t.Fatal(err)
	}
	// Without the right to its channel, the link comes back without it.
	admin.ACLSetUser(t.Context(), "coordkit", "resetchannels")
	admin.ClientKillByFilter(t.Context(), "TYPE", "pubsub")
	for {
		if healthy, err := handle.HealthCheck(within(t)); !healthy && err == nil {
			break
		}
	}
	if _, err := handle.Subscribe(within(t), "other"); !errors.Is(err, coordination.ErrUnavailable) {
		t.Errorf("Subscribe without the right = %v", err)
	}
	admin.ACLSetUser(t.Context(), "coordkit", "allchannels")
	if _, err := subscription.Next(within(t)); !errors.Is(err, coordination.ErrMessagesLost) {
		t.Fatalf("Next = %v", err)
	}
	if err := handle.Publish(within(t), "channel", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if message, err := subscription.Next(within(t)); err != nil || string(message.Payload) != "hello" {
		t.Errorf("Next = %v, %v", message, err)
	}
	if healthy, err := handle.HealthCheck(within(t)); !healthy || err != nil {
		t.Errorf("HealthCheck = %v, %v", healthy, err)
	}
}

func TestARefusedSubscriptionFailsNoOther(t *testing.T) {
	server := private(t, "--user", "coordkit", "on", ">secret", "~*", "&riptide:c:allowed", "+@all")
	handle := open(t, "redis://coordkit:secret@"+server.Address, nil)
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for i := range 50 {
				if i%2 == 0 {
					if _, err := handle.Subscribe(within(t), "forbidden"); !errors.Is(err, coordination.ErrUnavailable) {
						t.Errorf("Subscribe to a forbidden channel = %v", err)
					}
					continue
				}
				subscription, err := handle.Subscribe(within(t), "allowed")
				if err != nil {
					t.Errorf("Subscribe to an allowed channel = %v", err)
					continue
				}
				if err := handle.Publish(within(t), "allowed", nil); err != nil {
					t.Error(err)
				}
				if _, err := subscription.Next(within(t)); err != nil {
					t.Errorf("Next = %v", err)
				}
				_ = subscription.Close()
			}
		})
	}
	running.Wait()
}

func TestAServerThatTakesNoWritesIsDegraded(t *testing.T) {
	for reason, arguments := range map[string][]string{
		"NOREPLICAS": {"--min-replicas-to-write", "1"},
		"OOM":        {"--maxmemory", "1", "--maxmemory-policy", "noeviction"},
	} {
		t.Run(reason, func(t *testing.T) {
			handle := open(t, private(t, arguments...).URL(), nil)
			if healthy, err := handle.HealthCheck(t.Context()); healthy || err != nil {
				t.Errorf("HealthCheck = %v, %v", healthy, err)
			}
			stats, err := handle.Stats(t.Context())
			if err != nil || !strings.Contains(stats.Metadata[coordination.DegradedKey], reason) {
				t.Errorf("Stats = %+v, %v", stats, err)
			}
		})
	}
}

// stalling is a server behind a connection that stops passing anything on.
func stalling(t *testing.T) (handle *redis.Coordination, stall func()) {
	t.Helper()
	server := private(t)
	var mu sync.Mutex
	stalled := false
	handle = open(t, server.URL(), &redis.Options{Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := new(net.Dialer).DialContext(ctx, network, address)
		return silenced{connection, &mu, &stalled}, err
	}})
	return handle, func() {
		mu.Lock()
		defer mu.Unlock()
		stalled = true
	}
}

type silenced struct {
	net.Conn
	mu      *sync.Mutex
	stalled *bool
}

func (s silenced) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *s.stalled {
		return len(b), nil
	}
	return s.Conn.Write(b)
}

func TestADeadlineOnADeadLinkIsAlwaysTheErrorOfTheContext(t *testing.T) {
	handle, stall := stalling(t)
	stall()
	var running sync.WaitGroup
	for i := range 32 {
		running.Go(func() {
			for j := range 10 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(5+i+j)*time.Millisecond)
				if err := handle.Set(ctx, fmt.Sprint(i), nil, 0); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, coordination.ErrUnavailable) {
					t.Errorf("Set = %v", err)
				}
				cancel()
			}
		})
	}
	running.Wait()
}

func TestPublishWithAckIsHardlyLateOnADeadLink(t *testing.T) {
	handle, stall := stalling(t)
	if _, err := handle.Subscribe(t.Context(), "channel"); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, stall)
	start := time.Now()
	_, err := handle.PublishWithAck(t.Context(), "channel", nil, 200*time.Millisecond)
	if !errors.Is(err, coordination.ErrUnavailable) {
		t.Errorf("PublishWithAck = %v", err)
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}
