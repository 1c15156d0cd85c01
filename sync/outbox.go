package sync

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
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
	sending semaphore
	last    atomic.Uint64 // the highest number given; written with sending held

	mu      sync.Mutex // guards what follows
	waiting []*batch   // oldest first; the last one may still grow
	pending int        // operations in waiting, and those that have a place
	bytes   int
	spare   batch         // the memory of one that was sent, for the next one
	changed chan struct{} // closed when a place may be free; nil where nobody waits
}

// batch is operations that go into one message.
type batch struct {
	operations []Operation
	latest     map[string]int // where the last operation on a key is
	places     int            // taken in the queue
	bytes      int
	numbered   bool          // it was on its way before, and may have arrived
	done       chan struct{} // closed when it was sent, or could not be
	err        error
}

// semaphore is a mutex that is waited for with a context.
type semaphore chan struct{}

func (s semaphore) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s semaphore) unlock() { <-s }

// reserve takes a place in the queue. It waits for one by helping to send, or,
// where nothing is there to be sent yet, for those who have a place.
func (o *outbox) reserve(ctx context.Context, size int) error {
	for {
		changed := o.tryReserve(size)
		if changed == nil {
			return nil
		}
		select {
		case o.sending <- struct{}{}:
			if o.sendAndUnlock(ctx) {
				continue
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		case <-changed:
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("queue is full: %w", err)
		}
	}
}

// tryReserve takes a place, or returns what is closed when it may be worth to try
// again. It lets an operation that is larger than the queue pass when it is alone.
func (o *outbox) tryReserve(size int) (changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pending > 0 && (o.pending >= o.limits.QueueOperations || o.bytes+size > o.limits.QueueBytes) {
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		return o.changed
	}
	o.pending++
	o.bytes += size
	return nil
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
	fresh := &batch{operations: o.spare.operations, latest: o.spare.latest, done: make(chan struct{})}
	if o.spare = (batch{}); fresh.latest == nil {
		fresh.latest = make(map[string]int)
	}
	o.waiting = append(o.waiting, fresh)
	return fresh
}

// flush returns when mine was sent, with the error that this gave.
func (o *outbox) flush(ctx context.Context, mine *batch) error {
	for {
		select {
		case <-mine.done:
			return mine.err
		default:
		}
		select {
		case <-mine.done:
			return mine.err
		case <-ctx.Done():
			return fmt.Errorf("not known to be sent: %w", ctx.Err())
		case o.sending <- struct{}{}:
			if o.batches() == 1 {
				runtime.Gosched() // whoever is about to add something may come along
			}
			o.sendAndUnlock(ctx)
		}
	}
}

// sendAndUnlock is sendNext by one who has just got sending, and gives it back even
// where the port panics.
func (o *outbox) sendAndUnlock(ctx context.Context) (sent bool) {
	defer o.sending.unlock()
	return ctx.Err() == nil && o.sendNext(ctx)
}

// sendNext sends the oldest batch, if there is one. The caller holds sending. A
// batch whose sender's context ends stays where it was, for the next one to send
// once more: its numbers are the same, and twice is as good as once.
func (o *outbox) sendNext(ctx context.Context) (sent bool) {
	next := o.take()
	if next == nil {
		return false
	}
	err := o.publish(ctx, &message{
		origin: o.self, last: o.last.Load(), clock: o.clock.now(), operations: next.operations,
	})
	if err != nil && ctx.Err() != nil {
		return false
	}
	o.mu.Lock()
	o.waiting = o.waiting[1:]
	o.pending -= next.places
	o.bytes -= next.bytes
	o.change()
	clear(next.operations)
	clear(next.latest)
	o.spare = batch{operations: next.operations[:0], latest: next.latest}
	o.mu.Unlock()
	next.err = err
	close(next.done)
	return true
}

// take gives the oldest batch its numbers; nothing is added to it from then on.
func (o *outbox) take() *batch {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return nil
	}
	next := o.waiting[0]
	if next.numbered {
		return next
	}
	next.numbered = true
	number := o.last.Load()
	for i := range next.operations {
		number++
		next.operations[i].Seq = number
	}
	o.history.add(next.operations, time.Now())
	o.last.Store(number)
	return next
}

// beat sends what waits, and then a heartbeat, which says the last number.
func (o *outbox) beat(ctx context.Context, beat *heartbeat) error {
	if err := o.sending.lock(ctx); err != nil {
		return err
	}
	defer o.sending.unlock()
	for range o.batches() {
		o.sendNext(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return o.publish(ctx, &message{origin: o.self, last: o.last.Load(), clock: o.clock.now(), heartbeat: beat})
}

// batches is how many messages wait to be sent.
func (o *outbox) batches() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting)
}

// count is how many operations wait to be sent.
func (o *outbox) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pending
}
