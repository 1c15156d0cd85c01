package coordination

import (
	"context"
	"sync/atomic"
	"time"
)

// Leadership is a lease that at most one candidate holds at a time. A candidate
// is a node ID on one handle: the same node ID on two handles is two
// candidates.
//
// A lease alone is no mutual exclusion. A paused holder may go on working after
// its lease has expired and a successor has begun. A backend that fails over may
// lose a lease that it has granted, and a backend whose clock steps forward ends it
// early. If its clock steps back, a lease lasts at most its TTL longer, counted from
// the next time that a candidate tries. Therefore each acquisition comes with a
// term: the protected resource must refuse an older one; see [Guard]. Adapters may
// have options that make the lease itself safer.
type Leadership interface {
	// TryAcquireLeadership takes the lease if it is free, renews it if this
	// candidate holds it, and otherwise changes nothing. It never waits for a
	// holder. ttl is counted from when the backend acts, is at least a
	// millisecond, and replaces what was left also where it is shorter.
	//
	// A renewal keeps its term. Each new acquisition has a term strictly greater
	// than every term before it in the namespace, also after a release or an
	// expiry. If the backend has lost its records (a failover that lost the last
	// writes, an emptied server), the term is greater than all terms that its
	// clock has reached or that this handle has seen in an answer. Only a
	// candidate that has seen none can then get too low a term, from a clock that
	// stepped back. The lease gets a greater term, in place of its own, at the
	// first renewal after another candidate showed the backend that its term is
	// too low. Terms are greater than zero and not consecutive. If acquired is
	// false, term is 0.
	//
	// An error means unknown: the caller must act as if it were not leader. If
	// the lease was taken all the same, the next try of this candidate renews
	// it.
	//
	// Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err().
	TryAcquireLeadership(ctx context.Context, nodeID string, ttl time.Duration) (term uint64, acquired bool, err error)

	// ReleaseLeadership frees the lease at once if this candidate holds it and
	// returns true. Otherwise, also when called again or after the lease has
	// ended, it returns false and changes nothing: it never removes a
	// successor.
	//
	// Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err().
	ReleaseLeadership(ctx context.Context, nodeID string) (bool, error)

	// Leader returns who holds the lease, and whether anyone does. The answer
	// is about the moment when the backend gave it; it proves nothing later.
	//
	// Errors: ErrInvalidArgument (a nil context), ErrClosed, ErrUnavailable,
	// ctx.Err().
	Leader(ctx context.Context) (Leader, bool, error)
}

// Leader is the holder of the lease.
type Leader struct {
	// NodeID is the node ID with which the lease was acquired.
	NodeID string
	// Term is the term of the acquisition.
	Term uint64
	// Remaining is what was left of the lease, by the backend's clock, when it
	// answered. It is more than zero.
	Remaining time.Duration
}

// Guard lets a resource refuse a leader that has been succeeded: it admits a
// term only if it has admitted no greater one. This is the fencing token of
// Kleppmann, How to do distributed locking (2016); it works only where the
// guard stands at the resource itself, beyond the network from the leaders.
//
// The zero Guard admits any term from 1 on. It is safe for concurrent use and
// must not be copied. It remembers in memory only; a resource that outlives its
// process must keep the term beside its data in the same transaction.
type Guard struct {
	highest atomic.Uint64
}

// Admit reports whether term is the greatest that the guard has seen, or equal
// to it, and remembers it if so. Zero, the term of nobody, is never admitted.
func (g *Guard) Admit(term uint64) bool {
	for term > 0 {
		highest := g.highest.Load()
		if term < highest {
			return false
		}
		if term == highest || g.highest.CompareAndSwap(highest, term) {
			return true
		}
	}
	return false
}
