package redis_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
)

// allow makes a user with the rules, and opens a handle with it.
func allow(t *testing.T, client *goredis.Client, options *redis.Options, database int) (*redis.Coordination, []string) {
	t.Helper()
	rules, err := redis.ACL(options, redis.Deployment{Database: database})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.ACLSetUser(t.Context(), "app", append([]string{"reset", "on", ">secret"}, rules...)...).Err(); err != nil {
		t.Fatal(err)
	}
	return open(t, fmt.Sprintf("redis://app:secret@%s/%d", client.Options().Addr, database), options), rules
}

// everything calls every method, in such a way that each command is sent.
func everything(t *testing.T, handle *redis.Coordination) error {
	t.Helper()
	ctx := within(t)
	var failures []error
	note := func(err error) { failures = append(failures, err) }
	note(handle.Set(ctx, "key", nil, time.Minute))
	note(handle.Set(ctx, "key", nil, 0))
	_, _, err := handle.Get(ctx, "key")
	note(err)
	_, err = handle.Keys(ctx, "key")
	note(err)
	_, err = handle.Keys(ctx, "k*")
	note(err)
	_, err = handle.Delete(ctx, "key")
	note(err)
	_, err = handle.DeleteMany(ctx, "key", "other")
	note(err)
	note(handle.FlushAll(ctx))

	for _, pattern := range []string{"news", "n*"} {
		subscription, err := handle.Subscribe(ctx, pattern)
		if err != nil {
			note(err)
			continue
		}
		note(handle.Publish(ctx, "news", nil))
		_, err = subscription.Next(ctx)
		note(err)
		received := make(chan error, 1)
		go func() {
			_, err := subscription.Next(ctx)
			received <- err
		}()
		_, err = handle.PublishWithAck(ctx, "news", nil, 5*time.Second)
		note(err)
		note(<-received)
		note(subscription.Close())
		_, err = handle.PublishWithAck(ctx, "news", nil, 5*time.Second)
		if !errors.Is(err, coordination.ErrNoSubscribers) {
			note(err)
		}
	}
	subscription, err := handle.Subscribe(ctx, "unread")
	note(err)
	if _, err = handle.PublishWithAck(ctx, "unread", nil, 10*time.Millisecond); !errors.Is(err, coordination.ErrAckTimeout) {
		note(err)
	}
	if subscription != nil {
		note(subscription.Close())
	}

	note(handle.RegisterNode(ctx, "expires", nil))
	note(handle.Heartbeat(ctx, "expires", time.Millisecond))
	time.Sleep(2 * time.Millisecond)                    // and so it has
	note(handle.RegisterNode(ctx, "node", []byte("m"))) // removes it
	note(handle.Heartbeat(ctx, "node", time.Minute))
	_, _, err = handle.NodeMetadata(ctx, "node")
	note(err)
	_, err = handle.ListNodes(ctx)
	note(err)
	_, err = handle.DeregisterNode(ctx, "node")
	note(err)

	_, _, err = handle.TryAcquireLeadership(ctx, "node", time.Minute)
	note(err)
	_, _, err = handle.Leader(ctx)
	note(err)
	_, err = handle.ReleaseLeadership(ctx, "node")
	note(err)

	_, err = handle.Stats(ctx)
	note(err)
	if healthy, err := handle.HealthCheck(ctx); !healthy {
		note(fmt.Errorf("HealthCheck = %v, %w", healthy, err))
	}
	return errors.Join(failures...)
}

func TestTheRulesOfACLAllowEverything(t *testing.T) {
	server := private(t)
	client := raw(t, server.Address)
	for _, namespace := range []string{"", "shop", "shop/eu", "*", " a?[b]{c}\\\r\n\x00\xff%~&:", strings.Repeat("n", coordination.MaxNameLen)} {
		for _, database := range []int{0, 3} {
			handle, rules := allow(t, client, &redis.Options{Namespace: namespace}, database)
			if err := everything(t, handle); err != nil {
				t.Errorf("namespace %q, database %d, %q: %v", namespace, database, rules, err)
			}
		}
	}
}

