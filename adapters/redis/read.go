package redis

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
)

var (
	errSilent      = errors.New("no answer on the link of the subscriptions")
	errUnconfirmed = errors.New("the server has not confirmed the subscription")
)

// The pause after a failed attempt to connect again doubles up to the longest.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = 500 * time.Millisecond
)

// read takes what comes in, in its order, until the handle closes.
func (l *link) read() {
	select {
	case <-l.dialled:
	case <-l.closing.Done():
		return
	}
	var deadline *readDeadline
	pause := time.Duration(0)
	for l.closing.Err() == nil {
		w, isNew := l.current()
		// A deadline, not a time-out: to go-redis a time-out is no reason to
		// drop the connection, and what it had read of a frame is gone.
		deadline = deadline.renewed(w.ctx, l.timeout)
		received, err := l.receive(deadline, w, isNew)
		switch {
		case err == nil:
			pause = 0
			l.handle(received)
		case isRefusal(err):
			l.refused(err)
			pause = l.rest(pause)
		default:
			l.lost(w, err)
			pause = l.rest(pause)
		}
	}
}

// current returns the connection to read from: a new one if the last has broken.
func (l *link) current() (w *wire, isNew bool) {
	l.mu.Lock()
	w, isNew = l.wire, l.down != nil
	l.mu.Unlock()
	if !isNew {
		return w, false
	}
	_ = w.Close() // without the lock: it waits for a write under way
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wire = l.newWire()
	return l.wire, true
}

// receive takes what comes next, of a new connection the answer to a PING. The error of a
// server that takes no command at all is a brokenLinkError.
func (l *link) receive(ctx context.Context, w *wire, isNew bool) (any, error) {
	if isNew {
		if err := w.Ping(ctx, anyToken); err != nil {
			return nil, brokenLinkError{err} // also if the server refused the handshake
		}
	}
	received, err := w.Receive(ctx)
	for _, code := range []string{"LOADING", "MASTERDOWN", "NOAUTH", "MOVED", "CLUSTERDOWN"} {
		if redis.HasErrorPrefix(err, code) {
			l.c.home.drop(err)
			return nil, brokenLinkError{err}
		}
	}
	if redis.HasErrorPrefix(err, "NOPERM") && strings.Contains(err.Error(), "'ping'") {
		return nil, brokenLinkError{err} // no PONG will come
	}
	return received, err
}

// brokenLinkError is why there is no link. It hides that the reason may be a refusal of the
// server, which otherwise concerns one subscription.
type brokenLinkError struct{ reason error }

func (b brokenLinkError) Error() string { return b.reason.Error() }

// rest waits after an error, not at all after the first, and returns for how
// long to wait after the next.
func (l *link) rest(pause time.Duration) time.Duration {
	if pause == 0 {
		return firstPause
	}
	rest(l.closing, pause)
	return min(2*pause, longestPause)
}

// readDeadline is a context with a deadline that costs no timer.
type readDeadline struct {
	context.Context
	until time.Time
}

func (d *readDeadline) Deadline() (time.Time, bool) { return d.until, true }

// renewed returns a deadline of at least timeout and at most a quarter more
// from now, the same one again as long as it is.
func (d *readDeadline) renewed(parent context.Context, timeout time.Duration) *readDeadline {
	now := time.Now()
	if d != nil && d.Context == parent && d.until.Sub(now) >= timeout {
		return d
	}
	return &readDeadline{Context: parent, until: now.Add(timeout + timeout/4)}
}

func (l *link) handle(received any) {
	l.mu.Lock()
	var regained []*member
	switch received := received.(type) {
	case *redis.Message:
		l.deliver(received)
	case *redis.Pong:
		l.enliven(received.Payload)
	case *redis.Subscription:
		regained = l.changed(received)
	}
	if l.down != nil {
		l.down = nil
		l.nudge() // write has left alone what came up meanwhile
	}
	l.mu.Unlock()
	for _, m := range regained {
		m.regained()
	}
}

// enliven ends a batch: all of it that was not confirmed was refused. Those who have
// waited for its PONG become live.
func (l *link) enliven(token string) {
	b := l.batches[token]
	if b == nil {
		return
	}
	delete(l.batches, token)
	l.joining -= b.joining
	l.resuming -= b.resuming
	l.answered = time.Now()
	for _, t := range b.asked {
		t.asked = t.asked && t.confirmed
	}
	for _, m := range b.members {
		if m.topic == (topicName{}) { // waits for the PONG alone
			m.joined <- nil
			continue
		}
		t := l.topics[m.topic]
		if t == nil || !t.confirmed {
			m.joined <- cmp.Or(l.refusal, errUnconfirmed)
			continue
		}
		m.live = t.has(m)
		m.joined <- nil
	}
	if len(l.joins) > 0 || len(l.queue) > 0 {
		l.nudge() // the window has room again
	}
}

// changed handles the server's word that it has subscribed us to a topic, or
// that it has not any more: a node does so with sharded channels when another one begins
// to serve their slot.
func (l *link) changed(s *redis.Subscription) (regained []*member) {
	l.answered = time.Now()
	t := l.topics[topicName{name: s.Channel, kind: kindOf(s.Kind)}]
	switch {
	case t == nil:
	case !strings.HasSuffix(s.Kind, "unsubscribe"):
		t.asked, t.confirmed = true, true
		if t.missing {
			t.missing = false
			return t.regain()
		}
	default:
		if t.confirmed && t.name.kind == shardChannel {
			t.missing = t.isLive()
			t.asked = false
			l.enqueue(t)
			l.nudge()
		}
		t.confirmed = false
	}
	return nil
}

// kindOf returns the kind of topic that the server's word is about.
func kindOf(word string) topicKind {
	switch {
	case strings.HasPrefix(word, "p"):
		return globPattern
	case word == "ssubscribe" || word == "sunsubscribe":
		return shardChannel
	default:
		return channel
	}
}

// deliver passes a message on to the live members of its topic.
func (l *link) deliver(message *redis.Message) {
	name := topicName{name: message.Channel, kind: l.c.names.exact}
	if message.Pattern != "" {
		name = topicName{name: message.Pattern, kind: globPattern}
	}
	t := l.topics[name]
	if t == nil {
		t = l.newTopic(name) // all have left meanwhile, for which a publisher may be waiting
	}
	channel := strings.TrimPrefix(message.Channel, l.c.names.channels)
	at, from, payload, err := decode(message.Payload)
	shared := delivery.Message{Channel: channel, Payload: payload, Timestamp: at}
	if from != nil {
		from.received = time.Now()
		l.announce(t, channel, from)
	}
	for _, m := range t.members {
		switch {
		case !m.live:
		case m.subscription == nil:
			m.hear(message.Payload)
		case !m.wants(channel):
		case err != nil:
			m.subscription.Lose() // a message of a version that we can't read
		default:
			m.push(shared, l.c.acks, from)
		}
	}
}

// announce notes how many subscriptions a frame goes to, before any of them can
// take it.
func (l *link) announce(t *topic, channel string, from *origin) {
	count := 0
	for _, m := range t.members {
		if m.live && m.wants(channel) {
			count++
		}
	}
	l.c.acks.note(note{from, "frame", t.frame, count})
}
