package coordination

import (
	"fmt"
	"sync"
)

// Elections is an optional role of a handle: elections by name, one for each job
// that one node at a time does. Both adapters of this module have it; ask for it with
// a type assertion.
type Elections interface {
	// Election returns the election with a name of 1 to MaxNameLen bytes of any kind.
	// Each name has a lease and terms of its own, with all that [Leadership]
	// guarantees, in the namespace of the handle. Neither another name nor the
	// leadership of the handle itself shares anything with it.
	//
	// It uses the connections of the handle and calls nothing on the backend. It ends
	// with the handle: its methods return ErrClosed then. A candidate is a node ID on
	// one handle, also when Election is called twice for one name.
	//
	// Errors: ErrInvalidArgument, ErrClosed.
	Election(name string) (Leadership, error)
}

// Claimer is an optional role of a handle, and of an election: names that one user of
// it at a time may have. It keeps two parts of one process from acting as the same
// node on one handle, where the backend cannot tell them apart.
type Claimer interface {
	// Claim takes a name until release is called, which may be called again. It
	// concerns this handle alone.
	//
	// Errors: ErrClaimed if somebody has the name.
	Claim(name string) (release func(), err error)
}

// Claims implements [Claimer] for the adapter that embeds it. The zero value works. It
// is safe for concurrent use and must not be copied.
type Claims struct {
	mu    sync.Mutex // guards what follows
	taken map[string]bool
}

var _ Claimer = (*Claims)(nil)

// Claim implements [Claimer].
func (c *Claims) Claim(name string) (release func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken[name] {
		return nil, fmt.Errorf("claim: name %.100q: %w", name, ErrClaimed)
	}
	if c.taken == nil {
		c.taken = map[string]bool{}
	}
	c.taken[name] = true
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.taken, name)
	}), nil
}
