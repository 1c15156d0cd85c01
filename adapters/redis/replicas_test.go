package redis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// replicated starts a primary and a replica of it, which has synchronised.
func replicated(t *testing.T) (primary, replica *redistest.Server) {
	t.Helper()
	primary = private(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(primary.Address)
	replica = private(t, "--replicaof", host, port)
	acknowledged(t, primary)
	return primary, replica
}

// acknowledged waits until a replica acknowledges a write. Only then does the primary
// count it: a replica whose link is up has yet to be put online.
func acknowledged(t *testing.T, primary *redistest.Server) {
	t.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: primary.Address, PoolSize: 1}) // WAIT is for the writes of its connection
	defer client.Close()
	eventually(t, "a replica acknowledges a write", func() bool {
		client.Set(t.Context(), "synchronise", "", 0)
		return client.Wait(t.Context(), 1, time.Second).Val() == 1
	})
}

// promote makes a replica a primary, after the old one has lost the last writes.
func promote(t *testing.T, replica *redistest.Server) {
	t.Helper()
	if err := raw(t, replica.Address).ReplicaOf(t.Context(), "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
}

// detached stops the replication without anybody noticing.
func detached(t *testing.T, replica *redistest.Server) {
	t.Helper()
	if err := raw(t, replica.Address).ReplicaOf(t.Context(), "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
}

func withLeadership(options redis.LeadershipOptions) *redis.Options {
	return &redis.Options{Leadership: options}
}

func TestAnAcquisitionWaitsForReplicas(t *testing.T) {
	primary, replica := replicated(t)
	handle := open(t, primary.URL(), withLeadership(redis.LeadershipOptions{Replicas: 1}))
	term := leads(t, handle, "node", time.Minute)
	if on := raw(t, replica.Address).HGet(t.Context(), leaderRecord, "node").Val(); on != "node" {
		t.Errorf("the replica has the holder %q", on)
	}
	if again := leads(t, handle, "node", time.Minute); again != term {
		t.Errorf("the renewal changes term %d to %d", term, again)
	}
}

func TestAnAcquisitionWithoutEnoughReplicasFailsAndTheNextTryRenewsIt(t *testing.T) {
	primary, replica := replicated(t)
	options := withLeadership(redis.LeadershipOptions{Replicas: 1, ReplicaTimeout: 100 * time.Millisecond})
	handle, other := open(t, primary.URL(), options), open(t, primary.URL(), options)
	expectHealthy(t, handle)
	detached(t, replica)
	eventually(t, "HealthCheck notices that the replica is gone", func() bool {
		healthy, err := handle.HealthCheck(within(t))
		return !healthy && err == nil
	})
	expectDegraded(t, handle, "leadership needs 1 replicas, 0 are online")
	start := time.Now()
	_, acquired, err := handle.TryAcquireLeadership(within(t), "node", time.Minute)
	if acquired || !errors.Is(err, coordination.ErrUnavailable) || !strings.Contains(err.Error(), "0 of 1 replicas") {
		t.Errorf("TryAcquireLeadership = %v, %v", acquired, err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v", took)
	}
	leader, _, err := other.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(primary.Address)
	raw(t, replica.Address).ReplicaOf(t.Context(), host, port)
	for ctx := within(t); ; {
		term, acquired, err := handle.TryAcquireLeadership(ctx, "node", time.Minute)
		if acquired {
			if term != leader.Term {
				t.Errorf("the next try acquires term %d, and does not renew %d", term, leader.Term)
			}
			return
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

func TestTheWaitForReplicasEndsWithTheContext(t *testing.T) {
	server := private(t)
	handle := open(t, server.URL(), withLeadership(redis.LeadershipOptions{Replicas: 1}))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	if _, _, err := handle.TryAcquireLeadership(ctx, "node", time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("TryAcquireLeadership = %v", err)
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	if _, err := handle.Stats(within(t)); err != nil {
		t.Error(err)
	}
}

func TestLeadershipOptionsThatAreInvalidAreRefused(t *testing.T) {
	for argument, options := range map[string]redis.LeadershipOptions{
		"Leadership.Replicas is -1":         {Replicas: -1},
		"Leadership.ReplicaTimeout is -1ns": {ReplicaTimeout: -1},
	} {
		_, err := redis.Open(t.Context(), "redis://127.0.0.1:1", withLeadership(options))
		if !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(err.Error(), argument) {
			t.Errorf("%s: %v", argument, err)
		}
	}
}
