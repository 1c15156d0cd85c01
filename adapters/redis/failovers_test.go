package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// deployment is where leadership fails over.
type deployment struct {
	url     string
	home    func() *redistest.Server // nil while nobody knows
	planned func() error             // begins a failover
	rejoin  func(server *redistest.Server) error
	// replicas is how many each primary has.
	replicas int
}

func withSentinel(t *testing.T) *deployment {
	t.Helper()
	s, err := redistest.StartSentinel(t.Context(), 2, 3, 500*time.Millisecond)
	needs(t, err)
	t.Cleanup(s.Stop)
	client := goredis.NewSentinelClient(&goredis.Options{Addr: s.Addresses[0]})
	t.Cleanup(func() { _ = client.Close() })
	home := func() *redistest.Server {
		address, err := client.GetMasterAddrByName(t.Context(), redistest.PrimaryName).Result()
		if err != nil {
			return nil
		}
		i := slices.IndexFunc(s.Servers, func(one *redistest.Server) bool { return one.Address == net.JoinHostPort(address[0], address[1]) })
		return s.Servers[i]
	}
	return &deployment{
		url: s.URL(), home: home, replicas: 2,
		planned: func() error { return client.Failover(t.Context(), redistest.PrimaryName).Err() },
		rejoin: func(server *redistest.Server) error { // as its Sentinels do after ten seconds
			host, port, _ := net.SplitHostPort(home().Address)
			return raw(t, server.Address).ReplicaOf(t.Context(), host, port).Err()
		},
	}
}

func withCluster(t *testing.T) *deployment {
	t.Helper()
	c := startCluster(t, 3, 1)
	slot := c.slotOf("{riptide}:leader")
	home := func() *redistest.Server {
		for _, server := range c.Servers {
			if serves(t, server, slot) {
				return server
			}
		}
		return nil
	}
	planned := func() error {
		primary := home().Address
		for i, server := range c.Servers {
			if roleOf(t, server) == "slave of "+primary {
				return c.clients[i].ClusterFailover(t.Context()).Err()
			}
		}
		return fmt.Errorf("%s has no replica", primary)
	}
	rejoin := func(*redistest.Server) error { return nil } // it does so by itself
	return &deployment{url: c.URL(), home: home, planned: planned, rejoin: rejoin, replicas: 1}
}

// ask asks a server that may be dead or stopped.
func ask(t *testing.T, server *redistest.Server, command ...any) any {
	t.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: server.Address, MaxRetries: -1, DialTimeout: 300 * time.Millisecond, ReadTimeout: 300 * time.Millisecond})
	defer client.Close()
	answer, _ := client.Do(t.Context(), command...).Result()
	return answer
}

// serves reports whether a node of a Cluster says that it is the primary of a slot.
func serves(t *testing.T, server *redistest.Server, slot int) bool {
	t.Helper()
	text, _ := ask(t, server, "cluster", "nodes").(string)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 8 || !strings.Contains(fields[2], "myself,master") {
			continue
		}
		for _, slots := range fields[8:] {
			var first, last int
			if count, _ := fmt.Sscanf(slots, "%d-%d", &first, &last); count == 2 && first <= slot && slot <= last {
				return true
			}
		}
	}
	return false
}

// roleOf returns "master" with the number of its replicas that follow, or "slave of" an
// address.
func roleOf(t *testing.T, server *redistest.Server) string {
	t.Helper()
	role, _ := ask(t, server, "role").([]any)
	if len(role) < 3 {
		return ""
	}
	if role[0] == "slave" {
		return fmt.Sprintf("slave of %v:%v", role[1], role[2])
	}
	replicas, _ := role[2].([]any)
	return fmt.Sprintf("master of %d", len(replicas))
}

// belief is that a candidate leads.
type belief struct {
	node        string
	term        uint64
	from, until time.Time
}

// campaigner tries for the leadership all the time, and notes when it may believe that
// it leads: from an answer on, until its lease has ended, counted from the request.
type campaigner struct {
	node   string
	handle *redis.Coordination
	ttl    time.Duration
	asked  *leaseHistory

	mu      sync.Mutex // guards what follows
	beliefs []belief
	won     time.Time // the request that was last answered with yes
}

func (c *campaigner) campaign(ctx context.Context) {
	for ctx.Err() == nil {
		bounded, cancel := context.WithTimeout(ctx, c.ttl)
		asked := time.Now()
		term, acquired, err := c.handle.TryAcquireLeadership(bounded, c.node, c.ttl)
		answered := time.Now()
		c.note(asked, answered, term, acquired, err)
		c.asked.add(leaseCall{"try", c.node, c.ttl, asked}, leaseAnswer{acquired, term, c.node, answered, err})
		cancel()
		time.Sleep(c.ttl / 20)
	}
}

func (c *campaigner) note(asked, answered time.Time, term uint64, acquired bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var last *belief
	if len(c.beliefs) > 0 {
		last = &c.beliefs[len(c.beliefs)-1]
	}
	until := asked.Add(c.ttl)
	switch {
	case err != nil: // nothing is known
	case last != nil && acquired && last.term == term && answered.Before(last.until):
		last.until, c.won = until, asked
	case acquired && answered.Before(until):
		c.beliefs, c.won = append(c.beliefs, belief{c.node, term, answered, until}), asked
	}
	if err == nil && last != nil && (!acquired || last.term != term) && answered.Before(last.until) {
		last.until = answered
	}
}

