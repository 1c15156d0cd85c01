package redis_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// deployment is where leadership fails over.
type deployment struct {
	url     string
	home    func() *redistest.Server // nil while nobody knows
	planned func() error             // begins a failover
	// settled is whether no failover is under way, nil if that does not matter.
	settled func() bool
	// repairs is whether nobody but a Sentinel makes the old primary a replica, after ten seconds.
	repairs bool
	// replicas is how many each primary has.
	replicas int
	// each has the URLs of the single servers, which a client that does not follow uses.
	each []string
	// bound is the longest time without a leader once all servers are up.
	bound time.Duration
}

func withSentinel(t *testing.T) *deployment {
	t.Helper()
	s, err := redistest.StartSentinel(t.Context(), 2, 3, time.Second) // a busy machine is silent for half a second
	needs(t, err)
	t.Cleanup(s.Stop)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Logs())
		}
	})
	var sentinels []*goredis.SentinelClient
	for _, address := range s.Addresses {
		client := goredis.NewSentinelClient(&goredis.Options{Addr: address})
		t.Cleanup(func() { _ = client.Close() })
		sentinels = append(sentinels, client)
	}
	home := func() *redistest.Server { // that most Sentinels tell: one may be in the middle of a failover
		for _, server := range s.Servers {
			votes := 0
			for _, sentinel := range sentinels {
				address, err := sentinel.GetMasterAddrByName(t.Context(), redistest.PrimaryName).Result()
				if err == nil && net.JoinHostPort(address[0], address[1]) == server.Address {
					votes++
				}
			}
			if votes > len(sentinels)/2 {
				return server
			}
		}
		return nil
	}
	settled := func() bool { // a primary that dies before all Sentinels have followed it may have no successor
		at := home()
		return at != nil && !slices.ContainsFunc(sentinels, func(sentinel *goredis.SentinelClient) bool {
			primary, err := sentinel.Master(t.Context(), redistest.PrimaryName).Result()
			return err != nil || primary["flags"] != "master" || net.JoinHostPort(primary["ip"], primary["port"]) != at.Address
		})
	}
	planned := func() (err error) {
		for _, sentinel := range sentinels {
			if err = sentinel.Failover(t.Context(), redistest.PrimaryName).Err(); err == nil {
				return nil
			}
		}
		return err
	}
	var each []string
	for _, server := range s.Servers {
		each = append(each, server.URL())
	}
	return &deployment{
		url: s.URL(), each: each, home: home, replicas: 2, bound: 5 * time.Second,
		planned: planned, settled: settled,
		repairs: true,
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
		primary := home()
		if primary == nil {
			return errors.New("no primary")
		}
		for i, server := range c.Servers {
			if roleOf(t, server) == "slave of "+primary.Address {
				return c.clients[i].ClusterFailover(t.Context()).Err()
			}
		}
		return fmt.Errorf("%s has no replica", primary.Address)
	}
	return &deployment{url: c.URL(), home: home, planned: planned, replicas: 1, bound: 5 * time.Second}
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

// failOver makes a failover of the given kind, and returns when it is over, a candidate
// leads, and the old primary is a replica of the new one.
func (d *deployment) failOver(t *testing.T, kind string, candidates []*campaigner) {
	t.Helper()
	var old *redistest.Server
	eventually(t, "a primary", func() bool {
		old = d.home()
		return old != nil
	})
	now := candidates[0].asked.now
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
	}
	began := now()
	switch kind {
	case "planned":
		eventually(t, "a planned failover begins", func() bool { return d.planned() == nil })
	case "kill":
		must(old.Kill())
	case "stop":
		must(old.Signal(syscall.SIGSTOP))
	}
	again := began
	eventually(t, "another server is primary: "+kind, func() bool {
		home := d.home()
		if kind == "planned" && now()-again > 5*time.Second { // Sentinels may have given up
			again = now()
			_ = d.planned()
		}
		return home != nil && home != old && strings.HasPrefix(roleOf(t, home), "master")
	})
	moved := now()
	switch kind {
	case "kill":
		must(old.Restart())
	case "stop": // it lives on, and still thinks that it is the primary
		must(old.Signal(syscall.SIGCONT))
		goOn(t, candidates, now()+candidates[0].ttl) // long enough for a wrong renewal
	}
	alone := now() // the last time that replicas were missing
	eventually(t, "a candidate leads: "+kind, func() bool {
		if !d.whole(t, old) {
			alone = now()
		}
		return lastWin(candidates) > alone
	})
	t.Logf("%s: another primary after %v, with all replicas after %v, a leader after %v", kind, moved-began, alone-began, now()-began)
	if took := now() - alone; took > d.bound {
		t.Errorf("%s: there is no leader for %v though all servers are up", kind, took)
	}
}

// whole reports whether no failover is under way and all replicas follow the primary. It
// has the old primary follow it too, but not during a failover: a server that is being
// promoted must be left alone. Of others the Sentinels take care, ten seconds later.
func (d *deployment) whole(t *testing.T, old *redistest.Server) bool {
	t.Helper()
	home := d.home()
	if home == nil || d.settled != nil && !d.settled() {
		return false
	}
	role := roleOf(t, home)
	if d.repairs && home != old && strings.HasPrefix(role, "master") && strings.HasPrefix(roleOf(t, old), "master") {
		host, port, _ := net.SplitHostPort(home.Address)
		ask(t, old, "replicaof", host, port)
	}
	return role == fmt.Sprintf("master of %d", d.replicas)
}
