package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// mood is something that a server does to its clients for a while.
type mood struct {
	arguments []string // of the server
	begin     func(t *testing.T, server *redistest.Server, client *goredis.Client)
	end       func(t *testing.T, server *redistest.Server, client *goredis.Client) // nil if it ends by itself

	// fails are the calls that fail meanwhile, with the reason in their errors. The others
	// succeed. Nil stands for none, and allCalls for all.
	fails  []string
	reason string
	// either are those that may do both.
	either []string
	// degraded says that HealthCheck does not return true meanwhile.
	degraded bool
	// gap says that the subscriptions are told of lost messages.
	gap bool
}

var allCalls = []string{"all"}

// writes are the calls that write records or keys.
var writes = []string{
	"Set", "RegisterNode", "Heartbeat", "TryAcquireLeadership", "ReleaseLeadership", "DeregisterNode", "Delete", "DeleteMany",
}

func do(t *testing.T, client *goredis.Client, command ...any) {
	t.Helper()
	if err := client.Do(t.Context(), command...).Err(); err != nil {
		t.Fatalf("%v: %v", command, err)
	}
}

// commands is a mood that begins with some commands.
func commands(all ...string) func(*testing.T, *redistest.Server, *goredis.Client) {
	return func(t *testing.T, _ *redistest.Server, client *goredis.Client) {
		t.Helper()
		for _, one := range all {
			var command []any
			for word := range strings.FieldsSeq(one) {
				command = append(command, word)
			}
			do(t, client, command...)
		}
	}
}

func crash(t *testing.T, server *redistest.Server, _ *goredis.Client) {
	t.Helper()
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
}

func restart(t *testing.T, server *redistest.Server, _ *goredis.Client) {
	t.Helper()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
}

// loads has a server load for seconds.
func loads(t *testing.T, server *redistest.Server, client *goredis.Client) {
	t.Helper()
	do(t, client, "debug", "populate", 3000)
	do(t, client, "save")
	crash(t, server, client)
	restart(t, server, client)
}

func loaded(t *testing.T, _ *redistest.Server, client *goredis.Client) {
	t.Helper()
	eventually(t, "the server has loaded", func() bool { return client.DBSize(t.Context()).Val() >= 3000 })
}

var moods = map[string]mood{
	"restarts with its data":     {arguments: []string{"--appendonly", "yes", "--appendfsync", "always"}, begin: crash, end: restart, fails: allCalls, degraded: true, gap: true},
	"restarts without its data":  {begin: crash, end: restart, fails: allCalls, degraded: true, gap: true},
	"forgets all keys":           {begin: commands("flushall")},
	"forgets its scripts":        {begin: commands("script flush")},
	"closes the connections":     {begin: commands("client kill type normal")},
	"closes the subscriptions":   {begin: commands("client kill type pubsub"), gap: true, either: []string{"Subscribe"}},
	"pauses":                     {begin: commands("client pause 400 all")},
	"pauses writes":              {begin: commands("client pause 400 write")},
	"takes no writes as replica": {begin: commands("replicaof 127.0.0.1 1"), end: commands("replicaof no one"), fails: writes, reason: "replica", degraded: true, gap: true, either: []string{"FlushAll", "ReleaseLeadership", "Subscribe"}},
	"has no memory left":         {begin: commands("config set maxmemory 1"), end: commands("config set maxmemory 0"), fails: []string{"Set", "RegisterNode", "Heartbeat", "TryAcquireLeadership"}, reason: "OOM", degraded: true, either: []string{"ReleaseLeadership"}},
	"can evict records":          {begin: commands("config set maxmemory 100mb", "config set maxmemory-policy allkeys-lru"), end: commands("config set maxmemory-policy noeviction"), degraded: true},
	"loads":                      {arguments: []string{"--enable-debug-command", "local", "--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"}, begin: loads, end: loaded, fails: allCalls, reason: "LOADING", degraded: true, gap: true, either: []string{"Publish", "PublishWithAck", "Subscribe"}},
	"closes what is idle":        {arguments: []string{"--timeout", "1"}, begin: func(*testing.T, *redistest.Server, *goredis.Client) { time.Sleep(3 * time.Second) }},
	"closes slow subscribers":    {arguments: []string{"--client-output-buffer-limit", "pubsub 64kb 0 0"}, begin: floods, gap: true, either: []string{"Subscribe"}},
}

