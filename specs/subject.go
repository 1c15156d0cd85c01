package specs

import (
	"context"
	"errors"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Subject is what the contract judges: an adapter on a backend. The factory
// given to [Contract], [Run] or [Judge] makes one for each behaviour. One that is
// an io.Closer is closed in the end, after the handles that it opened. All else
// that it can do it shows by the interfaces of this file, of which it needs none.
type Subject interface {
	// Open opens a handle. Two calls with one namespace give two peers on one
	// backend, as two processes would have; two namespaces share nothing. The
	// contract asks for namespaces of any bytes, none of them longer than
	// coordination.MaxNameLen, and leaves it to Open what it does with others. ctx
	// bounds the call only.
	Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error)
}

// VirtualTime is a subject whose handles and backend live in this process and
// take the time from package time only, so that its behaviours can be shown
// inside a testing/synctest bubble: hours pass at once, and to the nanosecond.
// The factory, Open and Close are then called inside the bubble. There time stands
// still for as long as any goroutine runs, waits for a mutex or for what was made
// outside: who polls by a timer may have to wait until all others do.
type VirtualTime interface {
	// Suite returns the test that runs the suite, for [Contract]. [Run] has one
	// of its own and does not ask, so that nil will do for it.
	Suite() *testing.T
}

// Scaled is a subject whose backend is too slow for the times of the contract.
type Scaled interface {
	// TimingScale returns the factor by which times to live, time limits and
	// what "promptly" means are stretched: at least 1, at most 100, else the
	// subject is at fault. Reports show it.
	TimingScale() float64
}

// Versioned is a subject that knows which version its backend has.
type Versioned interface {
	// Version returns it for the report, as in "Redis 7.0.15".
	Version(ctx context.Context) (string, error)
}

// Links is a subject that can break the connections of one of its handles.
type Links interface {
	// Cut breaks them and lets no new ones come about.
	Cut(handle coordination.DistributedCoordination)
	// Heal breaks those that were frozen and lets new ones come about.
	Heal(handle coordination.DistributedCoordination)
}

// Freezing is a subject with [Links] that can also silence the connections of one
// of its handles, as a lost route does.
type Freezing interface {
	Links
	// Freeze leaves them open, and passes on nothing any more in either
	// direction. New ones are as dead. Heal ends it.
	Freeze(handle coordination.DistributedCoordination)
}

// Owner is a subject that can have a backend for itself.
type Owner interface {
	// Own puts the subject on a backend that no other subject uses. It is called
	// before the first handle is opened, and only where something will be done
	// to the backend. It does nothing where each subject has one anyway.
	Own(ctx context.Context) error
}

// Refusing is a subject whose backend can be made to refuse what is written, as a
// full one or a replica does, while it answers what is asked.
type Refusing interface {
	Owner
	// Refuse has it refuse, or take writes again.
	Refuse(ctx context.Context, writes bool) error
}

// Backend is a subject that can stop its backend and start it again.
type Backend interface {
	Owner
	// Stop stops the backend, and breaks the connections to it.
	Stop(ctx context.Context) error
	// Start starts it again where it was. It may have lost what it kept.
	Start(ctx context.Context) error
}

// Connections is a subject that counts the connections of its handles.
type Connections interface {
	// Connections returns how many are open from the handle to the backend.
	Connections(handle coordination.DistributedCoordination) int
}

// Buffered is a subject whose subscriptions hold a known number of messages.
type Buffered interface {
	// Buffer returns how many messages a slow subscription can hold: at least
	// 1,000, since that many are published elsewhere before they are read, and
	// at most 1,000,000. It need not be what users get.
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
	// Deviations returns what is declared. One from a behaviour that does not
	// exist, or without a reason, or two from one behaviour, are the subject's
	// fault.
	Deviations() []Deviation
}

// Deviation is one promise that a subject does not keep. Its behaviour must
// fail, and is then reported as "deviates" with the reason; one that passes is
// reported as a failure, so that no deviation outlives its cause.
type Deviation struct {
	// Behaviour is the identifier, as in "publish-3".
	Behaviour string
	// Reason says why. It is required.
	Reason string
	// Link says where more about it is to be found, where that is so.
	Link string
}

// Absent returns a subject for a backend that is not there: nothing is checked on
// it, for the reason given, which is required.
func Absent(reason string) Subject { return absent{reason} }

type absent struct{ reason string }

// Open implements Subject. Nobody calls it.
func (a absent) Open(context.Context, string) (coordination.DistributedCoordination, error) {
	return nil, errors.New(a.reason)
}
