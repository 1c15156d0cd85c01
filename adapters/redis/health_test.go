package redis_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
)

// expectDegraded fails unless HealthCheck is false and Stats gives the reason.
func expectDegraded(t testing.TB, handle *redis.Coordination, reasons ...string) {
	t.Helper()
	if healthy, err := handle.HealthCheck(within(t)); healthy || err != nil {
		t.Errorf("HealthCheck = %v, %v, want a reason with %q", healthy, err, reasons)
	}
	stats, err := handle.Stats(within(t))
	if err != nil {
		t.Errorf("Stats = %v", err)
	}
	for _, reason := range reasons {
		if told := stats.Metadata[coordination.DegradedKey]; !strings.Contains(told, reason) {
			t.Errorf("Stats gives the reason %q, want %q in it", told, reason)
		}
	}
}

func expectHealthy(t testing.TB, handle *redis.Coordination) {
	t.Helper()
	stats, err := handle.Stats(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if healthy, err := handle.HealthCheck(within(t)); !healthy || err != nil {
		t.Errorf("HealthCheck = %v, %v: %s", healthy, err, stats.Metadata[coordination.DegradedKey])
	}
	if reason, degraded := stats.Metadata[coordination.DegradedKey]; degraded {
		t.Errorf("Stats gives the reason %q", reason)
	}
}

func TestAServerThatCanEvictRecordsIsDegraded(t *testing.T) {
	server := private(t)
	client := raw(t, server.Address)
	handle := open(t, server.URL(), nil)
	for _, policy := range []string{
		"allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
	} {
		client.ConfigSet(t.Context(), "maxmemory-policy", policy)
		client.ConfigSet(t.Context(), "maxmemory", "0") // evicts nothing
		expectHealthy(t, handle)
		client.ConfigSet(t.Context(), "maxmemory", "1gb")
		expectDegraded(t, handle, "maxmemory-policy is "+policy)
	}
	client.ConfigSet(t.Context(), "maxmemory-policy", "noeviction")
	expectHealthy(t, handle)
}

func TestANodeOfAClusterWithoutSlotsIsDegradedOrRefused(t *testing.T) {
	server := private(t, "--cluster-enabled", "yes", "--cluster-port", freePort(t))
	handle, err := redis.Open(t.Context(), server.URL(), nil)
	if err != nil {
		return
	}
	defer handle.Close()
	if healthy, _ := handle.HealthCheck(within(t)); healthy {
		t.Error("HealthCheck = true")
	}
}

func TestAWritableReplicaIsDegraded(t *testing.T) {
	server := private(t, "--replicaof", "127.0.0.1", "1", "--replica-read-only", "no")
	expectDegraded(t, open(t, server.URL(), nil), "replica")
}

// Each command has a server without it.
func TestACommandThatWasRenamedAwayIsNoticed(t *testing.T) {
	rules, err := redis.ACL(nil, redis.Deployment{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		command, isCommand := strings.CutPrefix(rule, "+")
		switch {
		case !isCommand, command == "role", command == "info", command == "ping": // tell nothing; nor without PING, Open
			continue
		}
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			server := private(t, "--rename-command", command, "")
			expectDegraded(t, open(t, server.URL(), nil), "'"+command+"'")
		})
	}
}

func TestADeafLinkIsDegraded(t *testing.T) {
	server := private(t, "--user", "app", "on", ">secret", "~*", "&*", "+@all")
	handle := open(t, "redis://app:secret@"+server.Address, &redis.Options{LinkTimeout: 300 * time.Millisecond})
	expectHealthy(t, handle)
	client := raw(t, server.Address)
	client.ACLSetUser(t.Context(), "app", "resetchannels", "&riptide:c:*")
	expectDegraded(t, handle, "")
	client.ACLSetUser(t.Context(), "app", "allchannels")
	for ctx := within(t); ; {
		if healthy, _ := handle.HealthCheck(ctx); healthy {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("it stays degraded")
		}
	}
}

func TestHealthCheckLeavesNoTrace(t *testing.T) {
	server := private(t)
	handle := open(t, server.URL(), nil)
	for range 3 {
		expectHealthy(t, handle)
	}
	if keys := raw(t, server.Address).Keys(t.Context(), "*").Val(); len(keys) > 0 {
		t.Errorf("the server holds %q", keys)
	}
}

func TestHealthCheckChangesNoRecord(t *testing.T) {
	server := private(t)
	handle := open(t, server.URL(), nil)
	client := raw(t, server.Address)
	leads(t, handle, "node", time.Minute)
	if err := handle.RegisterNode(t.Context(), "node", []byte("metadata")); err != nil {
		t.Fatal(err)
	}
	records := func() string {
		return fmt.Sprint(client.HGetAll(t.Context(), leaderRecord).Val(), client.HGetAll(t.Context(), "{riptide}:metadata").Val(),
			client.ZRangeWithScores(t.Context(), "{riptide}:members", 0, -1).Val(), len(client.Keys(t.Context(), "*").Val()))
	}
	before := records()
	expectHealthy(t, handle)
	if after := records(); after != before {
		t.Errorf("the records were %s, and are %s", before, after)
	}
}

func BenchmarkHealthCheck(b *testing.B) {
	handle := open(b, private(b).URL(), nil)
	for b.Loop() {
		if healthy, err := handle.HealthCheck(b.Context()); !healthy || err != nil {
			b.Fatal(healthy, err)
		}
	}
}

func TestAServerWithoutRoomForConnectionsSaysSo(t *testing.T) {
	server := private(t, "--maxclients", "1")
	handle := open(t, server.URL(), nil) // which has one
	for range 20 {
		healthy, err := handle.HealthCheck(within(t))
		stats, statsErr := handle.Stats(within(t))
		reason := fmt.Sprint(err, statsErr, stats.Metadata[coordination.DegradedKey])
		if healthy || !strings.Contains(reason, "max number of clients") {
			t.Fatalf("HealthCheck = %v, %v, Stats = %v, %v", healthy, err, stats, statsErr)
		}
	}
}

// elsewhere dials another server for the connections that are opened while it is on.
type elsewhere struct {
	address string
	on      atomic.Bool
}

func (e *elsewhere) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if e.on.Load() {
		address = e.address
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func TestSubscriptionsOnAnotherServerAreDegraded(t *testing.T) {
	server, other := private(t), private(t)
	dialer := &elsewhere{address: other.Address}
	handle := open(t, server.URL(), &redis.Options{Dialer: dialer.dial, LinkTimeout: time.Second})
	// All connections but that of the subscriptions are there already.
	raw(t, server.Address).ConfigSet(t.Context(), "maxmemory", "1gb")
	raw(t, server.Address).ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru")
	expectDegraded(t, handle, "allkeys-lru")
	raw(t, server.Address).ConfigSet(t.Context(), "maxmemory", "0")
	dialer.on.Store(true)
	if _, err := handle.Subscribe(within(t), "channel"); err != nil {
		t.Fatal(err)
	}
	if healthy, err := handle.HealthCheck(within(t)); healthy {
		t.Errorf("HealthCheck = %v, %v", healthy, err)
	}
	dialer.on.Store(false)
	eventually(t, "the subscriptions come to the server", func() bool {
		healthy, _ := handle.HealthCheck(within(t))
		return healthy
	})
}