// floods publishes more than a subscriber may leave unread.
func floods(t *testing.T, _ *redistest.Server, client *goredis.Client) {
	t.Helper()
	do(t, client, "publish", "riptide:c:news", strings.Repeat("x", 8<<20))
}

func TestEveryCallInEveryMoodOfAServer(t *testing.T) {
	for name, m := range moods {
		for _, protocol := range []string{"2", "3"} {
			t.Run(fmt.Sprintf("%s/RESP%s", name, protocol), func(t *testing.T) {
				t.Parallel()
				server := private(t, m.arguments...)
				client := raw(t, server.Address)
				handle := open(t, server.URL()+"?protocol="+protocol, &redis.Options{LinkTimeout: 2 * time.Second})
				subscription, err := handle.Subscribe(within(t), "news")
				if err != nil {
					t.Fatal(err)
				}
				m.expectAll(t, handle, nil, "")
				expectHealthy(t, handle)
				m.begin(t, server, client)
				time.Sleep(50 * time.Millisecond)                    // what is idle for so long costs no call
				_ = handle.Set(within(t), "first", nil, time.Minute) // it may be the one that finds out
				m.expectAll(t, handle, m.fails, m.reason)
				if healthy := isHealthy(t, handle); healthy == m.degraded {
					t.Errorf("HealthCheck is %v meanwhile", healthy)
				}
				if m.end != nil {
					m.end(t, server, client)
				}
				recovers(t, handle)
				m.expectAll(t, handle, nil, "")
				m.expectGap(t, handle, subscription)
			})
		}
	}
}

// expectAll makes each call, and expects those to fail that are named, in time and with
// the reason.
func (m mood) expectAll(t *testing.T, handle *redis.Coordination, fails []string, reason string) {
	t.Helper()
	var running sync.WaitGroup
	for name, call := range calls {
		if name == "HealthCheck" || name == "Stats" {
			continue // they tell what is wrong, and may have to wait for it
		}
		running.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			err := call(ctx, handle)
			mayFail := slices.Contains(fails, name) || slices.Equal(fails, allCalls)
			switch {
			case slices.Contains(m.either, name) && (err == nil || errors.Is(err, coordination.ErrUnavailable)):
			case ctx.Err() != nil:
				t.Errorf("%s takes longer than its context: %v", name, err)
			case !mayFail && err != nil:
				t.Errorf("%s = %v", name, err)
			case mayFail && !errors.Is(err, coordination.ErrUnavailable):
				t.Errorf("%s = %v, want ErrUnavailable", name, err)
			case mayFail && !strings.Contains(err.Error(), reason):
				t.Errorf("%s = %v, want %q in it", name, err, reason)
			}
		})
	}
	running.Wait()
}

func isHealthy(t *testing.T, handle *redis.Coordination) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	healthy, err := handle.HealthCheck(ctx)
	return healthy && err == nil
}

// recovers waits until every call succeeds again, without a restart of the handle.
func recovers(t *testing.T, handle *redis.Coordination) {
	t.Helper()
	for name, call := range calls {
		eventually(t, name+" succeeds again", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			return call(ctx, handle) == nil
		})
	}
	eventually(t, "the handle is healthy again", func() bool { return isHealthy(t, handle) })
}

// expectGap publishes a message and reads until it comes. It is told of a gap before it
// if, and only if, messages may have been lost.
func (m mood) expectGap(t *testing.T, handle *redis.Coordination, subscription coordination.Subscription) {
	t.Helper()
	if err := handle.Publish(within(t), "news", []byte("after")); err != nil {
		t.Fatal(err)
	}
	gap := false
	for {
		message, err := subscription.Next(within(t))
		if err == nil && string(message.Payload) == "after" {
			break
		}
		if errors.Is(err, coordination.ErrMessagesLost) {
			gap = true
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if gap != m.gap {
		t.Errorf("told of a gap: %v, want %v", gap, m.gap)
	}
}
