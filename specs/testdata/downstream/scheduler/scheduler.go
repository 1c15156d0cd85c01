// Package scheduler runs a job once in each interval, on one of several nodes,
// whichever leads. It asks for the two roles that it needs, and knows no backend.
package scheduler

import (
	"context"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Port is what a scheduler needs of a handle.
type Port interface {
	coordination.Leadership
	coordination.KeyStore
}

const (
	// Lease is how long a leader that has died keeps the others from leading.
	Lease = 15 * time.Second

	renewal = Lease / 3
	lastRun = "last run" // the key that is there until the next run is due
)

// Run takes part in the election of the nodes and runs the job, with its term,
// when it leads and the interval since the last run on any node has ended. It
// returns when ctx is done, with its error, and then lets another lead at once.
//
// A job is run once in an interval or, where the backend fails just then or its
// node dies, not at all. It must be done before the lease ends, or hand its term
// to what it writes to.
func Run(ctx context.Context, port Port, nodeID string, interval time.Duration, job func(ctx context.Context, term uint64)) error {
	renew := time.NewTicker(renewal)
	defer renew.Stop()
	for {
		// What fails is tried again: until then this node is not sure to lead.
		if term, due := leads(ctx, port, nodeID, interval); due {
			job(ctx, term)
		}
		select {
		case <-renew.C:
		case <-ctx.Done():
			_, err := port.ReleaseLeadership(context.WithoutCancel(ctx), nodeID)
			if err != nil {
				return fmt.Errorf("scheduling on %s: %w, and the lease is kept: %w", nodeID, ctx.Err(), err)
			}
			return fmt.Errorf("scheduling on %s: %w", nodeID, ctx.Err())
		}
	}
}

// leads reports whether this node leads and the next run is due, of which it
// takes note first.
func leads(ctx context.Context, port Port, nodeID string, interval time.Duration) (term uint64, due bool) {
	term, acquired, err := port.TryAcquireLeadership(ctx, nodeID, Lease)
	if err != nil || !acquired {
		return 0, false
	}
	_, ran, err := port.Get(ctx, lastRun)
	if err != nil || ran {
		return 0, false
	}
	return term, port.Set(ctx, lastRun, []byte(nodeID), interval) == nil
}
