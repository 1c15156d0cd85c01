package sync

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// flush returns when mine was sent, with the error that this gave. Of those who
// wait for a batch one has its baton, and the others sleep.
func (o *outbox) flush(ctx context.Context, mine *batch) error {
	select {
	case _, unsent := <-mine.baton:
		if !unsent {
			return mine.err
		}
		o.carry(ctx, mine)
	case <-ctx.Done():
	}
	if o.isSent(mine) {
		return mine.err
	}
	return fmt.Errorf("not known to be sent: %w", ended(ctx))
}

// carry has the holder of the baton send until mine was sent, by whomever. Where
// his context ends before, or the port panics, who has waited for longest gets the
// baton.
func (o *outbox) carry(ctx context.Context, mine *batch) {
	defer o.passOn(mine)
	for !o.isSent(mine) && ended(ctx) == nil {
		select {
		case o.carrying <- struct{}{}:
			o.carryNext(ctx)
		case <-mine.baton: // closed, as nobody else has it to pass on
		case <-ctx.Done():
		}
	}
}

// carryNext sends the oldest batch. Of all who carry one the first alone stands in
// line for sending, so that a heartbeat has not to wait for all that is in the queue.
func (o *outbox) carryNext(ctx context.Context) {
	defer o.carrying.unlock()
	if o.sending.lock(ctx) != nil {
		return
	}
	if o.batches() == 1 {
		runtime.Gosched() // whoever is about to add something may come along
	}
	o.sendAndUnlock(ctx)
}

func (o *outbox) passOn(mine *batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !mine.sent {
		mine.baton <- struct{}{}
	}
}

func (o *outbox) isSent(mine *batch) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return mine.sent
}

// sendAndUnlock is sendNext by one who has just got sending, and gives it back even
// where the port panics.
func (o *outbox) sendAndUnlock(ctx context.Context) {
	defer o.sending.unlock()
	if ended(ctx) == nil {
		o.sendNext(ctx)
	}
}

// sendNext sends the oldest batch, if there is one. The caller holds sending. A
// batch whose sender's context ends stays where it was, for the next one to send
// once more: its numbers are the same, and twice is as good as once.
func (o *outbox) sendNext(ctx context.Context) {
	next := o.take()
	if next == nil {
		return
	}
	err := o.publish(ctx, &message{
		origin: o.self, last: o.last.Load(), clock: o.clock.now(), operations: next.operations,
	})
	if err != nil && ended(ctx) != nil {
		return
	}
	o.remove(next, err)
	close(next.baton) // not with mu held, for which all who awake here ask next
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

// remove takes the oldest batch out of the queue, and keeps its memory.
func (o *outbox) remove(oldest *batch, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	oldest.sent, oldest.err = true, err
	o.waiting = o.waiting[1:]
	o.pending -= oldest.places
	o.bytes -= oldest.bytes
	o.change()
	clear(oldest.operations)
	clear(oldest.latest)
	o.spare = batch{operations: oldest.operations[:0], latest: oldest.latest}
}

// beat calls send, which may say that all numbers up to the last are out. What
// waits is sent before, as far as nobody else is there to do so: a heartbeat that
// waits for all callers would come too late where many are in the queue. The final
// one waits for everything.
func (o *outbox) beat(ctx context.Context, final bool, send func() error) error {
	if err := o.sending.lock(ctx); err != nil {
		return err
	}
	defer o.sending.unlock()
	for range o.before(final || len(o.carrying) == 0) {
		o.sendNext(ctx)
		if err := ended(ctx); err != nil {
			return err
		}
	}
	return send()
}

// before is how many messages a heartbeat comes after: all, or one that has its
// numbers.
func (o *outbox) before(all bool) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if all {
		return len(o.waiting)
	}
	if len(o.waiting) > 0 && o.waiting[0].numbered {
		return 1
	}
	return 0
}

// batches is how many messages wait to be sent.
func (o *outbox) batches() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting)
}

// wakeSender has Run send what waits.
func (o *outbox) wakeSender() {
	select {
	case o.unsent <- struct{}{}:
	default:
	}
}

// send sends what callers have left to Run, until ctx is done. Each message has the
// given time.
func (o *outbox) send(ctx context.Context, timeout time.Duration) {
	for {
		select {
		case <-o.unsent:
		case <-ctx.Done():
			return
		}
		for o.batches() > 0 && ctx.Err() == nil {
			o.sendOne(ctx, timeout)
		}
	}
}

func (o *outbox) sendOne(ctx context.Context, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if o.sending.lock(ctx) == nil {
		o.sendAndUnlock(ctx)
	}
}
