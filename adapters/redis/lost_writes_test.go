package redis_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
)

// believer is a candidate and the lease that it relies on.
type believer struct {
	*redis.Coordination
	node  string
	term  uint64
	until time.Time
}

func (b *believer) leads() bool { return time.Now().Before(b.until) }

// lossy is a server that a failover turns into one that lacks the last writes.
type lossy struct {
	client *goredis.Client
	saved  []string // dumps of the record, oldest first; "" if there was none
}

func (l *lossy) save(t *testing.T) {
	t.Helper()
	dump, err := l.client.Dump(t.Context(), leaderRecord).Result()
	if err != nil && err != goredis.Nil { //nolint:errorlint // it is returned as it is
		t.Fatal(err)
	}
	l.saved = append(l.saved, dump)
}

// fail goes back by some writes, with the identity of another server.
func (l *lossy) fail(t *testing.T, writes int) {
	t.Helper()
	l.saved = l.saved[:max(1, len(l.saved)-writes)]
	record := l.saved[len(l.saved)-1]
	l.client.Del(t.Context(), leaderRecord)
	if record != "" {
		if err := l.client.Restore(t.Context(), leaderRecord, 0, record).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.client.Do(t.Context(), "debug", "change-repl-id").Err(); err != nil {
		t.Fatal(err)
	}
}

// schedule has candidates and failovers at random, and returns what went wrong: two
// leaders at once, and a term that did not rise.
func schedule(t *testing.T, seed uint64, server *lossy, candidates []*believer, steps int) (faults []string, fallen []string, led int) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	var last uint64
	server.save(t)
	for step := range steps {
		b := candidates[random.IntN(len(candidates))]
		switch choice := random.IntN(80); {
		case choice == 0:
			server.client.Del(t.Context(), leaderRecord)
			server.save(t)
		case choice < 5:
			server.fail(t, random.IntN(6))
		case choice < 9:
			b.until = time.Time{}
			if _, err := b.ReleaseLeadership(within(t), b.node); err != nil {
				t.Fatal(err)
			}
			server.save(t)
		case choice < 13: // it vanishes, or is slow
			time.Sleep(time.Duration(random.IntN(15)) * time.Millisecond)
		default:
			const ttl = 10 * time.Millisecond
			start := time.Now()
			term, acquired, err := b.TryAcquireLeadership(within(t), b.node, ttl)
			if err != nil {
				t.Fatal(err)
			}
			server.save(t)
			if !acquired {
				b.until = time.Time{}
				break
			}
			for _, other := range candidates {
				if other != b && other.leads() {
					faults = append(faults, fmt.Sprintf("step %d: %s leads in term %d beside %s in term %d", step, b.node, term, other.node, other.term))
				}
			}
			renewed := term == b.term && start.Before(b.until) // which began before others did
			if !renewed && (term < last || term == last && term != b.term) {
				fallen = append(fallen, fmt.Sprintf("step %d: term %d follows %d", step, term, last))
			}
			if term != b.term {
				led++
			}
			last = max(last, term)
			b.term, b.until = term, start.Add(ttl)
		}
	}
	return faults, fallen, led
}

func TestNeverTwoLeadAcrossFailoversThatLoseWritesWithWaitOutAndOftenWithout(t *testing.T) {
	backend := private(t, "--enable-debug-command", "yes")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, wait := range []bool{true, false} {
		server := &lossy{client: raw(t, backend.Address)}
		server.client.FlushAll(t.Context())
		var candidates []*believer
		for i := range 3 {
			handle := open(t, backend.URL(), withLeadership(redis.LeadershipOptions{WaitOut: wait}))
			candidates = append(candidates, &believer{Coordination: handle, node: fmt.Sprint("node", i)})
		}
		faults, fallen, led := schedule(t, seed, server, candidates, 4000)
		t.Logf("WaitOut %v: %d leaderships, %d faults", wait, led, len(faults))
		switch {
		case led < 20:
			t.Errorf("only %d leaderships", led)
		case wait && len(faults) > 0:
			t.Errorf("%d faults, the first: %s", len(faults), faults[0])
		case !wait && len(faults) == 0:
			t.Error("the schedule does not lead to two leaders even without WaitOut")
		}
		if len(fallen) > 0 {
			t.Errorf("%d terms did not rise, the first: %s", len(fallen), fallen[0])
		}
	}
}
