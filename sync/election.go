package sync

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// ElectionOptions are the optional settings of an election. Times that are zero
// are derived from the lease. The zero value works.
//
// A leader counts its lease from before it asked for it, and shortens it by Drift
// and Margin. A renewal must fit in what is left: Retry and Timeout together must
// not be more than lease × (1 - Drift) - Margin. None of the times is less than a
// millisecond.
type ElectionOptions struct {
	// Lead is the work of the leader. It is called, in a goroutine of its own, each
	// time that leadership is acquired. The term is greater each time; the resources
	// that the work writes to should check it (see coordination.Guard). Lead must
	// return when ctx is done, which it is before the lease can have expired. Until
	// it returns, this node does not try for a leadership that it has lost. If it
	// returns earlier, the node goes on leading, without work. A panic is reported
	// as LeadershipLost; then the lease is released and acquired again. If it ends by
	// runtime.Goexit, Run returns an error.
	Lead func(ctx context.Context, term uint64)
	// Observer says that the node only watches, and is no candidate.
	Observer bool
	// Retry is how often a candidate asks, and a leader renews. Default a fifth
	// of the lease.
	Retry time.Duration
	// Timeout is how long a request may take. Default a fifth of the lease.
	Timeout time.Duration
	// Margin is how long before the end of the lease the work is told to stop.
	// Default a tenth of the lease.
	Margin time.Duration
	// Drift is by what part this node's clock may run slower than the backend's.
	// Default 0.01; less than 1.
	Drift float64
}

// LeaderElection keeps a node in the election of a leader. DistributedSync has
// one; it can be used by itself as well. All methods are safe for concurrent use.
//
// The node leads only while it knows that it does: from an answer that says so
// until the lease of which it speaks can have ended, counted from when it was
// asked for, by the monotonic clock and by that on the wall, so that a machine
// that was suspended wakes up as a follower. An error of the port means not to
// know. A lease is no mutual exclusion all the same: what was sent before the
// lease ended can arrive after, hence the term.
type LeaderElection struct {
	node       string
	lease      time.Duration
	options    ElectionOptions
	leadership coordination.Leadership
	observe    func(Event) // called by Run's goroutine only
	wall       func() time.Time
	byAnswer   bool // a defect, for the test that must notice it

	nudges chan struct{}
	ran    atomic.Bool

	// Only the campaign's goroutine uses these.
	led    uint64 // the last term that must not be led in again
	looked bool   // led includes a lease of an earlier election on the handle
	abort  context.CancelCauseFunc

	mu     sync.Mutex // guards what follows
	tenure *tenure    // nil where the node does not lead
}

// tenure is one time of leading.
type tenure struct {
	term   uint64
	asked  time.Time // when the lease was asked for
	wall   time.Time // the same by the clock on the wall
	until  time.Time // how long it can be relied upon, by the monotonic clock
	expiry *time.Timer
	work   context.Context
	stop   context.CancelCauseFunc
	done   chan struct{} // closed when the work has returned
}

// NewLeaderElection returns an election in which node has yet to take part, by
// calling Run. lease is how long the leadership lasts without a renewal, at least
// 10 ms. options may be nil. observe, which may be nil, is told of
// LeadershipAcquired, LeadershipLost and LeadershipReleased, in their order and
// with their terms, and of ElectionFailed; the election waits for it, and renews no
// lease meanwhile.
//
// Errors: coordination.ErrInvalidArgument for a node that is no name or no UTF-8,
// a leadership that is nil, and for timings with which a lease would end while it
// is renewed, saying which number to change.
func NewLeaderElection(
	node string, lease time.Duration, leadership coordination.Leadership, options *ElectionOptions, observe func(Event),
) (*LeaderElection, error) {
	if err := checkNode("new election", "node", node); err != nil {
		return nil, err
	}
	if leadership == nil {
		return nil, invalid("new election", "leadership", "is nil")
	}
	var set ElectionOptions
	if options != nil {
		set = *options
	}
	if err := set.complete(lease); err != nil {
		return nil, err
	}
	if observe == nil {
		observe = func(Event) {}
	}
	return &LeaderElection{
		node: node, lease: lease, options: set, leadership: leadership, observe: observe,
		wall: time.Now, nudges: make(chan struct{}, 1),
	}, nil
}

