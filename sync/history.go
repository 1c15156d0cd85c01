package sync

import (
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// history holds the newest of the node's own operations, to tell them again.
type history struct {
	maxOperations, maxBytes int

	mu     sync.Mutex // guards what follows
	events []past     // a ring, by number modulo its length
	first  uint64     // the oldest number held
	next   uint64     // the number after the newest
	bytes  int
}

type past struct {
	Operation
	at time.Time
}

func newHistory(maxOperations, maxBytes int) *history {
	return &history{maxOperations: maxOperations, maxBytes: maxBytes, first: 1, next: 1}
}

// add holds operations whose numbers follow one another, and drops the oldest
// where they are too many.
func (h *history) add(operations []Operation, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, operation := range operations {
		if operation.Type == Set && operation.size() > h.maxBytes {
			operation = operation.unsaid() // all that came before it would have to go
		}
		for h.next-h.first >= uint64(h.maxOperations) {
			h.drop()
		}
		h.grow()
		*h.at(h.next) = past{operation, now}
		h.next++
		h.bytes += operation.size()
		for h.bytes > h.maxBytes {
			h.drop()
		}
	}
}

func (h *history) at(number uint64) *past { return &h.events[number%uint64(len(h.events))] }

func (h *history) drop() {
	oldest := h.at(h.first)
	h.bytes -= oldest.size()
	*oldest = past{}
	h.first++
}

// grow doubles a ring that is full.
func (h *history) grow() {
	held := h.next - h.first
	if held < uint64(len(h.events)) {
		return
	}
	larger := history{events: make([]past, min(max(64, 2*len(h.events)), h.maxOperations))}
	for number := h.first; number < h.next; number++ {
		*larger.at(number) = *h.at(number)
	}
	h.events = larger.events
}

// replay returns the operations with the numbers in spans as they are to be
// applied now, and the spans of which some are gone.
func (h *history) replay(spans []span, now time.Time) (again []Operation, gone []span) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, numbers := range spans {
		if numbers.from < h.first || numbers.to >= h.next {
			gone = append(gone, numbers)
			continue
		}
		for number := numbers.from; number <= numbers.to; number++ {
			again = append(again, h.at(number).aged(now))
		}
	}
	return again, gone
}

// aged is the operation for one who hears it only now: a value lives no longer
// than for the others, and one whose time has ended still replaces what was
// before it.
func (p past) aged(now time.Time) Operation {
	operation := p.Operation
	if operation.Type != Set || operation.TTL == 0 {
		return operation
	}
	operation.TTL -= now.Sub(p.at)
	if operation.TTL <= 0 {
		return operation.unsaid()
	}
	return operation
}

// unsaid is what is told of a Set instead, for who hears it to have no value then.
func (o Operation) unsaid() Operation {
	o.Type, o.Value, o.TTL = Delete, nil, 0
	return o
}

// held is how much the history holds.
func (h *history) held() (operations, bytes int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return int(h.next - h.first), h.bytes
}

// normalized is the time to live that all nodes count with.
func normalized(ttl time.Duration) time.Duration {
	return time.Duration(coordination.Millis(ttl)) * time.Millisecond
}
