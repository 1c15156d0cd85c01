package redis

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// LeadershipOptions make the lease safer when the server fails over or loses its
// records. The zero value costs nothing and waits for nothing. Every handle of a
// namespace should have the same.
//
// A failover loses what the old primary had not replicated. Without these options a
// successor can then acquire a lease whose holder still relies on it, and a primary
// that was cut off goes on renewing the lease of a holder that only it can reach.
// Terms still rise (see Limits in the package's documentation), so that a
// [coordination.Guard] refuses the holder that was succeeded.
//
// With WaitOut, and Replicas as many as there are replicas that can be promoted, two
// candidates lead at the same time only if
//
//   - more time passes on the server than on a holder: the clocks run at different
//     rates, or the server's clock steps forward by more than the lease,
//   - the TTL of the lease differs between candidates, or
//   - the records of the namespace are deleted or changed by something else.
//
// With fewer Replicas, a primary that was cut off together with enough replicas goes
// on renewing until it is reconfigured. As many Replicas as there are have a price: while
// one of them is missing, no candidate acquires or renews the lease. That includes the time
// from a failover until the old primary has become a replica, which Sentinels see to after
// ten seconds.
//
// ReleaseLeadership and Leader do not wait for replicas. A failover can undo a release: then
// a successor waits until the lease expires. A server that was replaced, or a replica, may
// answer Leader with an older state.
type LeadershipOptions struct {
	// Replicas is how many replicas must have each acquisition and renewal (WAIT).
	// If fewer have it within ReplicaTimeout, TryAcquireLeadership returns
	// ErrUnavailable: the lease is taken, but must not be relied upon, and the next
	// try renews it. Default 0: wait for none.
	Replicas int

	// ReplicaTimeout bounds the wait for the replicas. It is never longer than the
	// TTL of the lease, three quarters of the connection's read timeout, or what the
	// context has left. Default 1 s.
	ReplicaTimeout time.Duration

	// WaitOut delays a successor by one lease: after the lease of a holder expired
	// that did not release it, after the server was restarted or failed over, and
	// after the record was lost or if there has never been one. A holder that still
	// leads by its own clock goes on without delay. The server must allow INFO.
	WaitOut bool
}

const defaultReplicaTimeout = time.Second

func (o LeadershipOptions) checked() (LeadershipOptions, error) {
	if o.Replicas < 0 {
		return o, fmt.Errorf("open: Leadership.Replicas is %d, want 0 or more: %w", o.Replicas, coordination.ErrInvalidArgument)
	}
	if o.ReplicaTimeout < 0 {
		return o, fmt.Errorf("open: Leadership.ReplicaTimeout is %v, want 0 or more: %w", o.ReplicaTimeout, coordination.ErrInvalidArgument)
	}
	o.ReplicaTimeout = cmp.Or(o.ReplicaTimeout, defaultReplicaTimeout)
	return o, nil
}

// within returns for how long to wait for the replicas: at least a millisecond, as 0
// means for ever to the server.
func (o LeadershipOptions) within(ctx context.Context, ttl time.Duration) time.Duration {
	timeout := min(o.ReplicaTimeout, ttl)
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
	}
	return max(timeout, time.Millisecond)
}

// runReplicated runs a script as run does, and then waits until so many replicas have
// what it wrote. short is the error if fewer have it.
func (c *Coordination) runReplicated(
	ctx context.Context, operation string, s script, keys []string, arguments []any, timeout time.Duration, replicas int,
) (reply any, short, err error) {
	if err := c.begin(ctx, operation); err != nil {
		return nil, nil, err
	}
	if limit := c.home.client.Options().ReadTimeout * 3 / 4; limit > 0 {
		timeout = min(timeout, limit)
	}
	wait := []any{"wait", replicas, max(timeout.Milliseconds(), 1)}
	outcomes, err := c.home.together(ctx, scriptCall("evalsha", s.hash, keys, arguments), wait)
	if err == nil && isNoScript(outcomes[0].err) {
		outcomes, err = c.home.together(ctx, scriptCall("eval", s.source, keys, arguments), wait)
	}
	if err = cmp.Or(err, outcomes.err()); err != nil {
		return nil, nil, c.failure(ctx, operation, err)
	}
	if acknowledged, ok := outcomes[1].reply.(int64); !ok || acknowledged < int64(replicas) {
		short = fmt.Errorf("%s: %s: %v of %d replicas acknowledged within %v: %w",
			operation, c.home.name, outcomes[1].reply, replicas, timeout, coordination.ErrUnavailable)
	}
	return outcomes[0].reply, short, nil
}

// knowledge is what a handle knows of an election. It outlives the server's records.
type knowledge struct {
	mu       sync.Mutex // guards what follows
	seen     uint64     // the greatest term
	released uint64     // the greatest term that the handle gave up
	node     string     // the candidate that leads, by the handle's clock
	term     uint64     // its term; 0 if none leads
	until    time.Time  // then its lease expires, counted from the request
	wall     time.Time  // the same by the wall clock: the other stops while a machine is suspended
}

// before returns the greatest term that the handle has seen, the term in which the
// candidate leads at the given time, 0 if it does not, and the last one given up.
func (k *knowledge) before(nodeID string, at time.Time) (seen, live, released uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.node == nodeID && k.term > k.released && at.Before(k.until) && at.Round(0).Before(k.wall) {
		live = k.term
	}
	return k.seen, live, k.released
}

func (k *knowledge) saw(term uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = max(k.seen, term)
}

func (k *knowledge) acquired(nodeID string, term uint64, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = max(k.seen, term)
	k.node, k.term, k.until, k.wall = nodeID, term, until, until.Round(0)
}

// refused notes that the candidate does not lead, whatever it did before.
func (k *knowledge) refused(nodeID string, term uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = max(k.seen, term)
	if k.node == nodeID {
		k.term = 0
	}
}

// givesUp notes that the candidate is about to release the lease. It returns its term,
// 0 if it is unknown.
func (k *knowledge) givesUp(nodeID string) (term uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.node == nodeID {
		term, k.term = k.term, 0
	}
	return term
}

// gaveUp notes that a lease of the handle is, or may be, released: a call of the same
// candidate that began earlier could still have renewed it.
func (k *knowledge) gaveUp(term uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.released = max(k.released, term)
}
