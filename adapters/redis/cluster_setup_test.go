package redis_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// testCluster is a Cluster of the test's own.
type testCluster struct {
	t       *testing.T
	servers []*redistest.Server
	clients []*goredis.Client
}

const testSlots = 16384

// startCluster starts a Cluster with some primaries, each with as many replicas.
func startCluster(t *testing.T, primaries, replicas int) *testCluster {
	t.Helper()
	c := &testCluster{t: t}
	var buses []string
	for range primaries * (1 + replicas) {
		bus := freePort(t)
		server := private(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "1500",
			"--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0")
		client := goredis.NewClient(&goredis.Options{Addr: server.Address})
		t.Cleanup(func() { _ = client.Close() })
		c.servers, c.clients, buses = append(c.servers, server), append(c.clients, client), append(buses, bus)
	}
	for i, server := range c.servers[1:] {
		host, port, _ := net.SplitHostPort(server.Address)
		c.must(c.clients[0].Do(t.Context(), "cluster", "meet", host, port, buses[i+1]).Err())
	}
	for i := range primaries {
		c.must(c.clients[i].ClusterAddSlotsRange(t.Context(), i*testSlots/primaries, (i+1)*testSlots/primaries-1).Err())
	}
	for i := primaries; i < len(c.servers); i++ {
		of := c.id(i % primaries)
		eventually(t, "a replica is told of its primary", func() bool {
			return c.clients[i].ClusterReplicate(t.Context(), of).Err() == nil
		})
	}
	for i, client := range c.clients {
		eventually(t, "the Cluster is up", func() bool {
			info, _ := client.ClusterInfo(t.Context()).Result()
			slots, err := client.ClusterSlots(t.Context()).Result() //nolint:staticcheck // as the adapter does, for Redis 6
			return err == nil && strings.Contains(info, "cluster_state:ok") && len(slots) == primaries &&
				!slices.ContainsFunc(slots, func(s goredis.ClusterSlot) bool { return len(s.Nodes) != 1+replicas })
		})
		if i >= primaries {
			eventually(t, "a replica is in sync", func() bool {
				info, _ := client.Info(t.Context(), "replication").Result()
				return strings.Contains(info, "master_link_status:up")
			})
		}
	}
	return c
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func (c *testCluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *testCluster) id(node int) string {
	c.t.Helper()
	id, err := c.clients[node].Do(c.t.Context(), "cluster", "myid").Text()
	c.must(err)
	return id
}

// url lists the addresses of all nodes.
func (c *testCluster) url() string {
	var addresses []string
	for _, server := range c.servers {
		addresses = append(addresses, server.Address)
	}
	return "redis://" + strings.Join(addresses, ",")
}

func (c *testCluster) slotOf(key string) int {
	c.t.Helper()
	slot, err := c.clients[0].ClusterKeySlot(c.t.Context(), key).Result()
	c.must(err)
	return int(slot)
}

// ownerOf returns the node that serves a slot.
func (c *testCluster) ownerOf(slot int) int {
	c.t.Helper()
	slots, err := c.clients[0].ClusterSlots(c.t.Context()).Result() //nolint:staticcheck // as the adapter does, for Redis 6
	c.must(err)
	for _, s := range slots {
		if s.Start <= slot && slot <= s.End {
			return slices.IndexFunc(c.servers, func(server *redistest.Server) bool { return server.Address == s.Nodes[0].Addr })
		}
	}
	c.t.Fatalf("nobody serves slot %d", slot)
	return -1
}

// importing begins the migration of a slot, and move moves some of its keys.
func (c *testCluster) importing(slot, from, to int) {
	c.t.Helper()
	c.must(c.clients[to].Do(c.t.Context(), "cluster", "setslot", slot, "importing", c.id(from)).Err())
	c.must(c.clients[from].Do(c.t.Context(), "cluster", "setslot", slot, "migrating", c.id(to)).Err())
}

func (c *testCluster) move(from, to int, keys ...string) {
	c.t.Helper()
	host, port, _ := net.SplitHostPort(c.servers[to].Address)
	for _, key := range keys {
		c.must(c.clients[from].Do(c.t.Context(), "migrate", host, port, key, 0, 5000).Err())
	}
}

// migrated ends the migration of a slot.
func (c *testCluster) migrated(slot, from, to int) {
	c.t.Helper()
	id := c.id(to)
	for _, node := range []int{to, from} {
		c.must(c.clients[node].Do(c.t.Context(), "cluster", "setslot", slot, "node", id).Err())
	}
}

// migrate moves a whole slot.
func (c *testCluster) migrate(slot, from, to int) {
	c.t.Helper()
	c.importing(slot, from, to)
	keys, err := c.clients[from].ClusterGetKeysInSlot(c.t.Context(), slot, 1000).Result()
	c.must(err)
	c.move(from, to, keys...)
	c.migrated(slot, from, to)
}
