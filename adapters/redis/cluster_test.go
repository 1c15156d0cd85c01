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
)

// exercise uses every role of a handle.
func exercise(t *testing.T, handle *redis.Coordination) {
	t.Helper()
	works(t, handle)
	var keys []string
	for i := range 100 {
		keys = append(keys, fmt.Sprintf("many-%03d", i))
		if err := handle.Set(within(t), keys[i], []byte("v"), 0); err != nil {
			t.Fatal(err)
		}
	}
	if value, found, err := handle.Get(within(t), keys[50]); !found || string(value) != "v" || err != nil {
		t.Errorf("Get = %q, %v, %v", value, found, err)
	}
	if found, err := handle.Keys(within(t), "many-*"); err != nil || !slices.Equal(found, keys) {
		t.Errorf("Keys = %d keys, %v", len(found), err)
	}
	if existed, err := handle.Delete(within(t), keys[0]); !existed || err != nil {
		t.Errorf("Delete = %v, %v", existed, err)
	}
	if count, err := handle.DeleteMany(within(t), keys[:50]...); count != 49 || err != nil {
		t.Errorf("DeleteMany = %d, %v", count, err)
	}
	if err := handle.FlushAll(within(t)); err != nil {
		t.Errorf("FlushAll = %v", err)
	}
	if found, err := handle.Keys(within(t), "*"); err != nil || len(found) != 0 {
		t.Errorf("Keys after FlushAll = %q, %v", found, err)
	}
	subscription, err := handle.Subscribe(within(t), "exercise-*")
	if err != nil {
		t.Fatal(err)
	}
	defer subscription.Close()
	go func() { _, _ = subscription.Next(within(t)) }()
	if acks, err := handle.PublishWithAck(within(t), "exercise-acks", nil, 5*time.Second); acks != 1 || err != nil {
		t.Errorf("PublishWithAck = %d, %v", acks, err)
	}
	if err := handle.RegisterNode(within(t), "node", []byte("data")); err != nil {
		t.Error(err)
	}
	if nodes, err := handle.ListNodes(within(t)); err != nil || !slices.Equal(nodes, []string{"node"}) {
		t.Errorf("ListNodes = %q, %v", nodes, err)
	}
	if _, acquired, err := handle.TryAcquireLeadership(within(t), "node", time.Minute); !acquired || err != nil {
		t.Errorf("TryAcquireLeadership = %v, %v", acquired, err)
	}
	if released, err := handle.ReleaseLeadership(within(t), "node"); !released || err != nil {
		t.Errorf("ReleaseLeadership = %v, %v", released, err)
	}
}

func TestEveryRoleWorksOnACluster(t *testing.T) {
	c := startCluster(t, 3, 0)
	address := c.Servers[1].Address
	for name, url := range map[string]string{
		"a list":       c.URL(),
		"addr":         "redis://" + address + "?addr=" + c.Servers[0].Address,
		"one node":     "redis://" + address,
		"one in RESP2": "redis://" + address + "?protocol=2",
		"half gone":    "redis://127.0.0.1:1," + address,
	} {
		t.Run(name, func(t *testing.T) {
			handle := open(t, url, &redis.Options{Namespace: name})
			exercise(t, handle)
			if healthy, err := handle.HealthCheck(within(t)); !healthy || err != nil {
				t.Errorf("HealthCheck = %v, %v", healthy, err)
			}
		})
	}
	t.Run("a client", func(t *testing.T) {
		client := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: []string{address}})
		defer client.Close()
		handle, err := redis.New(client, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer handle.Close()
		exercise(t, handle)
	})
	t.Run("two handles hear each other", func(t *testing.T) {
		subscription, err := open(t, "redis://"+address, nil).Subscribe(within(t), "news")
		if err != nil {
			t.Fatal(err)
		}
		if err := open(t, c.URL(), nil).Publish(within(t), "news", []byte("once")); err != nil {
			t.Fatal(err)
		}
		if message, err := subscription.Next(within(t)); err != nil || string(message.Payload) != "once" {
			t.Errorf("Next = %q, %v", message.Payload, err)
		}
		soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if message, err := subscription.Next(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second Next = %q, %v", message.Payload, err)
		}
	})
	t.Run("a database is refused", func(t *testing.T) {
		for _, url := range []string{"redis://" + address + "/1", c.URL() + "/1", "redis://" + address + "?db=2"} {
			if _, err := redis.Open(within(t), url, nil); !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(err.Error(), "database") {
				t.Errorf("Open = %v", err)
			}
		}
	})
	t.Run("a done context ends a call at once", func(t *testing.T) {
		handle := open(t, c.URL(), nil)
		for _, client := range c.clients {
			if err := client.Do(t.Context(), "client", "pause", 3000).Err(); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		start := time.Now()
		if _, err := handle.Keys(ctx, "*"); !errors.Is(err, context.Canceled) || time.Since(start) > time.Second {
			t.Errorf("Keys = %v after %v", err, time.Since(start))
		}
	})
}

func TestServersThatAreNoClusterAreRefusedAsAList(t *testing.T) {
	_, err := redis.Open(within(t), "redis://"+private(t).Address+","+private(t).Address, nil)
	if !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(err.Error(), "Cluster") {
		t.Errorf("Open = %v", err)
	}
}