func TestTheRulesOfACLKeepOutOfOtherNamespaces(t *testing.T) {
	server := private(t)
	client := raw(t, server.Address)
	_, _ = allow(t, client, &redis.Options{Namespace: "shop"}, 0)
	for _, namespace := range []string{"shop2", "sho", "*", "other"} {
		stranger := open(t, "redis://app:secret@"+server.Address, &redis.Options{Namespace: namespace})
		if err := stranger.Set(t.Context(), "key", nil, 0); !errors.Is(err, coordination.ErrUnavailable) || !strings.Contains(err.Error(), "SET") {
			t.Errorf("Set = %v", err)
		}
		if err := stranger.RegisterNode(t.Context(), "node", nil); !errors.Is(err, coordination.ErrUnavailable) {
			t.Errorf("RegisterNode = %v", err)
		}
		expectDegraded(t, stranger, "NOPERM")
	}
}

// The commands of the rules are those that the server has executed.
func TestTheRulesOfACLAreInStepWithWhatIsSent(t *testing.T) {
	primary, _ := replicated(t)
	client := raw(t, primary.Address)
	handle, rules := allow(t, client, withLeadership(redis.LeadershipOptions{Replicas: 1, WaitOut: true}), 3)
	client.ConfigResetStat(t.Context())
	if err := everything(t, open(t, "redis://app:secret@"+primary.Address+"/3", withLeadership(redis.LeadershipOptions{Replicas: 1, WaitOut: true}))); err != nil {
		t.Fatal(err)
	}
	_ = handle.Close()
	var allowed []string
	for _, rule := range rules {
		if command, ok := strings.CutPrefix(rule, "+"); ok {
			allowed = append(allowed, command)
		}
	}
	stats, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	executed := map[string]bool{}
	for line := range strings.Lines(stats) {
		if entry, ok := strings.CutPrefix(line, "cmdstat_"); ok {
			command, _, _ := strings.Cut(entry, ":")
			executed[command] = true
		}
	}
	for _, others := range []string{"config|resetstat", "replconf", "hello"} { // the test's, the replica's, everybody's
		delete(executed, others)
	}
	if sent := slices.Sorted(maps.Keys(executed)); !slices.Equal(sent, allowed) {
		t.Errorf("sent    %q\nallowed %q", sent, allowed)
	}
}

func TestHealthCheckNoticesEachRuleThatIsMissing(t *testing.T) {
	server, _ := replicated(t)
	client := raw(t, server.Address)
	for _, options := range []*redis.Options{nil, withLeadership(redis.LeadershipOptions{Replicas: 1, WaitOut: true})} {
		handle, rules := allow(t, client, options, 0)
		expectHealthy(t, handle)
		for i, rule := range rules {
			without := slices.Delete(slices.Clone(rules), i, i+1)
			set := append([]string{"reset", "on", ">secret"}, without...)
			if err := client.ACLSetUser(t.Context(), "app", set...).Err(); err != nil {
				t.Fatal(err)
			}
			handle := eventuallyOpen(t, server.URL(), options)
			command, isCommand := strings.CutPrefix(rule, "+")
			switch {
			case handle == nil && rule == "+ping":
			case handle == nil:
				t.Errorf("without %s, Open fails", rule)
			case rule == "+info" && options == nil: // unknown is not degraded
				stats, err := handle.Stats(t.Context())
				if err != nil || !strings.Contains(stats.Metadata["unknown"], "INFO: NOPERM") {
					t.Errorf("without %s, Stats = %v, %v", rule, stats, err)
				}
				expectHealthy(t, handle)
			case isCommand:
				expectDegraded(t, handle, strings.ToUpper(command)+": NOPERM")
			default:
				expectDegraded(t, handle, "NOPERM")
			}
		}
	}
}

// eventuallyOpen returns nil if Open fails.
func eventuallyOpen(t *testing.T, url string, options *redis.Options) *redis.Coordination {
	t.Helper()
	handle, err := redis.Open(within(t), strings.Replace(url, "redis://", "redis://app:secret@", 1), options)
	if err != nil {
		return nil
	}
	t.Cleanup(func() { _ = handle.Close() })
	return handle
}

