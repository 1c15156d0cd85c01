package redis_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// leaseCall is a call about the lease of an election. Times are counted from the
// beginning of the history.
type leaseCall struct {
	what     string // try, release or look
	election string
	node     string
	ttl      time.Duration
	from     time.Duration
}

// leaseAnswer is what a call returned. A call with an error may have taken effect, then
// or later, or never.
type leaseAnswer struct {
	ok   bool
	term uint64
	node string
	left time.Duration // what a look found
	to   time.Duration
	err  error
}

// leaseState is the lease, with its end as exactly as the calls determine it.
type leaseState struct {
	node             string // "" after a release
	term             uint64
	unknown          bool          // the term is greater than term
	earliest, latest time.Duration // when the lease expires
	open             time.Duration // the TTL, if the last write had no answer: latest is not known yet
	since            time.Duration // the last write was not before this
}

// coarse is how much a TTL is rounded up, and how far the clock of a server may be from ours
// between two calls.
const coarse = 2 * time.Millisecond

// leaseModel is what the port says about the lease. With WaitOut a try may be refused at any
// time, otherwise only if another candidate holds the lease.
type leaseModel struct{ waitOut bool }

func (m leaseModel) next(s leaseState, call leaseCall, answer leaseAnswer) []leaseState {
	if answer.err != nil {
		return s.unanswered(call)
	}
	if answer.to < s.since-coarse {
		return nil
	}
	if s.open > 0 { // it took effect before this call returned
		s.latest, s.open = answer.to+s.open+coarse, 0
	}
	lasts, ended := call.from < s.latest+coarse, answer.to > s.earliest-coarse
	free := leaseState{term: s.term, unknown: s.unknown}
	sameTerm := answer.term == s.term && !s.unknown || answer.term > s.term && s.unknown
	given := leaseState{node: call.node, term: answer.term, earliest: call.from + call.ttl, latest: answer.to + call.ttl}
	switch {
	case call.what == "try" && !answer.ok:
		return when(m.waitOut || lasts && s.node != "" && s.node != call.node, s)
	case call.what == "try":
		return when(sameTerm && s.node == call.node && lasts || answer.term > s.term && ended, given)
	case call.what == "release" && answer.ok:
		return when(lasts && s.node == call.node, free)
	case call.what == "release":
		return when(ended || s.node != call.node, s)
	case !answer.ok: // a look
		s.latest = min(s.latest, answer.to+coarse)
		return when(ended, s)
	default:
		s.term, s.unknown = answer.term, false
		s.earliest = max(s.earliest, call.from+answer.left-coarse)
		s.latest = min(s.latest, answer.to+answer.left+coarse)
		return when(lasts && sameTerm && s.node == answer.node && s.earliest <= s.latest+coarse, s)
	}
}

// unanswered returns what a call without an answer can lead to, if it ever does.
func (s leaseState) unanswered(call leaseCall) []leaseState {
	next := []leaseState{s} // it never takes effect
	since := max(call.from, s.since)
	switch {
	case call.what == "release" && s.node == call.node:
		return append(next, leaseState{term: s.term, unknown: s.unknown, since: since})
	case call.what == "try" && s.node == call.node && call.from < s.latest+coarse:
		next = append(next, leaseState{call.node, s.term, s.unknown, since + call.ttl, math.MaxInt64 / 2, call.ttl, since})
		fallthrough // or the lease has expired by then
	case call.what == "try":
		since = max(since, s.earliest)
		next = append(next, leaseState{call.node, s.term, true, since + call.ttl, math.MaxInt64 / 2, call.ttl, since})
	}
	return next
}

func when(possible bool, s leaseState) []leaseState {
	if !possible {
		return nil
	}
	return []leaseState{s}
}