func TestASlotMovesUnderTheHandle(t *testing.T) {
	c := startCluster(t, 2, 0)
	handle := open(t, c.URL(), nil)
	exercise(t, handle)
	t.Run("with keys", func(t *testing.T) {
		slot := c.slotOf("riptide:k:key")
		from := c.ownerOf(slot)
		if err := handle.Set(within(t), "key", []byte("before"), 0); err != nil {
			t.Fatal(err)
		}
		c.importing(slot, from, 1-from)
		check := func(state string) {
			if value, _, err := handle.Get(within(t), "key"); err != nil || string(value) != "before" {
				t.Errorf("%s: Get = %q, %v", state, value, err)
			}
			if found, err := handle.Keys(within(t), "ke*"); err != nil || !slices.Equal(found, []string{"key"}) {
				t.Errorf("%s: Keys = %q, %v", state, found, err)
			}
			if err := handle.Set(within(t), "{riptide:k:key}other", nil, 0); err != nil {
				t.Errorf("%s: Set = %v", state, err)
			}
		}
		check("importing")
		c.move(from, 1-from, "riptide:k:key")
		check("moved")
		c.migrated(slot, from, 1-from)
		check("migrated")
	})
	t.Run("with the records", func(t *testing.T) {
		slot := c.slotOf("{riptide}:leader")
		from := c.ownerOf(slot)
		if err := handle.RegisterNode(within(t), "node", nil); err != nil {
			t.Fatal(err)
		}
		term, _, err := handle.TryAcquireLeadership(within(t), "node", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		subscription, err := handle.Subscribe(within(t), "after")
		if err != nil {
			t.Fatal(err)
		}
		c.migrate(slot, from, 1-from)
		if again, acquired, err := handle.TryAcquireLeadership(within(t), "node", time.Minute); again != term || !acquired || err != nil {
			t.Errorf("TryAcquireLeadership = %d, %v, %v, want term %d", again, acquired, err, term)
		}
		if nodes, err := handle.ListNodes(within(t)); err != nil || !slices.Equal(nodes, []string{"node"}) {
			t.Errorf("ListNodes = %q, %v", nodes, err)
		}
		eventually(t, "a message arrives", func() bool {
			_ = handle.Publish(within(t), "after", nil)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := subscription.Next(ctx)
			return err == nil
		})
		if err := handle.FlushAll(within(t)); err != nil {
			t.Fatal(err)
		}
	})
}

// Keys move back and forth all the while, and none may be missed.
func TestKeysThatMoveAreListed(t *testing.T) {
	c := startCluster(t, 2, 0)
	handle := open(t, c.URL(), nil)
	var keys []string
	for i := range 3000 {
		keys = append(keys, fmt.Sprintf("{tag-%d}:%d", i%6, i))
		if err := handle.Set(within(t), keys[i], nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(keys)
	moved := make(chan struct{})
	go func() {
		defer close(moved)
		for i := range 40 {
			slot := c.slotOf(fmt.Sprintf("riptide:k:{tag-%d}:0", i%6))
			from := c.ownerOf(slot)
			c.migrate(slot, from, 1-from)
		}
	}()
	for listed := 0; ; listed++ {
		found, err := handle.Keys(within(t), "*")
		if err != nil || !slices.Equal(found, keys) {
			t.Errorf("Keys = %d keys of %d, %v, after %d that were right", len(found), len(keys), err, listed)
			<-moved
			return
		}
		select {
		case <-moved:
			return
		default:
		}
	}
}

func TestAFailoverInAClusterIsFollowed(t *testing.T) {
	c := startCluster(t, 3, 1)
	handle := open(t, c.URL(), &redis.Options{LinkTimeout: time.Second})
	exercise(t, handle)
	home := c.ownerOf(c.slotOf("{riptide}:leader"))
	follows := func(name string) {
		eventually(t, name+" is followed", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			for i := range 20 {
				if handle.Set(ctx, fmt.Sprint(i), nil, 0) != nil {
					return false
				}
			}
			return handle.RegisterNode(ctx, "node", nil) == nil
		})
		exercise(t, handle)
	}
	if err := c.clients[home+3].ClusterFailover(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the replica is primary", func() bool { return c.ownerOf(c.slotOf("{riptide}:leader")) == home+3 })
	follows("a planned failover")
	c.Servers[home+3].Stop()
	follows("a failover after a crash")
}

func TestManyKeysAreDeletedOnACluster(t *testing.T) {
	handle := open(t, startCluster(t, 3, 0).URL(), nil)
	const count = 20_000
	keys := make([]string, count)
	var running sync.WaitGroup
	for i := range keys {
		keys[i] = fmt.Sprint("key ", i)
	}
	for part := range slices.Chunk(keys, count/20) {
		running.Go(func() {
			for _, key := range part {
				if err := handle.Set(t.Context(), key, nil, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	if deleted, err := handle.DeleteMany(within(t), keys[:count/2]...); deleted != count/2 || err != nil {
		t.Errorf("DeleteMany = %d, %v", deleted, err)
	}
	if err := handle.FlushAll(within(t)); err != nil {
		t.Errorf("FlushAll = %v", err)
	}
	if left, err := handle.Keys(within(t), "*"); len(left) != 0 || err != nil {
		t.Errorf("Keys = %d keys, %v", len(left), err)
	}
}
