package redis_test

import (
	"net"
	"slices"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// testCluster is a Cluster of the test's own.
type testCluster struct {
	*redistest.Cluster
	t       *testing.T
	clients []*goredis.Client
}

// startCluster starts a Cluster with some primaries, each with as many replicas.
func startCluster(t *testing.T, primaries, replicas int) *testCluster {
	t.Helper()
	cluster, err := redistest.StartCluster(t.Context(), primaries, replicas)
	needs(t, err)
	t.Cleanup(cluster.Stop)
	c := &testCluster{Cluster: cluster, t: t}
	for _, server := range c.Servers {
		c.clients = append(c.clients, raw(t, server.Address))
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

func (c *testCluster) slotOf(key string) int {
	c.t.Helper()
	slot, err := c.clients[0].ClusterKeySlot(c.t.Context(), key).Result()
	c.must(err)
	return int(slot)
}

// ownerOf returns the node that serves a slot, -1 if none does, as during a failover.
func (c *testCluster) ownerOf(slot int) int {
	c.t.Helper()
	slots, err := c.clients[0].ClusterSlots(c.t.Context()).Result() //nolint:staticcheck // as the adapter does, for Redis 6
	c.must(err)
	for _, s := range slots {
		if s.Start <= slot && slot <= s.End {
			return slices.IndexFunc(c.Servers, func(server *redistest.Server) bool { return server.Address == s.Nodes[0].Addr })
		}
	}
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
	host, port, _ := net.SplitHostPort(c.Servers[to].Address)
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
