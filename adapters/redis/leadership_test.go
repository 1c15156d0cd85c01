package redis_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
)

const leaderRecord = "{riptide}:leader"

// raw returns a client of a server, for what the adapter does not do.
func raw(t testing.TB, address string) *goredis.Client {
	t.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: address})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// leads returns the term in which a node acquires the lease.
func leads(t testing.TB, handle coordination.Leadership, node string, ttl time.Duration) uint64 {
	t.Helper()
	term, acquired, err := handle.TryAcquireLeadership(within(t), node, ttl)
	if err != nil || !acquired {
		t.Fatalf("TryAcquireLeadership(%q) = %d, %v, %v", node, term, acquired, err)
	}
	return term
}

// loses fails if a node acquires the lease.
func loses(t testing.TB, handle coordination.Leadership, node string, ttl time.Duration) {
	t.Helper()
	if term, acquired, err := handle.TryAcquireLeadership(within(t), node, ttl); err != nil || acquired {
		t.Fatalf("TryAcquireLeadership(%q) = %d, %v, %v", node, term, acquired, err)
	}
}

// eventuallyLeads tries until a node acquires the lease, and returns when that was.
func eventuallyLeads(t testing.TB, handle coordination.Leadership, node string, ttl time.Duration) time.Time {
	t.Helper()
	for ctx := within(t); ; {
		_, acquired, err := handle.TryAcquireLeadership(ctx, node, ttl)
		if err != nil {
			t.Fatal(err)
		}
		if acquired {
			return time.Now()
		}
	}
}

