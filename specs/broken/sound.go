package broken

import (
	"context"
	"sync"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs"
)

// buffer is how many messages a subscription holds: few, so that it is soon
// full, and more than the specs publish before they read.
const buffer = 1024

// Subject opens handles that are sound but for the fault, if any. It has every
// power that the contract knows of, so that it is checked for all behaviours.
type Subject struct {
	test    *testing.T
	backend *backend
	spoil   func(*adapter)

	mu     sync.Mutex // guards what follows
	opened map[coordination.DistributedCoordination]*adapter
}

var _ interface {
	specs.Subject
	specs.VirtualTime
	specs.Links
	specs.Backend
	specs.Refusing
	specs.Connections
	specs.Buffered
	specs.Forgetful
	specs.Foreign
} = (*Subject)(nil)

// Sound returns a subject without a fault for the test that runs the contract.
func Sound(t *testing.T) *Subject {
	return &Subject{
		test:    t,
		backend: newBackend(),
		spoil:   func(*adapter) {},
		opened:  map[coordination.DistributedCoordination]*adapter{},
	}
}

// Strikes returns how often the fault has shown itself so far.
func (s *Subject) Strikes() int64 { return s.backend.strikes.Load() }

// Open implements specs.Subject.
func (s *Subject) Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
	good, err := s.backend.open(namespace)
	if err != nil {
		return nil, err
	}
	a := of(s.backend, namespace, good)
	a.link, a.opening = good.link, ctx
	s.spoil(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened[a] = a
	return a, nil
}

func (s *Subject) of(handle coordination.DistributedCoordination) *adapter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened[handle]
}

// Suite implements specs.VirtualTime.
func (s *Subject) Suite() *testing.T { return s.test }

// Cut implements specs.Links, as do Freeze and Heal.
func (s *Subject) Cut(handle coordination.DistributedCoordination) { s.of(handle).link.set(cut) }

// Freeze lets every call wait for as long as a link may be silent.
func (s *Subject) Freeze(handle coordination.DistributedCoordination) { s.of(handle).link.set(frozen) }

// Heal breaks what was frozen.
func (s *Subject) Heal(handle coordination.DistributedCoordination) { s.of(handle).link.set(whole) }

// Own implements specs.Backend: the subject has one of its own.
func (s *Subject) Own(context.Context) error { return nil }

// Stop implements specs.Backend: what the backend keeps stays.
func (s *Subject) Stop(context.Context) error { s.backend.links(cut); return nil }

// Start implements specs.Backend.
func (s *Subject) Start(context.Context) error { s.backend.links(whole); return nil }

// Refuse implements specs.Refusing, as far as a handle tells of it.
func (s *Subject) Refuse(_ context.Context, writes bool) error {
	s.backend.refuses.Store(writes)
	return nil
}

// Connections implements specs.Connections: one, and those of the fault.
func (s *Subject) Connections(handle coordination.DistributedCoordination) int {
	return 1 + int(s.of(handle).connections.Load())
}

// Buffer implements specs.Buffered.
func (s *Subject) Buffer() int { return buffer }

// Forget implements specs.Forgetful.
func (s *Subject) Forget(_ context.Context, namespace string) error {
	return s.backend.forget(namespace)
}

// Store implements specs.Foreign.
func (s *Subject) Store(_ context.Context, namespace string) (func(context.Context) (bool, error), error) {
	name := namespace + ":key"
	s.backend.store(name)
	return func(context.Context) (bool, error) { return s.backend.take(name), nil }, nil
}
