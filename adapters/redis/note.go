package redis

import (
	"context"
	"slices"
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
	for stopped := false; !stopped; {
		select {
		case <-a.wake:
		case <-a.done:
			stopped = true
		}
		for notes := a.take(); len(notes) > 0 && a.sending.Err() == nil; notes = a.take() {
			a.flush(notes)
		}
	}
}

// take returns the oldest notes, without those for which no publisher waits any more.
func (a *acknowledger) take() []note {
	a.mu.Lock()
	defer a.mu.Unlock()
	var taken []note
	now, count := time.Now(), 0
	for _, n := range a.notes {
		if len(taken) == ackChunk {
			break
		}
		count++
		if now.Before(n.to.until()) {
			taken = append(taken, n)
		}
	}
	a.notes = a.notes[count:]
	if len(a.notes) == 0 {
		a.notes = nil
	}
	return taken
}

// message is what notes are about.
type message struct {
	handle string
	number uint64
}

// flush sends notes, those on one message in one script. It sends a script
// again if a connection broke or the server was not primary, because the script counts
// once what comes twice. It gives up when no publisher waits any more, or after
// ackFlushTimeout. Then the publisher counts too few, as after any refusal of the server.
func (a *acknowledger) flush(notes []note) {
	calls := map[message][]any{}
	var order []message
	var last time.Time
	for _, n := range notes {
		m := message{n.to.handle, n.to.number}
		if calls[m] == nil {
			order = append(order, m)
			linger := n.to.patience() + ackLinger
			calls[m] = []any{a.c.names.publish(), a.c.names.inboxes + m.handle, m.number, linger.Milliseconds()}
		}
		calls[m] = append(calls[m], n.what, n.id, n.count)
		if until := n.to.until(); until.After(last) {
			last = until
		}
	}
	ctx, cancel := context.WithTimeout(a.sending, min(ackFlushTimeout, time.Until(last)))
	defer cancel()
	for pause := firstPause; len(order) > 0; pause = min(2*pause, longestPause) {
		failed, unknown := a.sendScripts(ctx, order, calls, "evalsha", ackScript.hash)
		unsent, _ := a.sendScripts(ctx, unknown, calls, "eval", ackScript.source)
		order = slices.Concat(failed, unsent)
		if len(order) > 0 && !rest(ctx, pause) {
			return
		}
	}
}

// sendScripts sends the notes on each of the messages, pipelined within one window. It
// returns the messages to send again, and those whose script the server does not know.
func (a *acknowledger) sendScripts(ctx context.Context, order []message, calls map[message][]any, command, script string) (again, unknown []message) {
	w := &window{ctx: ctx}
	for _, m := range order {
		w.add(a.c.home, func(_ any, err error) {
			switch {
			case isNoScript(err):
				unknown = append(unknown, m)
			case err != nil && (!isRefusal(err) || isWrongServer(err)):
				again = append(again, m)
			}
		}, scriptCall(command, script, a.record(m.handle, m.number), calls[m])...)
	}
	w.drain()
	return again, unknown
}

// rest waits, and reports whether ctx goes on.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
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
