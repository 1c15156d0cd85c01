// Package broken holds adapters with one fault each, for the contract to prove
// its teeth on: it must fail every one of them, at the behaviours that the fault
// breaks and at no others ("make prove"). What they are made of is sound: the
// memory adapter behind links that can break, or the Redis adapter on a server
// within the process, where the fault is one of commands and scripts.
package broken

import (
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/riptidecrawler/coordkit/specs"
)

// Fault is one thing that an adapter does wrong.
type Fault struct {
	// Name is unique, in lower case with hyphens.
	Name string
	// Does says what the adapter does, as in "cuts times to live to whole seconds".
	Does string
	// Breaks are the identifiers of all the behaviours that fail because of it.
	Breaks []string
	// Perhaps are those of behaviours that fail or not, as goroutines happen to run.
	// They prove nothing.
	Perhaps []string

	// spoil is called for each backend. What it returns is called for each handle
	// on it, and what it has in its closure is what the handles share.
	spoil func(*backend) func(*adapter)

	// onServer is in its place for a fault of commands and scripts. What it returns
	// is called with each command that reaches the server, before that is carried
	// out, and may change the arguments. It says whether it has done harm.
	onServer func(*miniredis.Miniredis) func(command string, arguments []string) bool
}

// Subject returns a subject with the fault, and how to ask how often that has
// shown itself so far.
func (f Fault) Subject(t *testing.T) (_ specs.Subject, strikes func() int64) {
	if f.onServer != nil {
		s := newServed(t, f.onServer)
		return s, s.strikes.Load
	}
	s := Sound(t)
	s.spoil = f.spoil(s.backend)
	return s, s.backend.strikes.Load
}

// each is a fault of handles that share nothing by it.
func each(spoil func(*adapter)) func(*backend) func(*adapter) {
	return func(*backend) func(*adapter) { return spoil }
}
