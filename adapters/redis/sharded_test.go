package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
)

// onShards are options with which messages go by sharded pub/sub.
func onShards() *redis.Options {
	return &redis.Options{LinkTimeout: time.Second, ShardedChannels: true}
}

func TestShardedChannelsKeepMessagesOffTheClusterBus(t *testing.T) {
	c := startCluster(t, 3, 0)
	sent := func() (total int) {
		for _, client := range c.clients {
			info, err := client.ClusterInfo(t.Context()).Result()
			c.must(err)
			for line := range strings.Lines(info) {
				if text, found := strings.CutPrefix(strings.TrimSpace(line), "cluster_stats_messages_publish_sent:"); found {
					count, err := strconv.Atoi(text)
					c.must(err)
					total += count
				}
			}
		}
		return total
	}
	for _, sharded := range []bool{true, false} {
		handle := open(t, c.URL(), &redis.Options{Namespace: fmt.Sprint("shards", sharded), ShardedChannels: sharded})
		before := sent()
		for range 100 {
			works(t, handle)
		}
		if grown := sent() - before; sharded && grown != 0 || !sharded && grown < 200 {
			t.Errorf("with ShardedChannels %v, 100 messages went over the bus %d times", sharded, grown)
		}
	}
}

func TestShardedChannelsTakeExactChannelsAlone(t *testing.T) {
	for _, url := range []string{private(t).URL(), private(t).URL() + "/3", startCluster(t, 3, 0).URL()} {
		handle := open(t, url, onShards())
		works(t, handle)
		expectHealthy(t, handle)
		_, err := handle.Subscribe(within(t), "news:*")
		if !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(err.Error(), `"news:*"`) {
			t.Errorf("Subscribe = %v", err)
		}
		other := open(t, url, onShards())
		const odd = "news:{a}*[?"
		subscription, err := other.Subscribe(within(t), `news:{a}\*\[\?`)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = subscription.Next(within(t)) }()
		if acks, err := handle.PublishWithAck(within(t), odd, nil, 5*time.Second); acks != 1 || err != nil {
			t.Errorf("PublishWithAck = %d, %v", acks, err)
		}
		if _, err := handle.PublishWithAck(within(t), "nobody", nil, time.Second); !errors.Is(err, coordination.ErrNoSubscribers) {
			t.Errorf("PublishWithAck = %v", err)
		}
	}
}

func TestTheACLOfShardedChannelsHasWhatTheyNeedAndNoMore(t *testing.T) {
	server := private(t)
	admin := raw(t, server.Address)
	_, rules := allow(t, admin, onShards(), 0)
	for _, rule := range []string{"+spublish", "+ssubscribe", "+sunsubscribe"} {
		if !slices.Contains(rules, rule) {
			t.Fatalf("no %s in %q", rule, rules)
		}
		t.Run(rule, func(t *testing.T) {
			handle, _ := allow(t, admin, onShards(), 0)
			expectHealthy(t, handle)
			if err := admin.ACLSetUser(t.Context(), "app", "-"+rule[1:]).Err(); err != nil {
				t.Fatal(err)
			}
			expectDegraded(t, handle, rule[1:])
		})
	}
	for _, rule := range []string{"+publish", "+subscribe", "+psubscribe"} {
		if slices.Contains(rules, rule) {
			t.Errorf("%s is in %q", rule, rules)
		}
	}
}

// Whatever breaks, a subscription hears again from the node that serves the slot, and is
// told of the gap if it missed something.
func TestShardedChannelsAreResubscribedAfterEveryKindOfBreak(t *testing.T) {
	c := startCluster(t, 3, 1)
	receiver, sender := open(t, c.URL(), onShards()), open(t, c.URL(), onShards())
	subscription, err := receiver.Subscribe(within(t), "numbers")
	if err != nil {
		t.Fatal(err)
	}
	r := &numbered{t: t, sender: sender, subscription: subscription}
	slot := c.slotOf("{riptide}:leader")
	r.hears("at first")

	killed, err := c.clients[c.ownerOf(slot)].ClientKillByFilter(t.Context(), "TYPE", "pubsub").Result()
	if err != nil || killed == 0 {
		t.Fatalf("CLIENT KILL = %d, %v", killed, err)
	}
	r.hears("after its connection was killed")

	from := c.ownerOf(slot)
	to := (from + 1) % 3
	c.migrate(slot, from, to)
	r.hears("after the slot has moved")

	host, port, _ := net.SplitHostPort(c.Servers[to].Address)
	replica := slices.IndexFunc(c.clients, func(client *goredis.Client) bool {
		role, _ := client.Do(t.Context(), "role").Slice()
		return len(role) > 2 && role[0] == "slave" && role[1] == host && fmt.Sprint(role[2]) == port
	})
	if replica < 0 {
		t.Fatal("the owner of the slot has no replica")
	}
	c.must(c.clients[replica].ClusterFailover(t.Context()).Err())
	eventually(t, "the replica serves the slot", func() bool { return c.ownerOf(slot) == replica })
	r.hears("after a planned failover")

	c.Servers[replica].Stop()
	r.hears("after the node has died")
	expectHealthyAgain(t, receiver)
}

// numbered publishes numbers until a subscription has received one that was published
// after hears was called, and fails the test if one is missing without a gap.
type numbered struct {
	t            *testing.T
	sender       *redis.Coordination
	subscription coordination.Subscription
	next, last   int // to publish, received
}

func (n *numbered) hears(when string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 30*time.Second)
	defer cancel()
	from, gap := n.next, false
	heard := make(chan struct{})
	published := make(chan int, 1)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		next := from
		for {
			if n.sender.Publish(ctx, "numbers", []byte(strconv.Itoa(next))) == nil {
				next++ // a number may be published twice, but none is left out
			}
			select {
			case <-heard:
				published <- next
				return
			case <-tick.C:
			}
		}
	}()
	// Ten in a row prove that what was broken has been left behind.
	for row := 0; row < 10; {
		message, err := n.subscription.Next(ctx)
		var lost *coordination.MessagesLostError
		switch {
		case errors.As(err, &lost):
			gap, row = true, 0
			continue
		case err != nil:
			n.t.Fatalf("nothing is heard %s: %v", when, err)
		}
		number, _ := strconv.Atoi(string(message.Payload))
		if number > n.last+1 && !gap {
			n.t.Errorf("%d follows %d without a gap %s", number, n.last, when)
		}
		n.last, gap = max(n.last, number), false
		row++
	}
	close(heard)
	n.next = <-published
}

func expectHealthyAgain(t *testing.T, handle *redis.Coordination) {
	t.Helper()
	eventually(t, "the handle is healthy", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		healthy, err := handle.HealthCheck(ctx)
		return healthy && err == nil
	})
}
