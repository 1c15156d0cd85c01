package broken_test

import (
	"flag"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/broken"
	"github.com/riptidecrawler/coordkit/specs/report"
)

// TestProve judges a sound subject and, with one fault each, broken ones: the
// former keeps every promise, and the latter break exactly those that their fault
// names, after it has shown itself. What no broken one fails is not proven.
func TestProve(t *testing.T) {
	// The largest payloads need many pages, and those that the heap has given back
	// are slow to come by again: beside this weight, which is never touched, it
	// keeps them.
	ballast := make([]byte, 384<<20)
	defer runtime.KeepAlive(ballast)
	// What is random in a behaviour is the same in each run.
	if err := flag.Set("ginkgo.seed", "1"); err != nil {
		t.Fatal(err)
	}
	faults := broken.Faults()
	m := newMatrix(faults)
	t.Run("sound", func(t *testing.T) {
		sound := func(t *testing.T) (specs.Subject, func() int64) {
			s := broken.Sound(t)
			return s, s.Strikes
		}
		for _, v := range judged(t, sound) {
			if v.state != report.Passed {
				t.Errorf("%s is %s: %s", v.id, v.state, v.reason)
			}
			m.checked[v.id] = v.state == report.Passed
		}
	})
	t.Run("broken", func(t *testing.T) {
		// Two at a time and no more waiting: the contract looks through all
		// goroutines of the process for those that an adapter leaves behind.
		queue := make(chan broken.Fault, len(faults))
		for _, fault := range faults {
			queue <- fault
		}
		close(queue)
		for range runtime.GOMAXPROCS(0) {
			t.Run("beside", func(t *testing.T) {
				t.Parallel()
				for fault := range queue {
					t.Run(fault.Name, func(t *testing.T) { m.add(fault.Name, caught(t, fault)) })
				}
			})
		}
	})
	t.Log(m.write(t))
	if len(m.fails) < len(faults) {
		t.Skip("only some of the broken adapters were judged, which proves nothing of the rest")
	}
	for _, id := range m.unproven() {
		t.Errorf("%s is unproven: no broken adapter fails it", id)
	}
}

// caught returns the behaviours that fail with a fault: those that it breaks.
func caught(t *testing.T, fault broken.Fault) (ids []string) {
	t.Helper()
	for _, v := range judged(t, fault.Subject) {
		if v.state != report.Failed && v.state != report.Subject || slices.Contains(fault.Perhaps, v.id) {
			continue
		}
		ids = append(ids, v.id)
		switch {
		case v.strikes == 0:
			t.Errorf("%s fails, and not because of the fault: %s", v.id, v.reason)
		case !slices.Contains(fault.Breaks, v.id):
			t.Errorf("%s fails, which the fault is not said to break: %s", v.id, v.reason)
		}
	}
	for _, id := range fault.Breaks {
		if !slices.Contains(ids, id) {
			t.Errorf("%s does not fail, which the fault is said to break", id)
		}
	}
	if len(ids) == 0 {
		t.Error("the contract does not notice it")
	}
	if t.Failed() {
		t.Logf("%s is caught by %s", fault.Name, strings.Join(ids, " "))
	}
	return ids
}

// verdict is what a behaviour came to, and how often the fault had shown itself.
type verdict struct {
	id      string
	state   report.State
	reason  string
	strikes int64
}

func judged(t *testing.T, subject func(*testing.T) (specs.Subject, func() int64)) (verdicts []verdict) {
	t.Helper()
	var made []func() int64 // the strikes of the subjects since the last verdict
	factory := func() specs.Subject {
		s, strikes := subject(t)
		made = append(made, strikes)
		return s
	}
	specs.Judge(t.Context(), "broken", factory, &specs.Options{Suite: t, Observe: func(b report.Behaviour) {
		outcome := b.Outcomes["broken"]
		v := verdict{id: b.ID, state: outcome.State, reason: outcome.Reason}
		for _, strikes := range made {
			v.strikes += strikes()
		}
		made = nil
		verdicts = append(verdicts, v)
	}})
	return verdicts
}