// twoLeaders returns what is wrong with the beliefs of all candidates.
func twoLeaders(candidates []*campaigner) (problems []string, tenures int) {
	var all []belief
	for _, c := range candidates {
		c.mu.Lock()
		all = append(all, c.beliefs...)
		c.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b belief) int { return a.from.Compare(b.from) })
	for i := range all[:max(0, len(all)-1)] {
		before, after := all[i], all[i+1]
		if overlap := before.until.Sub(after.from); overlap > 0 && before.node != after.node {
			problems = append(problems, fmt.Sprintf("%s in term %d and %s in term %d lead at once for %v", before.node, before.term, after.node, after.term, overlap))
		}
		if after.term < before.term || after.term == before.term && after.node != before.node {
			problems = append(problems, fmt.Sprintf("term %d of %s follows term %d of %s", after.term, after.node, before.term, before.node))
		}
	}
	return problems, len(all)
}

// wins waits until a candidate was answered with yes on a request after an instant.
func wins(t *testing.T, candidates []*campaigner, after time.Time) {
	t.Helper()
	eventually(t, "a candidate leads", func() bool {
		return slices.ContainsFunc(candidates, func(c *campaigner) bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.won.After(after)
		})
	})
}

// failOver makes a failover of the given kind, and returns when it is over and the old
// primary is a replica of the new one.
func (d *deployment) failOver(t *testing.T, kind string, candidates []*campaigner) {
	t.Helper()
	old := d.home()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
	}
	moved := func() bool {
		now := d.home()
		return now != nil && now != old && strings.HasPrefix(roleOf(t, now), "master")
	}
	switch kind {
	case "planned":
		eventually(t, "a planned failover begins", func() bool { return d.planned() == nil })
		eventually(t, "a planned failover", moved)
		must(d.rejoin(old))
	case "kill":
		must(old.Kill())
		eventually(t, "a failover after a crash", moved)
		must(old.Restart())
		must(d.rejoin(old))
	case "stop":
		must(old.Signal(syscall.SIGSTOP))
		eventually(t, "a failover of a primary that hangs", moved)
		must(old.Signal(syscall.SIGCONT)) // it lives on, and may still think that it is the primary
		time.Sleep(candidates[0].ttl)     // long enough for a wrong renewal
		must(d.rejoin(old))
	}
	over := time.Now()
	eventually(t, "the replicas follow the new primary", func() bool {
		now := d.home()
		return now != nil && roleOf(t, now) == fmt.Sprintf("master of %d", d.replicas)
	})
	wins(t, candidates, over)
}

// Six failovers each, with three candidates, and the options that make the lease safe.
func TestNeverDoTwoLeadThroughFailovers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *deployment{"Sentinel": withSentinel, "Cluster": withCluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t)
			ctx, stop := context.WithCancel(t.Context())
			var campaigning sync.WaitGroup
			defer campaigning.Wait()
			defer stop()
			var candidates []*campaigner
			var asked leaseHistory
			for i := range 3 {
				handle := open(t, d.url, &redis.Options{
					LinkTimeout: 500 * time.Millisecond,
					Leadership:  redis.LeadershipOptions{Replicas: d.replicas, WaitOut: true},
				})
				c := &campaigner{node: fmt.Sprint("node-", i), handle: handle, ttl: time.Second, asked: &asked}
				candidates = append(candidates, c)
				campaigning.Go(func() { c.campaign(ctx) })
			}
			wins(t, candidates, time.Time{})
			for _, kind := range []string{"planned", "kill", "stop", "kill", "stop", "planned"} {
				began := time.Now()
				d.failOver(t, kind, candidates)
				t.Logf("%s: a leader after %v", kind, time.Since(began))
			}
			stop()
			campaigning.Wait()
			asked.expectLinearizable(t)
			problems, tenures := twoLeaders(candidates)
			for _, problem := range problems {
				t.Error(problem)
			}
			if t.Logf("%d tenures", tenures); tenures < 5 {
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
			var candidates []*campaigner
			for i := range 2 {
				handle := open(t, s.URL(), &redis.Options{LinkTimeout: 500 * time.Millisecond, Leadership: options})
				candidates = append(candidates, &campaigner{node: fmt.Sprint("node-", i), handle: handle, ttl: ttl})
			}
			try := func(c *campaigner) bool {
				asked := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				term, acquired, err := c.handle.TryAcquireLeadership(ctx, c.node, ttl)
				c.note(asked, time.Now(), term, acquired, err)
				return err == nil && acquired
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
			if safe := options != (redis.LeadershipOptions{}); first == safe {
				t.Fatalf("the lease was given: %v", first)
			}
			began := time.Now()
			eventually(t, "the other candidate leads", func() bool { return try(candidates[1]) })
			t.Logf("the successor leads after %v", time.Since(began))
			problems, _ := twoLeaders(candidates)
			if safe := options != (redis.LeadershipOptions{}); safe != (len(problems) == 0) {
				t.Errorf("found %q", problems)
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
	client := goredis.NewSentinelClient(&goredis.Options{Addr: s.Addresses[0]})
	defer client.Close()
	if err := client.Failover(t.Context(), redistest.PrimaryName).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the replica is primary", func() bool { return strings.HasPrefix(roleOf(t, s.Servers[1]), "master") })
	began := time.Now()
	other := raw(t, s.Servers[1].Address)
	eventually(t, "the subscriptions are on the new primary", func() bool {
		return other.PubSubNumSub(t.Context(), "riptide:c:after").Val()["riptide:c:after"] == 1
	})
	if took := time.Since(began); took > 5*time.Second {
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
