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
			if !l.isDown() {
				l.settle("")
			}
		case <-ticker.C:
			if !l.isDown() {
				l.askAgain()
				l.settle(anyToken)
			}
		case <-l.closing.Done():
			return
		}
		if first {
			close(l.dialled)
		}
	}
}

// settle brings the server's subscriptions in line with the topics, and then
// asks for a PONG, for those who wait to become live or under the given token.
func (l *link) settle(token string) {
	add, remove, token := l.changes(token)
	// A deadline bounds the handshake, should the link have to be opened.
	var deadline *readDeadline
	ctx := deadline.renewed(l.closing, l.timeout)
	var err error
	for kind, unsubscribe := range [topicKinds]func(context.Context, ...string) error{l.pubsub.Unsubscribe, l.pubsub.PUnsubscribe, l.pubsub.SUnsubscribe} {
		if len(remove[kind]) > 0 {
			err = cmp.Or(err, unsubscribe(ctx, remove[kind]...))
		}
	}
	// One by one, so that the server refuses none because of another.
	for kind, subscribe := range [topicKinds]func(context.Context, ...string) error{l.pubsub.Subscribe, l.pubsub.PSubscribe, l.pubsub.SSubscribe} {
		for _, name := range add[kind] {
			err = cmp.Or(err, subscribe(ctx, name))
		}
	}
	if token != "" {
		err = cmp.Or(err, l.pubsub.Ping(ctx, token))
	}
	if err != nil {
		l.lost(err)
	}
}

// changes returns what to subscribe to and what to unsubscribe from, by kind, and a
// token of their own for those who wait.
func (l *link) changes(token string) (add, remove [topicKinds][]string, _ string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.touched {
		switch wanted := l.topics[name] != nil; {
		case wanted && (!l.asked[name] || l.again[name]):
			add[name.kind] = append(add[name.kind], name.name)
			l.asked[name] = true
		case !wanted && l.asked[name]:
			remove[name.kind] = append(remove[name.kind], name.name)
			delete(l.asked, name)
		}
		delete(l.again, name)
	}
	clear(l.touched)
	if len(l.joins) > 0 {
		token = l.next()
		l.tokens[token] = l.joins
		l.joins = nil
	}
	return add, remove, token
}

// askAgain has write ask again for what has not been confirmed since a break.
func (l *link) askAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.missing {
		l.again[name], l.touched[name] = true, true
	}
}

// refused keeps an answer of the server's that it does not let us subscribe. It
// does not say to what; that shows when the PONG comes that follows.
func (l *link) refused(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusal = err
}

// lost notes that the link broke. What it lost, the subscriptions are told when
// the server has confirmed them anew: until then they may lose more.
func (l *link) lost(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = err
	l.breaks++
	for name, t := range l.topics {
		if t.isLive() {
			l.missing[name] = true
		}
	}
	clear(l.confirmed)
	l.tokens[anyToken] = l.joins
	l.joins = nil
	for _, waiting := range l.tokens {
		for _, m := range waiting {
			m.joined <- err
		}
	}
	clear(l.tokens)
}
