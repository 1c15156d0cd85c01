package broken

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// audience is the open subscriptions of a namespace, and what is on its way to
// each, for faults in what a subscription gets to see of a message.
type audience struct {
	mu        sync.Mutex // guards what follows
	listeners []*listener
	latest    map[string]coordination.Message // by channel
	taken     chan struct{}                   // closed when a message is taken, or a listener leaves
	gone      []*listener                     // those that have left

	// reword has a fault change what a message tells; nil where it does not.
	reword func(message coordination.Message, acked bool) coordination.Message
}

// listener is an open subscription. The lock of its audience guards what may
// change.
type listener struct {
	a       *adapter
	pattern string
	taken   string // what the pattern is taken for, where that is known
	number  int    // of the subscriptions that its handle has opened
	opened  time.Time

	fates  []delivery             // of the messages that it has not taken, in order
	kept   []coordination.Message // which it took, and has yet to return
	deaf   bool
	behind bool // by a hundred messages, when the last one was published
	left   time.Time
}

// delivery is a message on its way to one subscription.
type delivery struct {
	fate
	takers *takers // of a message that is to be acknowledged
}

// takers are those who have taken a message. The lock of the audience guards it.
type takers struct {
	listeners []*listener
	took      func() // nil where nobody is to be told
}

// fate is what becomes of a message on its way to one subscription. The zero
// fate is that it is returned from Next.
type fate struct {
	hidden bool // it is not
	again  int  // how often it is returned once more
	lost   int  // how many are told to be lost before it
}

// publication is a message that is being published, with those who are to get it.
type publication struct {
	from      *adapter
	channel   string
	payload   []byte
	takers    *takers // nil where it is not to be acknowledged
	listeners []*listener
}

// listened is a fault for the messages of a namespace: decide is called for each
// one and for each subscription that it goes to, with the lock held.
func listened(decide func(p publication, l *listener) fate) func(*backend) func(*adapter) {
	return byNamespace(func(a *adapter, all *audience) { all.join(a, decide) })
}

// join has the audience know of the handle's messages and subscriptions.
func (all *audience) join(a *adapter, decide func(p publication, l *listener) fate) {
	good, number := a.methods, 0
	a.publish = func(ctx context.Context, channel string, payload []byte) error {
		if condition, _ := a.link.is(); condition != whole {
			return good.publish(ctx, channel, payload) // it would wait with the lock held
		}
		all.mu.Lock()
		defer all.mu.Unlock()
		if err := good.publish(ctx, channel, payload); err != nil {
			return err
		}
		all.decide(publication{from: a, channel: channel, payload: payload}, decide)
		if all.latest == nil {
			all.latest = map[string]coordination.Message{}
		}
		all.latest[channel] = coordination.Message{Channel: channel, Payload: slices.Clone(payload), Timestamp: time.Now()}
		return nil
	}
	a.publishWithAck = func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
		acks, _, err := all.publishWithAck(ctx, a, good, publication{from: a, channel: channel, payload: payload}, timeout, decide)
		return acks, err
	}
	a.subscriptions(func(pattern string, s *subscription) {
		all.mu.Lock()
		defer all.mu.Unlock()
		number++
		l := &listener{a: a, pattern: pattern, number: number, opened: time.Now()}
		all.listeners = append(all.listeners, l)
		next, shut := s.next, s.close
		s.next = func(ctx context.Context) (coordination.Message, error) { return all.next(ctx, l, next) }
		s.close = func() error {
			all.leave(func(left *listener) bool { return left == l })
			return shut()
		}
	})
	a.close = func() error {
		all.leave(func(left *listener) bool { return left.a == a })
		return good.close()
	}
}

// publishWithAck also returns what was published, with those who have taken it;
// of a call that is refused, without listeners and takers.
func (all *audience) publishWithAck(
	ctx context.Context, a *adapter, good methods, p publication, timeout time.Duration, decide func(p publication, l *listener) fate,
) (int, publication, error) {
	if a.admits(ctx, good, p.channel, p.payload, timeout) {
		all.mu.Lock()
		p.takers = &takers{}
		p.listeners = all.matching(p.channel)
		all.decide(p, decide)
		all.mu.Unlock()
	}
	acks, err := good.publishWithAck(ctx, p.channel, p.payload, timeout)
	return acks, p, err
}

