package redis

import (
	"cmp"
	"context"
	"time"
)

// anyToken is that of a PING for which nobody waits.
const anyToken = "ping"

// write serves the server's side of the topics, and PINGs three times within
// the time-out, so that a link that lives is never silent for that long. While
// the link is down it leaves it to read, which opens it again.
func (l *link) write() {
	ticker := time.NewTicker(l.timeout / 3)
	defer ticker.Stop()
	for first := true; ; first = false {
		select {
		case <-l.wake:
			l.settle("")
		case <-ticker.C:
			l.askAgain()
			l.settle(anyToken)
		case <-l.closing.Done():
			return
		}
		if first {
			close(l.dialled)
		}
	}
}

// linkWindow bounds what the server was told and has not answered, in bytes: it answers
// with each name, and closes a connection that has too much to read. Those who join have
// a window of their own, and so has what is subscribed to again.
const linkWindow = 256 << 10

// fits reports whether a topic may be added to a window that holds so much.
func fits(held int, t *topic) bool { return held == 0 || held+t.cost() <= linkWindow }

// batch is what is written in one go. The PONG of its token says that the server has
// answered all of it.
type batch struct {
	token    string
	joining  int // bytes of the window of those who join
	resuming int // bytes of the other
	commands [topicKinds]struct{ subscribe, unsubscribe []string }
	asked    []*topic
	members  []*member // that wait to become live
}

// settle brings the server's subscriptions in line with the topics, as far as the window
// allows, and asks for a PONG, for those who wait to become live or under the given token.
func (l *link) settle(token string) {
	w, b := l.nextBatch(token)
	if b == nil {
		return
	}
	// A deadline bounds the handshake, should the link have to be opened.
	var deadline *readDeadline
	ctx := deadline.renewed(w.ctx, l.timeout)
	var err error
	for kind, unsubscribe := range [topicKinds]func(context.Context, ...string) error{w.Unsubscribe, w.PUnsubscribe, w.SUnsubscribe} {
		if names := b.commands[kind].unsubscribe; len(names) > 0 {
			err = cmp.Or(err, unsubscribe(ctx, names...))
		}
	}
	// One by one, so that the server refuses none because of another.
	for kind, subscribe := range [topicKinds]func(context.Context, ...string) error{w.Subscribe, w.PSubscribe, w.SSubscribe} {
		for _, name := range b.commands[kind].subscribe {
			err = cmp.Or(err, subscribe(ctx, name))
		}
	}
	if err = cmp.Or(err, w.Ping(ctx, b.token)); err != nil {
		l.lost(w, err)
	}
}

// nextBatch returns what to write next and where, nil if nothing is to be written.
func (l *link) nextBatch(token string) (*wire, *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return nil, nil // of a batch on a connection that has broken nothing would be heard
	}
	b := &batch{token: token}
	l.addJoins(b)
	l.addQueued(b)
	if len(b.members) == 0 && b.resuming == 0 {
		if token == "" {
			return nil, nil
		}
		return l.wire, b
	}
	b.token = l.next()
	l.batches[b.token] = b
	l.joining += b.joining
	l.resuming += b.resuming
	return l.wire, b
}

// addJoins adds members that wait to become live.
func (l *link) addJoins(b *batch) {
	for len(l.joins) > 0 {
		m := l.joins[0]
		if t := l.topics[m.topic]; t != nil && !t.asked {
			if !fits(l.joining+b.joining, t) {
				return
			}
			b.joining += t.cost()
			b.subscribe(t)
		}
		l.joins[0], l.joins = nil, l.joins[1:]
		b.members = append(b.members, m)
	}
}

// addQueued adds topics that are subscribed to again, or not any more.
func (l *link) addQueued(b *batch) {
	for len(l.queue) > 0 {
		t := l.queue[0]
		if wanted := len(t.members) > 0; wanted != t.asked {
			if !fits(l.resuming+b.resuming, t) {
				return
			}
			b.resuming += t.cost()
			if wanted {
				b.subscribe(t)
			} else {
				b.unsubscribe(t)
				delete(l.topics, t.name)
			}
		}
		l.queue[0], l.queue = nil, l.queue[1:]
		t.queued = false
	}
}

func (b *batch) subscribe(t *topic) {
	commands := &b.commands[t.name.kind]
	commands.subscribe = append(commands.subscribe, t.name.name)
	b.asked = append(b.asked, t)
	t.asked = true
}

func (b *batch) unsubscribe(t *topic) {
	commands := &b.commands[t.name.kind]
	commands.unsubscribe = append(commands.unsubscribe, t.name.name)
	t.asked, t.confirmed = false, false
}

// askAgain has write ask again for what has not been confirmed since a break.
func (l *link) askAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.topics {
		if t.missing && !t.asked {
			l.enqueue(t)
		}
	}
}

// refused keeps an answer of the server's that it does not let us subscribe. It
// does not say to what; that shows when the PONG comes that follows.
func (l *link) refused(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusal = err
}

// lost notes that a connection of the link broke. What it lost, the subscriptions are
// told when the server has confirmed them anew: until then they may lose more.
func (l *link) lost(w *wire, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wire != w {
		return // it was replaced already
	}
	l.down = err
	l.breaks++
	waiting := l.joins
	for _, b := range l.batches {
		waiting = append(waiting, b.members...)
	}
	for _, m := range waiting {
		m.joined <- err
	}
	clear(l.batches)
	l.joins, l.queue, l.joining, l.resuming = nil, nil, 0, 0
	for name, t := range l.topics {
		t.missing = t.missing || t.isLive()
		t.queued, t.asked, t.confirmed = false, false, false
		if len(t.members) > 0 {
			l.enqueue(t)
		} else {
			delete(l.topics, name)
		}
	}
}
