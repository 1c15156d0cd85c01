package redis_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/faultproxy"
)

// leaseCall is a call about the lease, and leaseAnswer what it returned. One with an
// error may have taken effect, then or later, or not at all.
type leaseCall struct {
	what string // try, release or look
	node string
	ttl  time.Duration
	from time.Time
}

type leaseAnswer struct {
	ok   bool
	term uint64
	node string
	to   time.Time
	err  error
}

// leaseHistory is what candidates have asked and were answered.
type leaseHistory struct {
	mu        sync.Mutex // guards what follows
	answered  []porcupine.Operation
	uncertain []leaseCall
}

func (h *leaseHistory) add(call leaseCall, answer leaseAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if answer.err != nil {
		h.uncertain = append(h.uncertain, call)
		return
	}
	h.answered = append(h.answered, porcupine.Operation{Input: call, Output: answer, Call: call.from.UnixNano(), Return: answer.to.UnixNano()})
}

// mayHave reports whether a call of a node without an answer can have taken effect
// before an instant.
func (h *leaseHistory) mayHave(what, node string, before time.Time) bool {
	return slices.ContainsFunc(h.uncertain, func(c leaseCall) bool { return c.what == what && c.node == node && c.from.Before(before) })
}

// leaseState is the lease, with its end as well as the calls tell.
type leaseState struct {
	node             string
	term             uint64
	earliest, latest time.Time
}

// step says whether an answer can follow, and what the lease is then.
func (h *leaseHistory) step(s leaseState, call leaseCall, answer leaseAnswer) (bool, leaseState) {
	const coarse = 2 * time.Millisecond // a time to live is rounded up, and the server's clock is another one
	mayHaveEnded := !answer.to.Before(s.earliest.Add(-coarse)) || h.mayHave("release", s.node, answer.to)
	mayLast := call.from.Before(s.latest.Add(coarse)) || h.mayHave("try", s.node, answer.to)
	given := leaseState{answer.node, answer.term, call.from.Add(call.ttl), answer.to.Add(call.ttl)}
	free := leaseState{term: s.term}
	switch {
	case call.what == "try" && !answer.ok:
		return true, s // with WaitOut also where nobody leads
	case call.what == "try" && answer.term == s.term:
		return answer.node == s.node && mayLast, given
	case call.what == "try":
		return answer.term > s.term && mayHaveEnded, given
	case call.what == "release" && answer.ok:
		return call.node == s.node && mayLast || h.mayHave("try", call.node, answer.to), free
	case call.what == "release":
		return call.node != s.node || mayHaveEnded, s
	case !answer.ok: // a look
		return mayHaveEnded, s
	case answer.term == s.term && answer.node == s.node:
		return mayLast, s
	default: // of an acquisition without an answer
		return answer.term > s.term && mayHaveEnded && h.mayHave("try", answer.node, answer.to),
			leaseState{answer.node, answer.term, call.from, answer.to}
	}
}

// expectLinearizable fails the test unless some order of the calls, in which none comes
// before one that had been answered when it was made, explains all answers.
func (h *leaseHistory) expectLinearizable(t *testing.T) {
	t.Helper()
	model := porcupine.Model{
		Init: func() any { return leaseState{} },
		Step: func(before, input, output any) (bool, any) {
			return h.step(before.(leaseState), input.(leaseCall), output.(leaseAnswer))
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
	}
	result, info := porcupine.CheckOperationsVerbose(model, h.answered, time.Minute)
	t.Logf("%d calls were answered, %d were not", len(h.answered), len(h.uncertain))
	if result == porcupine.Ok {
		return
	}
	t.Errorf("%s: no order of the calls explains the answers; as far as one does:", result)
	for _, orders := range info.PartialLinearizationsOperations() {
		longest := slices.MaxFunc(orders, func(a, b []porcupine.Operation) int { return len(a) - len(b) })
		for _, operation := range longest[max(0, len(longest)-10):] {
			t.Log(model.DescribeOperation(operation.Input, operation.Output))
		}
	}
}

// Requests and answers are lost, and connections reset, while candidates try for the
// lease, release it and look at it.
func TestLeadershipIsLinearizableUnderFaultsOfTheLinks(t *testing.T) {
	seed := number(t, "SEED", rand.Uint64()>>1)
	t.Logf("SEED=%d", seed)
	server := private(t)
	ctx, stop := context.WithTimeout(t.Context(), 6*time.Second)
	defer stop()
	var h leaseHistory
	var running sync.WaitGroup
	for i := range 4 {
		proxy := behind(t, server.Address)
		handle := open(t, "redis://"+proxy.Address+"?read_timeout=100ms", &redis.Options{LinkTimeout: 300 * time.Millisecond})
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		node := fmt.Sprint("node-", i)
		running.Go(func() {
			for ctx.Err() == nil {
				if random.IntN(4) == 0 {
					proxy.Inject([]faultproxy.Fault{faultproxy.LostRequest, faultproxy.LostReply, faultproxy.Reset, faultproxy.LostWayBack}[random.IntN(4)], "")
				}
				h.call(t, handle, node, random)
				if random.IntN(2) == 0 {
					proxy.Heal()
				}
			}
		})
	}
	running.Wait()
	h.expectLinearizable(t)
	if len(h.answered) < 200 || len(h.uncertain) < 20 {
		t.Error("too few calls were answered, or failed, for the test to mean anything")
	}
}

// call makes a call at random, and notes what comes of it.
func (h *leaseHistory) call(t *testing.T, handle coordination.Leadership, node string, random *rand.Rand) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	// Always the same time to live: a try without an answer never makes a lease shorter.
	call := leaseCall{what: "try", node: node, ttl: 50 * time.Millisecond, from: time.Now()}
	answer := leaseAnswer{node: node}
	switch random.IntN(6) {
	case 0:
		call.what = "release"
		answer.ok, answer.err = handle.ReleaseLeadership(ctx, node)
	case 1:
		call.what = "look"
		var leader coordination.Leader
		leader, answer.ok, answer.err = handle.Leader(ctx)
		answer.node, answer.term = leader.NodeID, leader.Term
	default:
		answer.term, answer.ok, answer.err = handle.TryAcquireLeadership(ctx, node, call.ttl)
	}
	answer.to = time.Now()
	h.add(call, answer)
}
