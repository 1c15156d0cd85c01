package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/coordination"
)

// openCluster opens a handle on a Cluster.
func openCluster(ctx context.Context, at *location, options Options) (*Coordination, error) {
	if at.options.DB > 0 {
		return nil, noDatabases(at.options.DB)
	}
	if at.options.Network == "unix" {
		return nil, fmt.Errorf("open: url is the socket of one node of a Cluster, want redis://: %w", coordination.ErrInvalidArgument)
	}
	dial, _ := options.dialer(at)
	cl := newCluster(at.options, at.addresses, dial, options.Logger)
	c, err := newClusterHandle(cl, options)
	if err != nil {
		return nil, err
	}
	if err := cl.refresh(ctx); isNoCluster(err) {
		_ = c.Close()
		return nil, fmt.Errorf("open: url has several addresses, want those of a Cluster (or master_name): %w: %w", coordination.ErrInvalidArgument, err)
	}
	// With the refresh, whose errors it tells.
	if _, err := c.call(ctx, "open", "ping"); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func isNoCluster(err error) bool {
	var refusal redis.Error
	return errors.As(err, &refusal) && strings.Contains(refusal.Error(), "cluster support disabled")
}

// newClusterHandle returns a handle whose home is the node that serves the records of
// its namespace.
func newClusterHandle(cl *cluster, options Options) (*Coordination, error) {
	slot := slotOf(newNames(options.Namespace, 0, options.ShardedChannels).leaderRecord())
	home, err := newServer("Cluster at "+cl.seeds[0], cl.options, cl.dialer(slot), options.Logger)
	if err != nil {
		return nil, fmt.Errorf("open: client: %w", err)
	}
	home.cluster, home.locate, home.certain, home.resolver = cl, cl.locate(slot), true, cl.shutdown
	return newCoordination(home, options), nil
}

// ofClusterClient returns the cluster that a client of the caller's is configured for.
func ofClusterClient(client *redis.ClusterClient, log *slog.Logger) *cluster {
	from := client.Options()
	options := &redis.Options{
		ClientName: from.ClientName, OnConnect: from.OnConnect,
		Protocol: from.Protocol, Username: from.Username, Password: from.Password,
		CredentialsProvider:          from.CredentialsProvider,
		CredentialsProviderContext:   from.CredentialsProviderContext,
		StreamingCredentialsProvider: from.StreamingCredentialsProvider,
		DialTimeout:                  from.DialTimeout, ReadTimeout: from.ReadTimeout, WriteTimeout: from.WriteTimeout,
		ReadBufferSize: from.ReadBufferSize, WriteBufferSize: from.WriteBufferSize,
		PipelineReadBufferSize: from.PipelineReadBufferSize, PipelineWriteBufferSize: from.PipelineWriteBufferSize,
		ConnMaxIdleTime: from.ConnMaxIdleTime,
		ConnMaxLifetime: from.ConnMaxLifetime, ConnMaxLifetimeJitter: from.ConnMaxLifetimeJitter,
	}
	dial := dialer(from.Dialer)
	if dial == nil {
		dial = secured(netDialer(), from.TLSConfig)
	}
	cl := newCluster(options, from.Addrs, dial, log)
	cl.slots = from.ClusterSlots
	return cl
}
