package redis_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
)

// belief is that a candidate leads. Times are counted from the beginning of the history.
type belief struct {
	node        string
	term        uint64
	from, until time.Duration
}

// campaigner tries for the leadership all the time, and notes when it may believe that
// it leads: from an answer on, until its lease has ended, counted from the request.
type campaigner struct {
	node   string
	handle *redis.Coordination
	ttl    time.Duration
	asked  *leaseHistory
	// stays is whether the handle stays with one server. What it sees on a replica lags.
	stays bool

	mu      sync.Mutex // guards what follows
	beliefs []belief
	won     time.Duration // the request that was last answered with yes
	tried   time.Duration // the last request that has ended
}

// campaign tries until the context ends, and looks or releases now and then.
func (c *campaigner) campaign(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		pause := c.ttl / 20
		if !c.once(ctx, random) {
			pause = c.ttl / 5 // each call without an answer makes the search for an order longer
		}
		time.Sleep(pause)
	}
}

func (c *campaigner) once(ctx context.Context, random *rand.Rand) (answered bool) {
	ctx, cancel := context.WithTimeout(ctx, c.ttl)
	defer cancel()
	switch choice := random.IntN(50); {
	case choice == 0:
		c.givesUp()
		c.asked.release(ctx, c.handle, "", c.node)
	case choice == 1 && !c.stays:
		c.asked.look(ctx, c.handle, "")
	default:
		return c.try(ctx).err == nil
	}
	return true
}

func (c *campaigner) try(ctx context.Context) leaseAnswer {
	call, answer := c.asked.try(ctx, c.handle, "", c.node, c.ttl)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried = call.from
	last := &belief{}
	if len(c.beliefs) > 0 {
		last = &c.beliefs[len(c.beliefs)-1]
	}
	until := call.from + c.ttl
	leads := answer.ok && answer.to < until
	switch {
	case answer.err != nil: // it goes on to believe what it did
	case leads && last.term == answer.term && answer.to < last.until:
		last.until, c.won = until, call.from
	default:
		last.until = min(last.until, answer.to)
		if leads {
			c.beliefs, c.won = append(c.beliefs, belief{c.node, answer.term, answer.to, until}), call.from
		}
	}
	return answer
}

// givesUp notes that the candidate is about to release the lease.
func (c *campaigner) givesUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if count := len(c.beliefs); count > 0 {
		c.beliefs[count-1].until = min(c.beliefs[count-1].until, c.asked.now())
	}
}

// twoLeaders returns what is wrong with the beliefs of all candidates, and the number of
// tenures.
func twoLeaders(candidates []*campaigner) (problems []string, tenures int) {
	var all []belief
	for _, c := range candidates {
		c.mu.Lock()
		all = append(all, c.beliefs...)
		c.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b belief) int { return int(a.from - b.from) })
	var before belief // that lasts the longest so far
	for i, after := range all {
		if overlap := before.until - after.from; overlap > 0 && before.node != after.node {
			problems = append(problems, fmt.Sprintf("%s in term %d and %s in term %d lead at once for %v", before.node, before.term, after.node, after.term, overlap))
		}
		if i > 0 && after.term <= all[i-1].term && (after.term < all[i-1].term || after.node != all[i-1].node) {
			problems = append(problems, fmt.Sprintf("term %d of %s follows term %d of %s", after.term, after.node, all[i-1].term, all[i-1].node))
		}
		if i == 0 || after.term != all[i-1].term {
			tenures++
		}
		if after.until > before.until {
			before = after
		}
	}
	return problems, tenures
}

// lastWin returns the last request of a candidate that was answered with yes.
func lastWin(candidates []*campaigner) (last time.Duration) {
	for _, c := range candidates {
		c.mu.Lock()
		last = max(last, c.won)
		c.mu.Unlock()
	}
	return last
}

// goOn waits until every candidate has tried after an instant.
func goOn(t *testing.T, candidates []*campaigner, after time.Duration) {
	t.Helper()
	eventually(t, "all candidates try", func() bool {
		return !slices.ContainsFunc(candidates, func(c *campaigner) bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.tried <= after
		})
	})
}

// The check of beliefs finds two leaders and terms that do not rise.
func TestTheCheckOfBeliefsFindsTwoLeaders(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		beliefs []belief
		want    string
	}{
		"one after another":           {[]belief{{"a", 1, 0, s}, {"b", 2, s, 2 * s}, {"a", 3, 3 * s, 4 * s}}, ""},
		"a tenure that had lapsed":    {[]belief{{"a", 1, 0, s}, {"a", 1, 2 * s, 3 * s}}, ""},
		"two at once":                 {[]belief{{"a", 1, 0, 2 * s}, {"b", 2, s, 3 * s}}, "a in term 1 and b in term 2 lead at once for 1s"},
		"two at once, not neighbours": {[]belief{{"a", 1, 0, 9 * s}, {"a", 2, s, 2 * s}, {"b", 3, 3 * s, 4 * s}}, "a in term 1 and b in term 3 lead at once for 6s"},
		"a term that falls":           {[]belief{{"a", 2, 0, s}, {"a", 1, 2 * s, 3 * s}}, "term 1 of a follows term 2 of a"},
		"a term twice":                {[]belief{{"a", 2, 0, s}, {"b", 2, 2 * s, 3 * s}}, "term 2 of b follows term 2 of a"},
	} {
		problems, _ := twoLeaders([]*campaigner{{beliefs: c.beliefs}})
		if got := strings.Join(problems, "; "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
