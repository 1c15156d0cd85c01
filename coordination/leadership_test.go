package coordination_test

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
)

func TestGuardAdmitsNoTermOlderThanTheGreatest(t *testing.T) {
	var guard coordination.Guard
	for i, step := range []struct {
		term uint64
		want bool
	}{
		{1, true},
		{1, true}, // the leader itself, again
		{7, true}, // terms are not consecutive
		{6, false},
		{1, false},
		{7, true}, // what was refused has changed nothing
		{8, true},
		{7, false},
		{math.MaxUint64, true},
		{math.MaxUint64 - 1, false},
		{math.MaxUint64, true},
	} {
		if got := guard.Admit(step.term); got != step.want {
			t.Errorf("step %d: Admit(%d) = %v, want %v", i, step.term, got, step.want)
		}
	}
}

func TestGuardNeverAdmitsZero(t *testing.T) {
	var guard coordination.Guard
	if guard.Admit(0) {
		t.Error("a new guard admits 0, which is nobody's term")
	}
	if !guard.Admit(1) {
		t.Error("Admit(1) = false after 0 was refused")
	}
	if guard.Admit(0) {
		t.Error("a guard that has admitted 1 admits 0")
	}
}

// Once Admit of a term has returned, whatever it said, the guard has seen that
// term or a greater one. So each goroutine can judge its own steps, however the
// others come in between. The terms are close together, for the steps to meet.
func TestGuardStaysMonotoneUnderConcurrentUse(t *testing.T) {
	const goroutines, steps = 8, 20_000
	var guard coordination.Guard
	var terms atomic.Uint64
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range steps {
				term := terms.Add(1)
				guard.Admit(term)
				if guard.Admit(term - 1) {
					t.Errorf("Admit(%d) = true after %d", term-1, term)
					return
				}
			}
		})
	}
	group.Wait()
	if greatest := terms.Load(); !guard.Admit(greatest) {
		t.Errorf("Admit(%d) = false, though it is the greatest", greatest)
	}
}

// Two of the same term are one leader, and neither may cost the other its turn.
func TestGuardAdmitsOneTermFromManyAtOnce(t *testing.T) {
	for range 1000 {
		var guard coordination.Guard
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if !guard.Admit(7) {
					t.Error("Admit(7) = false, and 7 is all there is")
				}
			})
		}
		group.Wait()
	}
}
