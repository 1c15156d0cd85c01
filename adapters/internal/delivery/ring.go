package delivery

import (
	"fmt"

	"github.com/riptidecrawler/coordkit/coordination"
)

// entry is a buffered message and the gap that lies before it.
type entry struct {
	Message
	before gap
}

// gap is a place where messages were lost.
type gap struct {
	count   int
	unknown bool // more than count, or perhaps none
}

func (g gap) empty() bool { return g == gap{} }

func (g *gap) add(other gap) {
	g.count += other.count
	g.unknown = g.unknown || other.unknown
}

func (g gap) error() error {
	if g.unknown {
		return &coordination.MessagesLostError{}
	}
	return &coordination.MessagesLostError{Count: g.count}
}

func closedError() error {
	return fmt.Errorf("next: %w", coordination.ErrClosed)
}

// ring is a queue that grows by doubling and gives its memory back when it is
// empty again after having been large. The zero ring is empty.
type ring struct {
	entries []entry // its length is 0 or a power of two
	head    int
	count   int
}

// smallRing is how many entries, of 88 bytes, an empty ring keeps room for. To
// keep fewer costs readers that are now and then behind by some hundreds up to
// half of their throughput.
const smallRing = 512

func (r *ring) len() int { return r.count }

func (r *ring) front() *entry { return &r.entries[r.head] }

// extend adds a zero entry at the end and returns it, to be filled in place.
func (r *ring) extend() *entry {
	if r.count == len(r.entries) {
		grown := make([]entry, max(8, 2*r.count))
		n := copy(grown, r.entries[r.head:])
		copy(grown[n:], r.entries[:r.head])
		r.entries, r.head = grown, 0
	}
	r.count++
	return &r.entries[(r.head+r.count-1)&(len(r.entries)-1)]
}

// shift removes the first entry.
func (r *ring) shift() {
	r.entries[r.head] = entry{}
	r.head = (r.head + 1) & (len(r.entries) - 1)
	r.count--
	if r.count == 0 && len(r.entries) > smallRing {
		*r = ring{}
	}
}
