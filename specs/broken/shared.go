package broken

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// in returns a sound handle in a namespace of which the contract does not know.
func (b *backend) in(namespace string) coordination.DistributedCoordination {
	h, err := b.open(namespace)
	if err != nil {
		panic(err) // a fault has made up too long a namespace
	}
	return h
}

// private returns a sound handle in a namespace that no other handle has.
func (a *adapter) private() coordination.DistributedCoordination {
	return a.backend.in(fmt.Sprintf("private to %p", a))
}

// interleave lets others get on: between looking and acting is where a race is
// lost. It takes no virtual time.
func (a *adapter) interleave() {
	for range 300 {
		runtime.Gosched()
	}
}

// wait lets all others get on until they wait themselves. It takes a nanosecond
// of virtual time.
func (a *adapter) wait() { time.Sleep(time.Nanosecond) }

// insteadOf is instead for slices.
func insteadOf[T comparable](a *adapter, right, wrong []T) []T {
	if !slices.Equal(right, wrong) || (right == nil) != (wrong == nil) {
		a.strike()
	}
	return wrong
}

// byNamespace keeps one of a kind for each namespace of a backend.
func byNamespace[T any](spoil func(a *adapter, shared *T)) func(*backend) func(*adapter) {
	return func(*backend) func(*adapter) {
		var all registry[T]
		return func(a *adapter) { spoil(a, all.of(a.namespace)) }
	}
}

// registry holds one of a kind for each name.
type registry[T any] struct {
	mu  sync.Mutex // guards what follows
	all map[string]*T
}

func (r *registry[T]) of(name string) *T {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[string]*T{}
	}
	if r.all[name] == nil {
		r.all[name] = new(T)
	}
	return r.all[name]
}
