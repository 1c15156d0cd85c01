package redis_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// Six failovers each, with three candidates, and the options that make the lease safe.
// With Sentinel one more candidate for each server stays there, also while the server is a
// replica, or a primary that lives on after it was replaced.
func TestNeverDoTwoLeadThroughFailovers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *deployment{"Sentinel": withSentinel, "Cluster": withCluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := number(t, "SEED", rand.Uint64()>>1)
			t.Logf("SEED=%d", seed)
			d := start(t)
			ctx, stop := context.WithCancel(t.Context())
			var campaigning sync.WaitGroup
			defer campaigning.Wait()
			defer stop()
			var candidates []*campaigner
			h := leaseHistory{leaseModel: leaseModel{waitOut: true}, start: time.Now()}
			for i, url := range append([]string{d.url, d.url, d.url}, d.each...) {
				handle := open(t, url, &redis.Options{
					LinkTimeout: 500 * time.Millisecond,
					Leadership:  redis.LeadershipOptions{Replicas: d.replicas, WaitOut: true},
				})
				c := &campaigner{node: fmt.Sprint("node-", i), handle: handle, ttl: time.Second, asked: &h, stays: url != d.url}
				candidates = append(candidates, c)
				campaigning.Go(func() { c.campaign(ctx, rand.New(rand.NewPCG(seed, uint64(i)))) })
			}
			eventually(t, "a candidate leads", func() bool { return lastWin(candidates) > 0 })
			for _, kind := range []string{"planned", "kill", "stop", "kill", "stop", "planned"} {
				d.failOver(t, kind, candidates)
			}
			stop()
			campaigning.Wait()
			h.expectLinearizable(t)
			problems, tenures := twoLeaders(candidates)
			for _, problem := range problems {
				t.Error(problem)
			}
			if t.Logf("%d tenures", tenures); tenures < 3 {
				t.Error("leadership has changed too seldom for the test to mean anything")
			}
		})
	}
}

// The honesty check: a primary that was cut off from its replicas gives away a lease of
// which they know nothing, and crashes. With the options the lease is not given.
func TestTwoLeadAfterALostLeaseWithoutTheOptionsAndNeverWithThem(t *testing.T) {
	for _, options := range []redis.LeadershipOptions{{}, {Replicas: 1, WaitOut: true}} {
		t.Run(fmt.Sprintf("%+v", options), func(t *testing.T) {
			t.Parallel()
			s, err := redistest.StartSentinel(t.Context(), 2, 3, 500*time.Millisecond)
			needs(t, err)
			t.Cleanup(s.Stop)
			const ttl = 8 * time.Second
			h := leaseHistory{leaseModel: leaseModel{waitOut: options.WaitOut}, start: time.Now()}
			var candidates []*campaigner
			for i := range 2 {
				handle := open(t, s.URL(), &redis.Options{LinkTimeout: 500 * time.Millisecond, Leadership: options})
				candidates = append(candidates, &campaigner{node: fmt.Sprint("node-", i), handle: handle, ttl: ttl, asked: &h})
			}
			try := func(c *campaigner) bool {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				return c.try(ctx).ok
			}
			for _, replica := range s.Servers[1:] {
				if err := replica.Signal(syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
			}
			if err := raw(t, s.Servers[0].Address).ClientKillByFilter(t.Context(), "TYPE", "replica").Err(); err != nil {
				t.Fatal(err)
			}
			first := try(candidates[0])
			if err := s.Servers[0].Kill(); err != nil {
				t.Fatal(err)
			}
			for _, replica := range s.Servers[1:] {
				if err := replica.Signal(syscall.SIGCONT); err != nil {
					t.Fatal(err)
				}
			}
			safe := options != (redis.LeadershipOptions{})
			if first == safe {
				t.Fatalf("the lease was given: %v", first)
			}
			began := time.Now()
			eventually(t, "the other candidate leads", func() bool { return try(candidates[1]) })
			t.Logf("the successor leads after %v", time.Since(began))
			if problems, _ := twoLeaders(candidates); safe != (len(problems) == 0) {
				t.Errorf("found %q", problems)
			}
			want := porcupine.Illegal
			if safe {
				want = porcupine.Ok
			}
			if result, _ := h.check(time.Minute); result != want {
				t.Errorf("linearizable: %v, want %v", result, want)
			}
		})
	}
}

// With a LinkTimeout of 30 s the address is looked up every ten seconds; the Sentinels
// tell at once.
func TestAFailoverThatTheSentinelsTellIsFollowedAtOnce(t *testing.T) {
	s, err := redistest.StartSentinel(t.Context(), 1, 3, 500*time.Millisecond)
	needs(t, err)
	t.Cleanup(s.Stop)
	handle := open(t, s.URL(), &redis.Options{LinkTimeout: 30 * time.Second})
	works(t, handle)
	subscription, err := handle.Subscribe(within(t), "after")
	if err != nil {
		t.Fatal(err)
	}
	sentinel := goredis.NewSentinelClient(&goredis.Options{Addr: s.Addresses[0]})
	defer sentinel.Close()
	told := sentinel.Subscribe(t.Context(), "+switch-master")
	defer told.Close()
	if _, err := told.Receive(within(t)); err != nil {
		t.Fatal(err)
	}
	beginFailover(t, sentinel)
	if _, err := told.ReceiveMessage(within(t)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	other := raw(t, s.Servers[1].Address)
	eventually(t, "the subscriptions are on the new primary", func() bool {
		return other.PubSubNumSub(t.Context(), "riptide:c:after").Val()["riptide:c:after"] == 1
	})
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := handle.Publish(within(t), "after", nil); err != nil {
		t.Error(err)
	}
	for lost := true; lost; {
		_, err := subscription.Next(within(t))
		if lost = errors.Is(err, coordination.ErrMessagesLost); err != nil && !lost {
			t.Error(err)
		}
	}
}
