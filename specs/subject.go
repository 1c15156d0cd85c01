package specs

import (
	"context"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Subject is what the contract judges: an adapter on a backend. The factory
// given to Contract makes one for each spec. If it is an io.Closer it is closed
// at the end of the spec, after the handles that it opened.
type Subject interface {
	// Open opens a handle. Two calls with one namespace give two peers on one
	// backend, as two processes would have; two namespaces share nothing. ctx
	// bounds the call only.
	Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error)
}

// VirtualTime is a subject whose handles and backend live in this process and
// take the time from package time only, so that its specs can run inside a
// testing/synctest bubble: hours pass at once, and to the nanosecond. The
// factory, Open and Close are then called inside the bubble.
type VirtualTime interface {
	// Suite returns the test that runs the suite.
	Suite() *testing.T
}

// Links is a subject that can break the connections of one of its handles.
type Links interface {
	// Cut breaks them and lets no new ones come about.
	Cut(handle coordination.DistributedCoordination)
	// Freeze leaves them open, and passes on nothing any more in either
	// direction. New ones are as dead.
	Freeze(handle coordination.DistributedCoordination)
	// Heal breaks those that were frozen and lets new ones come about.
	Heal(handle coordination.DistributedCoordination)
}

// Connections is a subject that counts the connections of its handles.
type Connections interface {
	// Connections returns how many are open from the handle to the backend.
	Connections(handle coordination.DistributedCoordination) int
}

// Buffered is a subject whose subscriptions hold a known number of messages.
type Buffered interface {
	// Buffer returns how many messages a slow subscription can hold.
	Buffer() int
}

// Forgetful is a subject whose backend can lose what the adapter keeps there.
type Forgetful interface {
	// Forget removes everything that the adapter keeps for the namespace, as a
	// failover without replication would. Handles stay open.
	Forget(ctx context.Context, namespace string) error
}

// Foreign is a subject whose backend is shared with other programs.
type Foreign interface {
	// Store stores a value of another program under a name as close to the
	// namespace's own names as can be, and returns a function that reports
	// whether it is still there, and removes it.
	Store(ctx context.Context, namespace string) (there func(ctx context.Context) (bool, error), err error)
}

// Deviant is a subject that is known not to keep some promise.
type Deviant interface {
	Deviations() []Deviation
}

// Deviation is one promise that a subject does not keep. Its spec must fail, and
// is then reported as skipped, with "deviates" and the reason; one that passes
// is reported as a failure, so that no deviation outlives its cause.
type Deviation struct {
	// Behaviour is the sentence of the spec.
	Behaviour string
	// Reason says why, and Link where more about it is to be found.
	Reason, Link string
}
