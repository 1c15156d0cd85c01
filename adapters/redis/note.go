package redis

import (
	"context"
	"time"
)

// note is something that the publisher of a message is to know.
type note struct {
	to    *origin
	what  string // frame, taken or gone; see ack.lua
	id    string // of the frame or the subscription
	count int    // of subscriptions that a frame goes to
}

// note queues a note and never blocks.
func (a *acknowledger) note(n note) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped || len(a.notes) >= ackBacklog {
		return
	}
	a.notes = append(a.notes, n)
	if !a.started {
		a.started = true
		a.running.Go(a.send)
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// send sends what is queued, until stop.
func (a *acknowledger) send() {
	for {
		select {
		case <-a.wake:
			a.flush()
		case <-a.done:
			a.flush()
			return
		}
	}
}

// flush sends the queued notes, those on one message in one script, and all
// scripts pipelined within one window.
func (a *acknowledger) flush() {
	a.mu.Lock()
	notes := a.notes
	a.notes = nil
	a.mu.Unlock()
	type message struct {
		handle string
		number uint64
	}
	calls := map[message][]any{}
	var order []message
	for _, n := range notes {
		m := message{n.to.handle, n.to.number}
		if calls[m] == nil {
			order = append(order, m)
			linger := min(n.to.timeout, uint64(ackLongest/time.Millisecond)) + uint64(ackLinger/time.Millisecond)
			calls[m] = []any{a.c.names.inboxes + m.handle, m.number, linger}
		}
		calls[m] = append(calls[m], n.what, n.id, n.count)
	}
	ctx, cancel := context.WithTimeout(a.sending, ackFlushTimeout)
	defer cancel()
	var unknown []message // to a server that does not have the script
	w := &window{ctx: ctx}
	for _, m := range order {
		// Another error means too low a count for the publisher, which a fault may
		// cause. Nobody waits here for that error.
		w.add(a.c.home, func(_ any, err error) {
			if isNoScript(err) {
				unknown = append(unknown, m)
			}
		}, scriptCall("evalsha", ackScript.hash, a.record(m.handle, m.number), calls[m])...)
	}
	w.drain()
	for _, m := range unknown {
		w.add(a.c.home, func(any, error) {}, scriptCall("eval", ackScript.source, a.record(m.handle, m.number), calls[m])...)
	}
	w.drain()
}

func (a *acknowledger) record(handle string, number uint64) []string {
	return []string{a.c.names.ackRecord(handle, number)}
}

// stop sends what is queued, for a second at the most, and ends.
func (a *acknowledger) stop() {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	close(a.done)
	timer := time.AfterFunc(ackCloseTimeout, a.cancel)
	defer timer.Stop()
	defer a.cancel()
	a.running.Wait()
}
