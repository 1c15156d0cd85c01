package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/downstream/scheduler"
	"github.com/riptidecrawler/coordkit/adapters/memory"
)

const interval = time.Hour

// nodes are schedulers on one hub, and what they have done.
type nodes struct {
	hub     *memory.Hub
	running sync.WaitGroup

	mu   sync.Mutex
	runs []run
}

type run struct {
	node string
	term uint64
	at   time.Time
}

// start starts a node, and returns what ends it: in an orderly way, or as a
// crash would, so that its lease stays.
func (n *nodes) start(t *testing.T, id string) (stop, crash func()) {
	t.Helper()
	handle, err := n.hub.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n.running.Go(func() {
		defer handle.Close()
		err := scheduler.Run(ctx, handle, id, interval, func(_ context.Context, term uint64) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.runs = append(n.runs, run{id, term, time.Now()})
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s ends with %v", id, err)
		}
	})
	synctest.Wait() // so that the first one leads
	return cancel, func() {
		handle.Close()
		cancel()
	}
}

func (n *nodes) ran() []run {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.runs
}

// cluster runs a test in virtual time, on nodes that have all ended by its end.
func cluster(t *testing.T, test func(t *testing.T, n *nodes)) {
	synctest.Test(t, func(t *testing.T) {
		n := &nodes{hub: memory.NewHub()}
		test(t, n)
		n.running.Wait()
	})
}

func TestOneNodeRunsTheJobOnceInEachInterval(t *testing.T) {
	cluster(t, func(t *testing.T, n *nodes) {
		for i := range 3 {
			stop, _ := n.start(t, fmt.Sprint("node ", i))
			defer stop()
		}
		const days = 2
		time.Sleep(days*24*time.Hour - time.Minute)
		runs := n.ran()
		if len(runs) != days*24 {
			t.Errorf("%d runs in %d days", len(runs), days)
		}
		for i, run := range runs {
			if run.node != "node 0" || run.term != runs[0].term {
				t.Errorf("run %d is by %s in term %d", i, run.node, run.term)
			}
		}
	})
}

func TestAnotherNodeGoesOnWhereTheLeaderHasEnded(t *testing.T) {
	for name, within := range map[string]time.Duration{"stop": scheduler.Lease / 3, "crash": 2 * scheduler.Lease} {
		t.Run(name, func(t *testing.T) {
			cluster(t, func(t *testing.T, n *nodes) {
				stop, crash := n.start(t, "first")
				stopOther, _ := n.start(t, "other")
				defer stopOther()
				end := map[string]func(){"stop": stop, "crash": crash}[name]
				time.Sleep(interval - time.Second) // before the second run is due
				end()
				time.Sleep(interval)
				runs := n.ran()
				if len(runs) != 2 || runs[0].node != "first" || runs[1].node != "other" {
					t.Fatalf("the runs are %v", runs)
				}
				if runs[1].term <= runs[0].term {
					t.Errorf("term %d comes after term %d", runs[1].term, runs[0].term)
				}
				late := runs[1].at.Sub(runs[0].at) - interval
				if late < 0 || late > within {
					t.Errorf("the second run is late by %v, want at most %v", late, within)
				}
			})
		})
	}
}
