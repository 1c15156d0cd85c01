package specs

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

func (c *contract) linearizability() {
	c.it("linear-1", "answers as if all tries, releases and looks at the lease came one after another", func(c *cluster) {
		c.expectLinearizable(leaseModel, c.leaseHistory(func(*rand.Rand) time.Duration { return time.Hour }))
	})

	c.it("linear-2", "answers as if they came one after another also where leases end meanwhile", func(c *cluster) {
		c.expectLinearizable(leaseModel, c.leaseHistory(func(random *rand.Rand) time.Duration {
			c.pass(time.Duration(random.IntN(2000)) * time.Microsecond)
			return time.Duration(1+random.IntN(8)) * time.Millisecond
		}))
	})

	c.it("linear-3", "answers for each key as if all Sets, Gets and Deletes of it came one after another", func(c *cluster) {
		c.expectLinearizable(keyModel, c.keyHistory())
	})
}

// history is what clients have asked and were answered, in the order of a clock
// that counts.
type history struct {
	clock      atomic.Int64
	mu         sync.Mutex
	operations []porcupine.Operation
}

func (h *history) record(client int, input any, call func() (output any)) {
	operation := porcupine.Operation{ClientId: client, Input: input, Call: h.clock.Add(1)}
	operation.Output = call()
	operation.Return = h.clock.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, operation)
}

// expectLinearizable says that some order of the operations, in which none comes
// before one that had returned when it was called, explains all answers.
func (c *cluster) expectLinearizable(model porcupine.Model, h *history) {
	GinkgoHelper()
	// The search is bounded by its steps, since it may take for ever where there
	// is no such order, and in virtual time no timeout would ever end it.
	const enough = 300_000 // where there is one, it is found in some thousand
	var steps atomic.Int64
	step := model.Step
	model.Step = func(before, input, output any) (bool, any) {
		if steps.Add(1) > enough {
			return false, before
		}
		return step(before, input, output)
	}
	result, info := porcupine.CheckOperationsVerbose(model, h.operations, 0)
	if result == porcupine.Ok {
		return
	}
	// The longest order that explains some is as far as the model can follow.
	var told strings.Builder
	for _, orders := range info.PartialLinearizationsOperations() {
		if len(orders) == 0 {
			continue // not even one answer can come first
		}
		longest := slices.MaxFunc(orders, func(a, b []porcupine.Operation) int { return cmp.Compare(len(a), len(b)) })
		for _, operation := range longest[max(0, len(longest)-20):] {
			fmt.Fprintf(&told, "  client %d: %s\n", operation.ClientId, model.DescribeOperation(operation.Input, operation.Output))
		}
		told.WriteString("  and no other comes next\n")
	}
	c.Fail(fmt.Sprintf("%s: no order of %d calls explains the answers:\n%s", result, len(h.operations), told.String()))
}

// leaseCall and leaseAnswer are an operation on the lease. Times are counted
// from the beginning of the history.
type leaseCall struct {
	what      string
	by        int // the candidate
	nodeID    string
	ttl, from time.Duration
}

type leaseAnswer struct {
	ok     bool
	term   uint64
	nodeID string
	to     time.Duration
}

// leaseState is a lease whose end is known as well as the calls tell.
type leaseState struct {
	held             bool
	by               int
	nodeID           string
	term             uint64
	earliest, latest time.Duration
}

