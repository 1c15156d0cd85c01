package redistest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// Cluster is a Redis Cluster.
type Cluster struct {
	// Servers are the nodes: first the primaries, then their replicas in the same order.
	Servers []*Server
}

const slotCount = 16384

// StartCluster starts a Cluster of some primaries, each with as many replicas, and waits
// until every node knows it. A node counts as dead after 1.5 s, unless the arguments say otherwise. Further arguments are
// those of the nodes.
func StartCluster(ctx context.Context, primaries, replicas int, arguments ...string) (*Cluster, error) {
	c := &Cluster{}
	if err := c.start(ctx, primaries, replicas, arguments); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, primaries, replicas int, arguments []string) error {
	count := primaries * (1 + replicas)
	c.Servers = make([]*Server, count)
	buses, clients := make([]string, count), make([]*redis.Client, count)
	var starting errgroup.Group
	for i := range count {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		_, buses[i], _ = net.SplitHostPort(address)
		starting.Go(func() (err error) {
			c.Servers[i], err = Start(append([]string{"--cluster-enabled", "yes", "--cluster-port", buses[i], "--cluster-node-timeout", "1500",
				"--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"}, arguments...)...)
			return err
		})
	}
	if err := starting.Wait(); err != nil {
		return err
	}
	for i, server := range c.Servers {
		clients[i] = redis.NewClient(&redis.Options{Addr: server.Address})
		defer func() { _ = clients[i].Close() }()
	}
	if err := c.meet(ctx, clients[0], buses); err != nil {
		return err
	}
	for i := range primaries {
		if err := clients[i].ClusterAddSlotsRange(ctx, i*slotCount/primaries, (i+1)*slotCount/primaries-1).Err(); err != nil {
			return err
		}
	}
	for i := primaries; i < count; i++ {
		of, err := clients[i%primaries].Do(ctx, "cluster", "myid").Text()
		if err != nil {
			return err
		}
		if err := until(ctx, "a replica is told of its primary", func() bool {
			return clients[i].ClusterReplicate(ctx, of).Err() == nil
		}); err != nil {
			return err
		}
	}
	for i, client := range clients {
		if err := until(ctx, fmt.Sprintf("node %d knows the Cluster", i), func() bool {
			info, _ := client.ClusterInfo(ctx).Result()
			slots, err := client.ClusterSlots(ctx).Result() //nolint:staticcheck // for Redis 6
			replication, _ := client.Info(ctx, "replication").Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && len(slots) == primaries &&
				!slices.ContainsFunc(slots, func(s redis.ClusterSlot) bool { return len(s.Nodes) != 1+replicas }) &&
				(i < primaries || strings.Contains(replication, "master_link_status:up"))
		}); err != nil {
			return err
		}
	}
	return nil
}

// meet has the first node meet the others, again and again: one that is slow to answer
// is forgotten after the node timeout.
func (c *Cluster) meet(ctx context.Context, first *redis.Client, buses []string) error {
	return until(ctx, "the nodes meet", func() bool {
		known, err := first.ClusterNodes(ctx).Result()
		met := 1
		for i, server := range c.Servers[1:] {
			if isMember(known, server.Address) {
				met++
				continue
			}
			host, port, _ := net.SplitHostPort(server.Address)
			_ = first.Do(ctx, "cluster", "meet", host, port, buses[i+1]).Err() // or else the next time
		}
		return err == nil && met == len(c.Servers)
	})
}

// isMember reports whether CLUSTER NODES lists an address, and not as one to be met.
func isMember(nodes, address string) bool {
	for line := range strings.Lines(nodes) {
		if strings.Contains(line, " "+address+"@") {
			return !strings.Contains(line, "handshake")
		}
	}
	return false
}

// URL lists the addresses of all nodes.
func (c *Cluster) URL() string {
	addresses := make([]string, len(c.Servers))
	for i, server := range c.Servers {
		addresses[i] = server.Address
	}
	return "redis://" + strings.Join(addresses, ",")
}

// Stop ends the nodes.
func (c *Cluster) Stop() {
	for _, server := range c.Servers {
		if server != nil {
			server.Stop()
		}
	}
}