func TestACommandRefusedInsideAScriptIsNamed(t *testing.T) {
	server := private(t)
	client := raw(t, server.Address)
	handle, _ := allow(t, client, nil, 0)
	client.ACLSetUser(t.Context(), "app", "-hset", "-get")
	_, _, err := handle.TryAcquireLeadership(within(t), "node", time.Minute)
	if !errors.Is(err, coordination.ErrUnavailable) || !strings.Contains(err.Error(), "HSET "+leaderRecord) {
		t.Errorf("TryAcquireLeadership = %v", err)
	}
	if _, _, err := handle.Get(within(t), "key"); !errors.Is(err, coordination.ErrUnavailable) || !strings.Contains(err.Error(), "GET: NOPERM") {
		t.Errorf("Get = %v", err)
	}
	client.ACLSetUser(t.Context(), "app", "resetkeys", "~*", "+hset", "-time")
	if _, _, err := handle.Leader(within(t)); !errors.Is(err, coordination.ErrUnavailable) || !strings.Contains(err.Error(), "TIME") {
		t.Errorf("Leader = %v", err)
	}
}

func TestACLRefusesInvalidArguments(t *testing.T) {
	for argument, call := range map[string]func() ([]string, error){
		"Buffer":         func() ([]string, error) { return redis.ACL(&redis.Options{Buffer: -1}, redis.Deployment{}) },
		"Database is -1": func() ([]string, error) { return redis.ACL(nil, redis.Deployment{Database: -1}) },
		"Database is 1":  func() ([]string, error) { return redis.ACL(nil, redis.Deployment{Database: 1, Cluster: true}) },
	} {
		if rules, err := call(); rules != nil || !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(argument)) {
			t.Errorf("%s: %q, %v", argument, rules, err)
		}
	}
}

func ExampleACL() {
	rules, err := redis.ACL(&redis.Options{Namespace: "shop/eu"}, redis.Deployment{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(rules, " "))
	// Output:
	// ~shop%2Feu:k:* ~{shop%2Feu}:* &* +discard +eval +evalsha +exists +get +hdel +hget +hincrby +hmget +hset +hsetnx +info +multi +pexpire +ping +psubscribe +publish +punsubscribe +role +scan +set +subscribe +time +unlink +unsubscribe +zadd +zcard +zcount +zrange +zrangebyscore +zrem +zscore
}

func TestTheRulesOfACLAllowEverythingOnACluster(t *testing.T) {
	cluster := startCluster(t, 3, 0)
	on := redis.Deployment{Cluster: true}
	rules, err := redis.ACL(nil, on)
	if err != nil {
		t.Fatal(err)
	}
	allowed := func(rules []string) {
		t.Helper()
		for _, client := range cluster.clients {
			if err := client.ACLSetUser(t.Context(), "app", append([]string{"reset", "on", ">secret"}, rules...)...).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	allowed(rules)
	url := strings.Replace(cluster.URL(), "redis://", "redis://app:secret@", 1)
	handle := open(t, url, nil)
	if err := everything(t, handle); err != nil {
		t.Error(err)
	}
	for i, rule := range rules {
		if rule == "+info" || rule == "+cluster|slots" { // unknown; or the nodes cannot be found
			continue
		}
		allowed(slices.Delete(slices.Clone(rules), i, i+1))
		expectDegraded(t, handle, "NOPERM")
	}
	allowed(rules)
	eventually(t, "the server confirms the subscriptions that it had ended", func() bool {
		healthy, _ := handle.HealthCheck(within(t))
		return healthy
	})
	// One node alone is enough.
	for node := range cluster.clients {
		cluster.clients[node].ACLSetUser(t.Context(), "app", "-get")
		expectDegraded(t, handle, "GET: NOPERM", cluster.Servers[node].Address)
		cluster.clients[node].ACLSetUser(t.Context(), "app", "+get")
	}
	expectHealthy(t, handle)
}