// leaseModel is what the port says about the lease. Between the earliest and the
// latest end of a lease the model takes the word of the answer.
var leaseModel = porcupine.Model{
	Init: func() any { return leaseState{} },
	Step: func(before, input, output any) (bool, any) {
		return before.(leaseState).step(input.(leaseCall), output.(leaseAnswer))
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}

func (s leaseState) step(call leaseCall, answer leaseAnswer) (bool, leaseState) {
	mayLast := s.held && call.from < s.latest
	mayHaveEnded := !s.held || answer.to >= s.earliest
	free := leaseState{term: s.term}
	switch call.what {
	case "try":
		switch {
		case !answer.ok:
			return mayLast && s.by != call.by && answer.term == 0, s
		case s.held && s.by == call.by && answer.term == s.term:
			if !mayLast {
				return false, s
			}
		case !mayHaveEnded || answer.term <= s.term:
			return false, s
		}
		// A stand-in for a clock may be coarse, and a time to live is rounded up.
		const coarse = time.Millisecond
		return true, leaseState{true, call.by, call.nodeID, answer.term, call.from + call.ttl, answer.to + call.ttl + coarse}
	case "release":
		switch {
		case answer.ok:
			return mayLast && s.by == call.by, free
		case s.held && s.by == call.by:
			return mayHaveEnded, free
		}
		return true, s
	default:
		if !answer.ok {
			return mayHaveEnded, free
		}
		return mayLast && answer.nodeID == s.nodeID && answer.term == s.term, s
	}
}

// leaseHistory lets candidates on several handles do at random what they can.
func (c *cluster) leaseHistory(ttl func(*rand.Rand) time.Duration) *history {
	GinkgoHelper()
	h, start, candidates := &history{}, time.Now(), c.candidates(4, 2)
	c.together(len(candidates)+2, func(i int) {
		random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), uint64(i)))
		number := i % len(candidates) // some in two goroutines
		by := candidates[number]
		for range 50 {
			call := leaseCall{what: "try", by: number, nodeID: by.nodeID, ttl: ttl(random)}
			call.from = time.Since(start)
			switch random.IntN(4) {
			case 0:
				call.what = "release"
			case 1:
				call.what = "look"
			}
			h.record(i, call, func() any {
				var answer leaseAnswer
				var err error
				switch call.what {
				case "try":
					answer.term, answer.ok, err = by.handle.TryAcquireLeadership(c.ctx, by.nodeID, call.ttl)
				case "release":
					answer.ok, err = by.handle.ReleaseLeadership(c.ctx, by.nodeID)
				case "look":
					leader, found, lookErr := by.handle.Leader(c.ctx)
					answer.term, answer.nodeID, answer.ok, err = leader.Term, leader.NodeID, found, lookErr
				}
				answer.to = time.Since(start)
				c.Expect(err).NotTo(HaveOccurred(), call.what)
				return answer
			})
		}
	})
	return h
}

// keyCall and keyAnswer are an operation on a key.
type keyCall struct{ what, key, value string }

type keyAnswer struct {
	found bool
	value string
}

// keyModel is what the port says about one key: its state is what a Get returns.
var keyModel = porcupine.Model{
	Partition: func(operations []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, operation := range operations {
			key := operation.Input.(keyCall).key
			byKey[key] = append(byKey[key], operation)
		}
		var all [][]porcupine.Operation
		for _, operations := range byKey {
			all = append(all, operations)
		}
		return all
	},
	Init: func() any { return keyAnswer{} },
	Step: func(before, input, output any) (bool, any) {
		call, answer := input.(keyCall), output.(keyAnswer)
		switch call.what {
		case "set":
			return true, keyAnswer{true, call.value}
		case "delete":
			return answer.found == before.(keyAnswer).found, keyAnswer{}
		default:
			return answer == before, before
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}

// keyHistory lets clients on several handles work on a few keys.
func (c *cluster) keyHistory() *history {
	GinkgoHelper()
	const clients = 8
	var handles [clients / 2]coordination.KeyStore
	for i := range handles {
		handles[i] = c.open()
	}
	h := &history{}
	c.together(clients, func(i int) {
		random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), uint64(i)))
		handle := handles[i%len(handles)]
		for n := range 60 {
			call := keyCall{what: "get", key: fmt.Sprint("key ", random.IntN(3))}
			switch random.IntN(5) {
			case 0, 1:
				call.what, call.value = "set", fmt.Sprint(i, " ", n)
			case 2:
				call.what = "delete"
			}
			h.record(i, call, func() any {
				var answer keyAnswer
				var value []byte
				var err error
				switch call.what {
				case "set":
					err = handle.Set(c.ctx, call.key, []byte(call.value), 0)
				case "delete":
					answer.found, err = handle.Delete(c.ctx, call.key)
				default:
					value, answer.found, err = handle.Get(c.ctx, call.key)
					answer.value = string(value)
				}
				c.Expect(err).NotTo(HaveOccurred(), call.what)
				return answer
			})
		}
	})
	return h
}