func (o *ElectionOptions) complete(lease time.Duration) error {
	if lease < shortest {
		return invalid("new election", "LeaderElectionTimeout", fmt.Sprintf("is %v, less than %v", lease, shortest))
	}
	for _, of := range []struct {
		name string
		d    *time.Duration
		or   time.Duration
	}{
		{"Election.Retry", &o.Retry, lease / 5},
		{"Election.Timeout", &o.Timeout, lease / 5},
		{"Election.Margin", &o.Margin, lease / 10},
	} {
		if *of.d == 0 {
			*of.d = of.or
		}
		if *of.d < time.Millisecond {
			return invalid("new election", of.name, fmt.Sprintf("is %v, less than a millisecond", *of.d))
		}
	}
	if o.Drift == 0 {
		o.Drift = 0.01
	}
	if !(o.Drift > 0 && o.Drift < 1) {
		return invalid("new election", "Election.Drift", fmt.Sprintf("is %v, not between 0 and 1", o.Drift))
	}
	if o.goodFor(lease) <= 0 {
		return invalid("new election", "Election.Margin", fmt.Sprintf("of %v, with the drift, leaves nothing of a lease of %v: "+
			"lower it, or raise LeaderElectionTimeout", o.Margin, lease))
	}
	if good := o.goodFor(lease); o.Retry > good || o.Timeout > good-o.Retry {
		return invalid("new election", "Election.Retry", fmt.Sprintf(
			"of %v and Election.Timeout of %v are together more than the %v that a lease of %v is good for: "+
				"lower one of them or Election.Margin, or raise LeaderElectionTimeout", o.Retry, o.Timeout, good, lease))
	}
	return nil
}

// goodFor is for how long after the request a lease can be relied upon.
func (o *ElectionOptions) goodFor(lease time.Duration) time.Duration {
	return time.Duration(float64(lease)*(1-o.Drift)) - o.Margin
}

// IsLeader reports whether the node leads now.
func (e *LeaderElection) IsLeader() bool {
	_, leads := e.Term()
	return leads
}

// Term returns the term in which the node leads now, and whether it does.
func (e *LeaderElection) Term() (uint64, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tenure == nil || !e.holds(e.tenure) {
		return 0, false
	}
	return e.tenure.term, true
}

// holds reports whether the lease can be relied upon, by both clocks. A wall
// clock that was set back says nothing.
func (e *LeaderElection) holds(t *tenure) bool {
	return t.work.Err() == nil && time.Now().Before(t.until) &&
		e.wall().Round(0).Sub(t.wall) < t.until.Sub(t.asked)
}

// Nudge has the node try for the leadership now, since it may be free. Where the
// node leads, or only watches, it does nothing. It never blocks.
func (e *LeaderElection) Nudge() {
	select {
	case e.nudges <- struct{}{}:
	default:
	}
}

// Run takes part in the election until ctx is done. Then it stops the work, goes
// on renewing the lease until the work has returned, and frees it.
//
// Before its first request for the lease, it asks the port who leads. If an earlier
// election with this node ID on the same handle left a lease behind, Run releases it
// and acquires again, so that the term is greater.
//
// Two elections with one node ID on one handle would be one candidate, and both lead.
// So Run claims the node ID on a handle that is a coordination.Claimer, until it
// returns.
//
// Errors: ErrRunning at once if it was called before; coordination.ErrClaimed if
// another election on the handle runs with this node ID;
// coordination.ErrInvalidArgument for a nil context. If Lead, the port or the observer ends its goroutine by
// runtime.Goexit, as a mock does when it fails a test, Run stops the work, waits for
// it, and returns an error that says so.
func (e *LeaderElection) Run(ctx context.Context) error {
	if err := coordination.CheckContext("run election", ctx); err != nil {
		return err
	}
	if e.ran.Swap(true) {
		return ErrRunning
	}
	if claimer, ok := e.leadership.(coordination.Claimer); ok {
		release, err := claimer.Claim("candidate " + e.node)
		if err != nil {
			return fmt.Errorf("run election: node %q: another election on this handle has this node ID: %w", e.node, err)
		}
		defer release()
	}
	ended := make(chan error, 1)
	go func() {
		err := errAborted
		defer func() {
			if held := e.current(); held != nil {
				e.end(held, err)
				<-held.done
			}
			ended <- err
		}()
		err = e.campaign(ctx)
	}()
	if err := <-ended; err != nil {
		return fmt.Errorf("run election: %w", err)
	}
	return nil
}