// porcupine returns the model with the elections apart.
func (m leaseModel) porcupine() porcupine.Model {
	model := porcupine.NondeterministicModel{
		Partition: func(operations []porcupine.Operation) [][]porcupine.Operation {
			byElection := map[string][]porcupine.Operation{}
			for _, operation := range operations {
				election := operation.Input.(leaseCall).election
				byElection[election] = append(byElection[election], operation)
			}
			var all [][]porcupine.Operation
			for _, operations := range byElection {
				all = append(all, operations)
			}
			return all
		},
		Init: func() []any { return []any{leaseState{}} },
		Step: func(before, input, output any) (after []any) {
			for _, s := range m.next(before.(leaseState), input.(leaseCall), output.(leaseAnswer)) {
				after = append(after, s)
			}
			return after
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
	}
	return model.ToModel()
}

// The model itself refuses what no lease does, and takes what unanswered calls explain.
func TestTheModelOfTheLeaseRefusesWhatNoLeaseDoes(t *testing.T) {
	const ms, ttl = time.Millisecond, 100 * time.Millisecond
	lost := fmt.Errorf("no answer")
	type event struct {
		leaseCall
		leaseAnswer
	}
	try := func(node string, term uint64, from, to time.Duration) event {
		return event{leaseCall{"try", "", node, ttl, from}, leaseAnswer{ok: term > 0, term: term, to: to}}
	}
	release := func(node string, ok bool, from, to time.Duration) event {
		return event{leaseCall{"release", "", node, 0, from}, leaseAnswer{ok: ok, to: to}}
	}
	look := func(node string, term uint64, left, from, to time.Duration) event {
		return event{leaseCall{"look", "", "", 0, from}, leaseAnswer{ok: node != "", term: term, node: node, left: left, to: to}}
	}
	unanswered := func(e event) event {
		e.err = lost
		return e
	}
	first := try("a", 5, 0, 10*ms)
	for name, c := range map[string]struct {
		events []event
		want   bool
	}{
		"a renewal":                                {[]event{first, try("a", 5, 20*ms, 30*ms)}, true},
		"a successor after expiry":                 {[]event{first, try("b", 6, 20*ms, 110*ms)}, true},
		"a successor after a release":              {[]event{first, release("a", true, 11*ms, 20*ms), try("b", 6, 21*ms, 30*ms)}, true},
		"two leaders at once":                      {[]event{first, try("b", 6, 20*ms, 30*ms)}, false},
		"two leaders after a renewal":              {[]event{first, try("a", 5, 50*ms, 60*ms), try("b", 6, 110*ms, 120*ms)}, false},
		"a term twice":                             {[]event{first, try("b", 5, 120*ms, 130*ms)}, false},
		"a term that falls":                        {[]event{first, try("b", 4, 120*ms, 130*ms)}, false},
		"a renewal after expiry":                   {[]event{first, try("a", 5, 120*ms, 130*ms)}, false},
		"a renewal after a successor":              {[]event{first, try("b", 6, 120*ms, 130*ms), try("a", 5, 131*ms, 140*ms)}, false},
		"a release that finds nothing":             {[]event{first, release("a", false, 11*ms, 20*ms)}, false},
		"a release of another's lease":             {[]event{first, release("b", true, 11*ms, 20*ms)}, false},
		"a release twice":                          {[]event{first, release("a", true, 11*ms, 20*ms), release("a", true, 21*ms, 30*ms)}, false},
		"a look that misses the leader":            {[]event{first, look("", 0, 0, 11*ms, 20*ms)}, false},
		"a look after a release":                   {[]event{first, release("a", true, 11*ms, 20*ms), look("a", 5, 80*ms, 21*ms, 30*ms)}, false},
		"a look at the predecessor":                {[]event{first, try("b", 6, 120*ms, 130*ms), look("a", 5, 10*ms, 131*ms, 140*ms)}, false},
		"a look that finds too much time left":     {[]event{first, look("a", 5, ttl, 30*ms, 40*ms)}, false},
		"a look at an unanswered try":              {[]event{unanswered(try("a", 0, 0, 0)), look("a", 5, 80*ms, 20*ms, 30*ms)}, true},
		"an unanswered try, later":                 {[]event{first, unanswered(try("b", 0, 20*ms, 0)), look("a", 5, 60*ms, 40*ms, 50*ms), look("b", 6, 80*ms, 120*ms, 130*ms)}, true},
		"an unanswered try while another leads":    {[]event{first, unanswered(try("b", 0, 20*ms, 0)), look("b", 6, 80*ms, 40*ms, 50*ms)}, false},
		"a look before the unanswered try":         {[]event{look("a", 5, 80*ms, 0, 10*ms), unanswered(try("a", 0, 20*ms, 0))}, false},
		"an unanswered renewal":                    {[]event{first, unanswered(try("a", 0, 50*ms, 0)), try("a", 5, 120*ms, 130*ms)}, true},
		"one unanswered renewal explains one":      {[]event{first, unanswered(try("a", 0, 50*ms, 0)), look("a", 5, 60*ms, 80*ms, 90*ms), try("a", 5, 200*ms, 210*ms)}, false},
		"two unanswered tries while another leads": {[]event{first, unanswered(try("b", 0, 20*ms, 0)), unanswered(try("b", 0, 25*ms, 0)), try("b", 6, 40*ms, 50*ms)}, false},
		"an unanswered release":                    {[]event{first, unanswered(release("a", false, 20*ms, 0)), try("b", 6, 30*ms, 40*ms)}, true},
		"an unanswered release of no lease":        {[]event{first, unanswered(release("c", false, 20*ms, 0)), try("b", 6, 30*ms, 40*ms)}, false},
		"one unanswered release explains one":      {[]event{first, unanswered(release("a", false, 20*ms, 0)), try("b", 6, 30*ms, 40*ms), try("a", 7, 41*ms, 50*ms), try("b", 8, 51*ms, 60*ms)}, false},
		"a refusal by nobody":                      {[]event{first, try("b", 0, 120*ms, 130*ms)}, false},
		"a refusal of the holder":                  {[]event{first, try("a", 0, 11*ms, 20*ms)}, false},
	} {
		h := leaseHistory{start: time.Now()}
		for _, e := range c.events {
			h.add(e.leaseCall, e.leaseAnswer)
		}
		if result, _ := h.check(time.Minute); (result == porcupine.Ok) != c.want {
			t.Errorf("%s: %v", name, result)
		}
	}
}