// ahead makes the record look as if the server's clock had stepped back by an hour.
func ahead(t testing.TB, client *goredis.Client) {
	t.Helper()
	for _, field := range []string{"term", "ends"} {
		if err := client.HIncrBy(t.Context(), leaderRecord, field, time.Hour.Microseconds()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTermsRiseWhenTheRecordIsLostAndTheClockHasSteppedBack(t *testing.T) {
	backend := private(t)
	client := raw(t, backend.Address)
	for name, knows := range map[string]func(one, other *redis.Coordination) (next *redis.Coordination){
		"for the holder": func(one, _ *redis.Coordination) *redis.Coordination {
			leads(t, one, "node", time.Minute)
			return one
		},
		"for a candidate that was refused": func(_, other *redis.Coordination) *redis.Coordination {
			loses(t, other, "other", time.Minute)
			return other
		},
		"for a candidate that asked for the leader": func(_, other *redis.Coordination) *redis.Coordination {
			if _, found, err := other.Leader(t.Context()); !found || err != nil {
				t.Fatal(found, err)
			}
			return other
		},
	} {
		t.Run(name, func(t *testing.T) {
			client.FlushAll(t.Context())
			one, other := open(t, backend.URL(), nil), open(t, backend.URL(), nil)
			leads(t, one, "node", time.Minute)
			ahead(t, client)
			leader, _, err := one.Leader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			next := knows(one, other)
			client.FlushAll(t.Context())
			if term := leads(t, next, "next", time.Minute); term <= leader.Term {
				t.Errorf("term %d follows %d", term, leader.Term)
			}
		})
	}
}

func TestATermThatIsTooLowIsReplacedAtTheNextRenewal(t *testing.T) {
	backend := private(t)
	client := raw(t, backend.Address)
	one := open(t, backend.URL(), nil)
	leads(t, one, "node", time.Minute)
	ahead(t, client)
	before := leads(t, one, "node", time.Minute)
	client.FlushAll(t.Context())

	fresh := open(t, backend.URL(), nil) // which knows of no term
	if low := leads(t, fresh, "fresh", time.Minute); low >= before {
		t.Fatalf("the fresh candidate's term %d is not below %d", low, before)
	}
	loses(t, one, "node", time.Minute)
	high := leads(t, fresh, "fresh", time.Minute)
	if high <= before {
		t.Errorf("the renewal has term %d, not above %d", high, before)
	}
	if again := leads(t, fresh, "fresh", time.Minute); again != high {
		t.Errorf("another renewal changes term %d to %d", high, again)
	}
}

func TestALeaseNeverHasMoreThanItsTTLLeftWhenTheClockStepsBack(t *testing.T) {
	backend := private(t)
	client := raw(t, backend.Address)
	one, other := open(t, backend.URL(), nil), open(t, backend.URL(), nil)
	const ttl = 200 * time.Millisecond
	for name, look := range map[string]func(){
		"a candidate":  func() { loses(t, other, "other", ttl) },
		"Leader":       func() { _, _, _ = other.Leader(t.Context()) },
		"Stats":        func() { _, _ = other.Stats(t.Context()) },
		"ReleaseOther": func() { _, _ = other.ReleaseLeadership(t.Context(), "other") },
	} {
		t.Run(name, func(t *testing.T) {
			client.FlushAll(t.Context())
			leads(t, one, "node", ttl)
			ahead(t, client)
			start := time.Now()
			look()
			leader, found, err := one.Leader(t.Context())
			if err != nil || found && leader.Remaining > ttl {
				t.Errorf("Leader = %+v, %v, %v", leader, found, err)
			}
			if took := eventuallyLeads(t, other, "other", ttl).Sub(start); took > time.Second {
				t.Errorf("a lease of %v was over after %v", ttl, took)
			}
		})
	}
}

func TestADamagedRecordIsReportedByNameAndField(t *testing.T) {
	backend := private(t)
	client := raw(t, backend.Address)
	handle := open(t, backend.URL(), nil)
	for field, value := range map[string]string{
		"term": "many\r\n\xff", "ends": "-1", "ttl": "", "floor": "1e3",
	} {
		leads(t, handle, "node", time.Minute)
		client.HSet(t.Context(), leaderRecord, field, value)
		expectDamage(t, handle, field)
		client.Del(t.Context(), leaderRecord)
	}
	for _, field := range []string{"node", "handle", "term", "ends", "ttl"} {
		leads(t, handle, "node", time.Minute)
		client.HDel(t.Context(), leaderRecord, field)
		expectDamage(t, handle, field)
		client.Del(t.Context(), leaderRecord)
	}
}

func expectDamage(t *testing.T, handle *redis.Coordination, field string) {
	t.Helper()
	_, _, acquireErr := handle.TryAcquireLeadership(within(t), "node", time.Minute)
	_, releaseErr := handle.ReleaseLeadership(within(t), "node")
	_, _, leaderErr := handle.Leader(within(t))
	for method, err := range map[string]error{"acquire": acquireErr, "release": releaseErr, "leader": leaderErr} {
		if !errors.Is(err, coordination.ErrUnavailable) {
			t.Errorf("%s = %v", method, err)
			continue
		}
		for _, want := range []string{"DAMAGED", leaderRecord, "field " + field + " is "} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s = %v, without %q", method, err, want)
			}
		}
	}
	expectDegraded(t, handle, "DAMAGED", leaderRecord, "field "+field+" is ")
}

func TestARecordOfAWrongTypeIsReportedByNameAndCommand(t *testing.T) {
	backend := private(t)
	client := raw(t, backend.Address)
	handle := open(t, backend.URL(), nil)
	for record, call := range map[string]func(context.Context) error{
		leaderRecord: func(ctx context.Context) error { _, _, err := handle.Leader(ctx); return err },
		"{riptide}:members": func(ctx context.Context) error {
			return handle.RegisterNode(ctx, "node", nil)
		},
		"{riptide}:metadata": func(ctx context.Context) error {
			return handle.RegisterNode(ctx, "node", nil)
		},
	} {
		client.FlushAll(t.Context())
		client.Set(t.Context(), record, "not ours", 0)
		err := call(within(t))
		if !errors.Is(err, coordination.ErrUnavailable) || !strings.Contains(err.Error(), "WRONGTYPE") || !strings.Contains(err.Error(), record) {
			t.Errorf("%s: %v", record, err)
		}
		expectDegraded(t, handle, "WRONGTYPE", record)
	}
	client.FlushAll(t.Context())
	expectHealthy(t, handle)
}

// As if the candidate had acquired it again while the request to release the lease before
// was held up.
func TestALateReleaseDoesNotFreeTheNextLease(t *testing.T) {
	server := private(t)
	client := raw(t, server.Address)
	handle := open(t, server.URL(), nil)
	term := leads(t, handle, "node", time.Minute)
	next := term + 5
	if err := client.HSet(t.Context(), "{riptide}:leader", "term", next).Err(); err != nil {
		t.Fatal(err)
	}
	if released, err := handle.ReleaseLeadership(within(t), "node"); released || err != nil {
		t.Errorf("ReleaseLeadership = %v, %v", released, err)
	}
	if leader, found, err := handle.Leader(within(t)); !found || leader.Term != next || err != nil {
		t.Errorf("Leader = %+v, %v, %v", leader, found, err)
	}
}