// admits reports whether a PublishWithAck comes to publish.
func (a *adapter) admits(ctx context.Context, good methods, channel string, payload []byte, timeout time.Duration) bool {
	if coordination.CheckName("", "", channel) != nil || coordination.CheckPayload("", "", payload) != nil ||
		coordination.CheckTimeout("", timeout) != nil || coordination.CheckContext("", ctx) != nil {
		return false
	}
	condition, _ := a.link.is()
	if condition != whole {
		return false
	}
	_, err := good.healthCheck(ctx)
	return err == nil
}

// decide is called with the lock held.
func (all *audience) decide(p publication, decide func(p publication, l *listener) fate) {
	p.listeners = all.matching(p.channel)
	for _, l := range p.listeners {
		l.behind = len(l.fates) >= 100
		its := decide(p, l)
		l.fates = append(l.fates, delivery{its, p.takers})
		if its != (fate{}) {
			l.a.strike()
		}
	}
}

// matching is called with the lock held.
func (all *audience) matching(channel string) []*listener {
	var matching []*listener
	for _, l := range all.listeners {
		if coordination.Match(l.pattern, channel) {
			matching = append(matching, l)
		}
	}
	return matching
}

func (all *audience) leave(left func(*listener) bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.listeners = slices.DeleteFunc(all.listeners, func(l *listener) bool {
		if !left(l) {
			return false
		}
		l.fates, l.kept, l.left = nil, nil, time.Now()
		all.gone = append(all.gone, l)
		return true
	})
	all.signal()
}

// signal is called with the lock held.
func (all *audience) signal() {
	if all.taken != nil {
		close(all.taken)
		all.taken = nil
	}
}

// progress returns a channel that is closed when a message is taken. It is called
// with the lock held.
func (all *audience) progress() <-chan struct{} {
	if all.taken == nil {
		all.taken = make(chan struct{})
	}
	return all.taken
}

// next is Next of a listener, made of a good one.
func (all *audience) next(
	ctx context.Context, l *listener, good func(context.Context) (coordination.Message, error),
) (coordination.Message, error) {
	for {
		if ctx != nil && ctx.Err() == nil {
			if message, ok := all.unpack(l); ok {
				return message, nil
			}
		}
		message, err := good(ctx)
		if err != nil {
			all.skip(l, err)
			return message, err
		}
		its := all.take(l, &message)
		switch {
		case its.hidden:
		case its.lost > 0:
			return coordination.Message{}, &coordination.MessagesLostError{Count: its.lost}
		default:
			return message, nil
		}
	}
}

// unpack returns a message that was kept.
func (all *audience) unpack(l *listener) (message coordination.Message, ok bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(l.kept) == 0 {
		return message, false
	}
	message = l.kept[0]
	message.Pattern, message.Payload = l.pattern, slices.Clone(message.Payload)
	l.kept = l.kept[1:]
	return message, true
}

// take returns the fate of a message that was taken, and keeps it where it is to
// be returned later, or again.
func (all *audience) take(l *listener, message *coordination.Message) (its delivery) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(l.fates) > 0 {
		its = l.fates[0]
		l.fates = l.fates[1:]
	}
	if its.takers != nil {
		its.takers.listeners = append(its.takers.listeners, l)
		if its.takers.took != nil {
			its.takers.took()
		}
	}
	if all.reword != nil {
		*message = all.reword(*message, its.takers != nil)
	}
	if its.lost > 0 {
		l.kept = append(l.kept, *message)
	}
	for range its.again {
		l.kept = append(l.kept, *message)
	}
	all.signal()
	return its
}

// skip forgets the fates of messages that were lost on the way.
func (all *audience) skip(l *listener, err error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	var gap *coordination.MessagesLostError
	switch {
	case !errors.As(err, &gap):
	case gap.Count == 0:
		l.fates = nil
	default:
		l.fates = l.fates[min(gap.Count, len(l.fates)):]
	}
}

// exact reports whether its pattern is one channel.
func (l *listener) exact() bool {
	_, exact := coordination.LiteralPrefix(l.pattern)
	return exact
}

// settle lets all others go on until they wait, which takes a nanosecond of
// virtual time.
func (a *adapter) settle() { time.Sleep(time.Nanosecond) }
