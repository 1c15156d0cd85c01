// Package delivery is what lies between a backend and the caller of Next, the
// same for every adapter: the bounded buffer of a subscription with its gaps,
// and the rates that Stats tells.
package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

const (
	// DefaultBuffer is how many messages a subscription holds for a slow reader
	// where the adapter's options do not say.
	DefaultBuffer = 8192

	// MaxBuffered bounds what a subscription holds in bytes. The newest message
	// is always held, however large.
	MaxBuffered = 64 << 20
)

// Message is a message on its way to Next. Its payload is a string, so that
// subscriptions can share it; each receiver gets bytes of its own.
type Message struct {
	Channel   string
	Payload   string
	Timestamp time.Time
	// Receipt is told what becomes of the message; nil where nobody asks.
	Receipt Receipt
}

// Receipt is told, at most once for each subscription, that Next has returned
// the message, or that the subscription was closed before. A message that is
// dropped from a full buffer is not reported. The calls must not block.
type Receipt interface {
	Taken(*Subscription)
	Abandoned(*Subscription)
}

// Subscription is a coordination.Subscription that an adapter pushes into.
type Subscription struct {
	pattern  string
	capacity int
	received *Rate
	detach   func(*Subscription)

	wake   chan struct{} // holds a token while there may be something to take
	closed chan struct{}

	mu       sync.Mutex // guards what follows
	buffer   ring
	bytes    int
	tail     gap // after the last message in the buffer
	isClosed bool
}

var _ coordination.Subscription = (*Subscription)(nil)

// NewSubscription returns an open subscription that holds up to capacity
// messages (DefaultBuffer where that is 0) and counts in received what Next
// returns. Close calls detach once, before it returns, to take the subscription
// out of the adapter's index.
func NewSubscription(pattern string, capacity int, received *Rate, detach func(*Subscription)) *Subscription {
	if capacity <= 0 {
		capacity = DefaultBuffer
	}
	return &Subscription{
		pattern:  pattern,
		capacity: capacity,
		received: received,
		detach:   detach,
		wake:     make(chan struct{}, 1),
		closed:   make(chan struct{}),
	}
}

// Pattern returns the pattern that the subscription was opened with.
func (s *Subscription) Pattern() string { return s.pattern }

// Push appends a message and never blocks: where the buffer is full it drops
// the oldest, at whose place Next then reports the gap. It returns false, and
// has no effect, after Close.
func (s *Subscription) Push(message Message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return false
	}
	s.bytes += len(message.Payload)
	for s.buffer.len() > 0 && (s.buffer.len() >= s.capacity || s.bytes > MaxBuffered) {
		s.drop()
	}
	added := s.buffer.extend()
	added.Message = message
	if s.tail != (gap{}) {
		added.before = s.tail
		s.tail = gap{}
	}
	s.signal()
	return true
}

// drop drops the oldest message.
func (s *Subscription) drop() {
	dropped := s.buffer.front()
	s.bytes -= len(dropped.Payload)
	missing := dropped.before
	missing.count++
	s.buffer.shift()
	next := s.firstGap()
	missing.add(*next)
	*next = missing
}

// Lose marks a gap of unknown size after the last message.
func (s *Subscription) Lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isClosed {
		s.tail.add(gap{unknown: true})
		s.signal()
	}
}

// Next implements coordination.Subscription.
func (s *Subscription) Next(ctx context.Context) (coordination.Message, error) {
	if err := coordination.CheckContext("next", ctx); err != nil {
		return coordination.Message{}, err
	}
	for {
		taken, ready, err := s.take(ctx)
		if err != nil {
			return coordination.Message{}, err
		}
		if ready {
			return s.deliver(taken), nil
		}
		select {
		case <-s.wake:
		case <-s.closed:
		case <-ctx.Done():
		}
	}
}

// take returns what Next has to return, if that is known without waiting.
func (s *Subscription) take(ctx context.Context) (taken Message, ready bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return taken, false, closedError()
	}
	if err := ctx.Err(); err != nil {
		// This Next may have been woken for a message that it leaves to others.
		s.resignal()
		return taken, false, err
	}
	if lost := s.firstGap(); !lost.empty() {
		err := lost.error()
		*lost = gap{}
		s.resignal()
		return taken, false, err
	}
	if s.buffer.len() == 0 {
		return taken, false, nil
	}
	taken = s.buffer.front().Message
	s.buffer.shift()
	s.bytes -= len(taken.Payload)
	s.resignal()
	return taken, true, nil
}

// deliver makes of a message what Next returns. It is done without the lock:
// copying a large payload must not hold back who pushes.
func (s *Subscription) deliver(taken Message) coordination.Message {
	if taken.Receipt != nil {
		taken.Receipt.Taken(s)
	}
	now := time.Now()
	s.received.Add(now)
	message := coordination.Message{
		Channel:   taken.Channel,
		Pattern:   s.pattern,
		Payload:   []byte(taken.Payload),
		Timestamp: taken.Timestamp,
	}
	if message.Timestamp.After(now) {
		message.Timestamp = time.Time{}
	}
	return message
}

func (s *Subscription) firstGap() *gap {
	if s.buffer.len() > 0 {
		return &s.buffer.front().before
	}
	return &s.tail
}

// Close implements coordination.Subscription.
func (s *Subscription) Close() error {
	abandoned, first := s.end()
	if !first {
		return nil
	}
	for _, receipt := range abandoned {
		receipt.Abandoned(s)
	}
	s.detach(s)
	return nil
}

func (s *Subscription) end() (abandoned []Receipt, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return nil, false
	}
	s.isClosed = true
	close(s.closed)
	for s.buffer.len() > 0 {
		if receipt := s.buffer.front().Receipt; receipt != nil {
			abandoned = append(abandoned, receipt)
		}
		s.buffer.shift()
	}
	s.buffer = ring{}
	return abandoned, true
}

// signal wakes one Next. One token is enough for several: each that takes
// something passes it on with resignal while there is more.
func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Subscription) resignal() {
	if s.buffer.len() > 0 || !s.tail.empty() {
		s.signal()
	}
}
