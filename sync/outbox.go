package sync

import (
	"context"
	"sync"
	"sync/atomic"
)

// outbox sends what the node has to say. Operations that come while a message is
// on its way go together in the next one: a caller who is alone waits for nobody,
// and many share the cost of a message. Callers send for one another; there is no
// goroutine that does.
type outbox struct {
	publish func(ctx context.Context, m *message) error
	clock   *hybridClock
	self    incarnation
	limits  Limits
	history *history

	// sending is held from the giving of numbers until they are published, so
	// that whoever holds it can say that all numbers up to the last are out.
	sending  semaphore
	carrying semaphore     // held by the one of those who have batons whose turn it is to send
	first    semaphore     // held by the one of those who wait for a place whose turn it is
	unsent   chan struct{} // wakes Run's sender
	last     atomic.Uint64 // the highest number given; written with sending held

	mu      sync.Mutex // guards what follows
	waiting []*batch   // oldest first; the last one may still grow
	pending int        // operations in waiting, and those that have a place
	bytes   int
	line    int           // callers who wait for a place
	spare   batch         // the memory of one that was sent, for the next one
	changed chan struct{} // closed when a place may be free; nil where nobody waits
}

// batch is operations that go into one message.
type batch struct {
	operations []Operation
	latest     map[string]int // where the last operation on a key is
	places     int            // taken in the queue
	bytes      int
	numbered   bool // it was on its way before, and may have arrived
	sent       bool // or could not be, which err says
	err        error

	// baton is for one of those who wait for the batch: who has taken it out sends,
	// unless others do so before, or puts it back. It is closed after the batch was
	// sent.
	baton chan struct{}
}

// reserve takes a place in the queue, at once where there is one and nobody waits.
// Otherwise callers wait in line, so that neither one with a large operation nor one
// with a small one is passed for ever. The first of them helps to send, or, where
// nothing is there to be sent yet, waits for those who have a place.
func (o *outbox) reserve(ctx context.Context, size int) error {
	if o.enters(size) {
		return nil
	}
	defer o.leaveLine()
	if err := o.first.lock(ctx); err != nil {
		return err
	}
	defer o.first.unlock()
	for ended(ctx) == nil {
		changed, sending := o.tryReserve(size)
		if changed == nil {
			return nil
		}
		select {
		case sending <- struct{}{}:
			o.sendAndUnlock(ctx)
		case <-changed:
		case <-ctx.Done():
		}
	}
	return ended(ctx)
}

// enters takes a place, or has the caller stand in line.
func (o *outbox) enters(size int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.line > 0 || !o.occupy(size) {
		o.line++
		return false
	}
	return true
}

func (o *outbox) leaveLine() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.line--
}

// tryReserve takes a place, or returns what is closed when it may be worth to try
// again, and, where there is something to be sent, what to lock for that.
func (o *outbox) tryReserve(size int) (changed <-chan struct{}, sending semaphore) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.occupy(size) {
		return nil, nil
	}
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	if len(o.waiting) > 0 {
		sending = o.sending
	}
	return o.changed, sending
}

// occupy takes a place, if there is one. An operation that is larger than the queue
// has one when it is alone. The caller holds mu.
func (o *outbox) occupy(size int) bool {
	if o.pending > 0 && (o.pending >= o.limits.QueueOperations || o.bytes+size > o.limits.QueueBytes) {
		return false
	}
	o.pending++
	o.bytes += size
	return true
}

// change wakes those who wait for a place. The caller holds mu.
func (o *outbox) change() {
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

func (o *outbox) release(size int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pending--
	o.bytes -= size
	o.change()
}

// add puts an operation, for which a place was reserved, into a batch. Callers
// add in the order of stamps, but for operations on a lease.
func (o *outbox) add(operation Operation, size int) *batch {
	o.mu.Lock()
	defer o.mu.Unlock()
	open := o.open(size)
	open.places++
	open.bytes += size
	o.change()
	if operation.Type != Set && operation.Type != Delete {
		clear(open.latest) // what comes after it must not move before it
		open.operations = append(open.operations, operation)
		return open
	}
	// Nobody needs to hear of what was replaced before it was told.
	if at, found := open.latest[operation.Key]; found {
		if operation.Stamp.newerThan(open.operations[at].Stamp) {
			open.operations[at] = operation
		}
		return open
	}
	open.latest[operation.Key] = len(open.operations)
	open.operations = append(open.operations, operation)
	return open
}

// open returns the batch that takes an operation of size.
func (o *outbox) open(size int) *batch {
	if count := len(o.waiting); count > 0 {
		last := o.waiting[count-1]
		if !last.numbered && len(last.operations) < o.limits.BatchOperations && last.bytes+size <= maxBatchBytes {
			return last
		}
	}
	fresh := &batch{operations: o.spare.operations, latest: o.spare.latest, baton: make(chan struct{}, 1)}
	fresh.baton <- struct{}{}
	if o.spare = (batch{}); fresh.latest == nil {
		fresh.latest = make(map[string]int)
	}
	o.waiting = append(o.waiting, fresh)
	return fresh
}

// count is how many operations wait to be sent.
func (o *outbox) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pending
}
