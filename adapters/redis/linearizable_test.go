package redis_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/faultproxy"
)

// leaseHistory is what candidates have asked and were answered.
type leaseHistory struct {
	leaseModel
	start time.Time

	mu         sync.Mutex // guards what follows
	operations []porcupine.Operation
	unanswered int
}

func (h *leaseHistory) now() time.Duration { return time.Since(h.start) }

func (h *leaseHistory) add(call leaseCall, answer leaseAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	returned := int64(answer.to)
	if answer.err != nil {
		h.unanswered++
		if call.what == "look" || wasRefused(answer.err) {
			return // it changes nothing
		}
		returned = math.MaxInt64 // it may take effect at any later time
	}
	h.operations = append(h.operations, porcupine.Operation{Input: call, Output: answer, Call: int64(call.from), Return: returned})
}

// wasRefused reports whether a call had certainly no effect: nobody listens, or a replica
// was asked.
func wasRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "READONLY") ||
		strings.Contains(err.Error(), "WAIT cannot be used with replica")
}

func (h *leaseHistory) check(timeout time.Duration) (porcupine.CheckResult, porcupine.LinearizationInfo) {
	return porcupine.CheckOperationsVerbose(h.porcupine(), h.operations, timeout)
}

// expectLinearizable fails the test unless some order of the calls, in which none comes
// before one that had been answered when it was made, explains all answers.
func (h *leaseHistory) expectLinearizable(t *testing.T) {
	t.Helper()
	result, info := h.check(time.Minute)
	t.Logf("%d calls, of which %d were not answered", len(h.operations), h.unanswered)
	if result == porcupine.Ok {
		return
	}
	t.Errorf("%s: no order of the calls explains the answers; as far as one does:", result)
	for _, orders := range info.PartialLinearizationsOperations() {
		if len(orders) == 0 {
			continue
		}
		longest := slices.MaxFunc(orders, func(a, b []porcupine.Operation) int { return len(a) - len(b) })
		t.Logf("%d calls", len(longest))
		for _, operation := range longest[max(0, len(longest)-10):] {
			t.Logf("%+v: %+v, %v", operation.Input, operation.Output, operation.Output.(leaseAnswer).err)
		}
	}
}

// try, release and look make a call and add it to the history.
func (h *leaseHistory) try(ctx context.Context, of coordination.Leadership, election, node string, ttl time.Duration) (leaseCall, leaseAnswer) {
	call := leaseCall{"try", election, node, ttl, h.now()}
	term, acquired, err := of.TryAcquireLeadership(ctx, node, ttl)
	answer := leaseAnswer{ok: acquired, term: term, to: h.now(), err: err}
	h.add(call, answer)
	return call, answer
}

func (h *leaseHistory) release(ctx context.Context, of coordination.Leadership, election, node string) leaseCall {
	call := leaseCall{what: "release", election: election, node: node, from: h.now()}
	released, err := of.ReleaseLeadership(ctx, node)
	h.add(call, leaseAnswer{ok: released, to: h.now(), err: err})
	return call
}

func (h *leaseHistory) look(ctx context.Context, of coordination.Leadership, election string) {
	call := leaseCall{what: "look", election: election, from: h.now()}
	leader, found, err := of.Leader(ctx)
	h.add(call, leaseAnswer{found, leader.Term, leader.NodeID, leader.Remaining, h.now(), err})
}

// Requests and answers are lost, and connections reset, while candidates try for a
// lease, release it and look at it. There is a new election every 300 ms: the search for
// an order takes longer the more calls of one election are not answered.
func TestLeadershipIsLinearizableUnderFaultsOfTheLinks(t *testing.T) {
	for name, options := range map[string]redis.LeadershipOptions{"alone": {}, "with Replicas and WaitOut": {Replicas: 1, WaitOut: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := number(t, "SEED", rand.Uint64()>>1)
			t.Logf("SEED=%d", seed)
			server, _ := replicated(t)
			h := leaseHistory{leaseModel: leaseModel{waitOut: options.WaitOut}, start: time.Now()}
			var running sync.WaitGroup
			for i := range 4 {
				proxy := behind(t, server.Address)
				handle := open(t, "redis://"+proxy.Address+"?read_timeout=100ms", &redis.Options{LinkTimeout: 300 * time.Millisecond, Leadership: options})
				random := rand.New(rand.NewPCG(seed, uint64(i)))
				running.Go(func() {
					for h.now() < 6*time.Second {
						if random.IntN(4) == 0 {
							proxy.Inject([]faultproxy.Fault{faultproxy.LostRequest, faultproxy.LostReply, faultproxy.Reset, faultproxy.LostWayBack}[random.IntN(4)], "")
						}
						h.call(t, handle, fmt.Sprint("node-", i), random)
						if random.IntN(2) == 0 {
							proxy.Heal()
						}
					}
				})
			}
			running.Wait()
			h.expectLinearizable(t)
			if len(h.operations) < 200 || h.unanswered < 20 {
				t.Error("too few calls were answered, or failed, for the test to mean anything")
			}
		})
	}
}

// call makes a call at random.
func (h *leaseHistory) call(t *testing.T, handle coordination.Elections, node string, random *rand.Rand) {
	election := fmt.Sprint("election-", h.now()/(300*time.Millisecond))
	of, err := handle.Election(election)
	if err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	switch random.IntN(6) {
	case 0:
		h.release(ctx, of, election, node)
	case 1:
		h.look(ctx, of, election)
	default: // always with the same TTL: one without an answer never makes a lease shorter
		h.try(ctx, of, election, node, 50*time.Millisecond)
	}
}
