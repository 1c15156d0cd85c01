package sync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// ProcessOperation applies what another node has told, as Run does with what it
// hears; for those who carry operations by a way of their own. An operation of
// this node's own, or one that has been applied, changes nothing, nor does one
// that the ConsensusManager rejects. One that has neither Stamp nor Timestamp
// counts as made now. With Epoch and Seq its number is followed as if Run had heard
// it; where one before it does not come in time, what is older than this call counts as
// missed. It copies operation.Value.
//
// Errors: coordination.ErrInvalidArgument, also for an Origin that is missing;
// coordination.ErrClosed while Run ends, and after; what the cache returned;
// ctx.Err().
func (s *DistributedSync) ProcessOperation(ctx context.Context, operation Operation) error {
	const call = "process"
	if err := s.admit(ctx, call, operation.check(call)); err != nil {
		return err
	}
	if operation.Origin == s.self.node && (operation.Epoch == 0 || operation.Epoch == s.self.epoch) {
		return nil
	}
	if err := s.believe(call, operation); err != nil {
		return err
	}
	operation.Value = bytes.Clone(operation.Value)
	m := s.asMessage(operation)
	if err := m.check(); err != nil || m.unread != nil {
		return fmt.Errorf("%s: %w: %w", call, errors.Join(err, m.unread), coordination.ErrInvalidArgument)
	}
	if err := s.handle(ctx, m); err != nil {
		return fmt.Errorf("%s %s %q: %w", call, operation.Type, operation.Key, err)
	}
	return nil
}

// believe refuses a stamp that would drag the clocks of all nodes along.
func (s *DistributedSync) believe(call string, operation Operation) error {
	if operation.Stamp.Wall > s.clock.farthest() || operation.Timestamp.UnixMicro() > s.clock.farthest() {
		return invalid(call, "stamp", "or timestamp is more than ten years ahead")
	}
	return nil
}

func (s *DistributedSync) asMessage(operation Operation) *message {
	from := incarnation{operation.Origin, operation.Epoch}
	switch {
	case operation.Stamp.Wall != 0:
	case !operation.Timestamp.IsZero():
		operation.Stamp.Wall = operation.Timestamp.UnixMicro()
	default:
		operation.Stamp = s.clock.now()
	}
	operation.Stamp.Priority, operation.Stamp.Node, operation.Stamp.Epoch = operation.Priority, from.node, from.epoch
	// Its stamp does not bound those of the operations before it: that of a lease is
	// older than it is itself. By now is when all of them were made.
	m := &message{origin: from, last: operation.Seq, clock: latest(operation.Stamp, s.clock.now())}
	if operation.Type == Heartbeat {
		m.heartbeat = &heartbeat{wall: operation.Timestamp}
	} else {
		m.operations = []Operation{operation}
	}
	return m
}

// hear handles a message of the channel that all nodes listen to.
func (s *DistributedSync) hear(ctx context.Context, m *message) {
	_ = s.handle(ctx, m) // the cache's failures are told as events, and repaired
	if m.heartbeat != nil && m.heartbeat.released {
		s.election.Nudge()
	}
}

// handle applies what is new in a message.
func (s *DistributedSync) handle(ctx context.Context, m *message) error {
	if m.origin == s.self {
		now := time.Now()
		s.peers.echo(now)
		if m.heartbeat != nil {
			if sent := s.canary.echo(m.heartbeat.beat, m.clock, now); !sent.IsZero() {
				s.heartbeatReturned(sent)
			}
		}
		return nil
	}
	s.clock.merge(m.clock)
	for _, operation := range m.operations {
		s.clock.merge(operation.Stamp)
	}
	if err := s.applying.lock(ctx); err != nil {
		return err
	}
	defer s.applying.unlock()
	timeout := s.callTimeout(ctx)
	defer timeout.finish()
	fresh := m.operations
	if m.numbered() {
		h := s.peers.hear(m, time.Now(), s.clock.wall())
		s.follow(timeout, h)
		fresh = h.fresh
	}
	var failed error
	for _, operation := range fresh {
		failed = errors.Join(failed, s.take(timeout, operation))
	}
	return failed
}

// follow does what follows from a message for what was known before.
func (s *DistributedSync) follow(ctx context.Context, h heard) {
	s.report(h.events)
	if h.healed > 0 {
		s.counts.healed.Add(h.healed)
		s.emit(Event{Kind: GapHealed, Node: h.from, Count: h.healed})
	}
	if h.barrier.newerThan(s.table.cleansed) && !s.weak.noBarrier {
		fallback := FallbackClear // to reload for each node that is met would be too much
		if s.options.Recovery.Fallback == FallbackIgnore {
			fallback = FallbackIgnore
		}
		s.cleanse(ctx, h.barrier, fallback)
		s.report(s.peers.settle(h.barrier))
	}
	if h.holes || s.connection.reported.Load() {
		s.stir()
	}
	if h.joined {
		s.speak() // who comes need not wait for the next heartbeat to know of us
	}
}

// report emits events, and counts those that Status counts.
func (s *DistributedSync) report(events []Event) {
	for _, event := range events {
		switch event.Kind {
		case GapFound:
			s.counts.found.Add(event.Count)
		case GapHealed:
			s.counts.healed.Add(event.Count)
		}
		s.emit(event)
	}
}

// listen subscribes to channel and handles what it hears until ctx is done, and
// subscribes anew whenever that ends. It returns the error for which there is no
// going on. ready is called when the first subscription is live.
func (s *DistributedSync) listen(ctx context.Context, channel string, handle func(context.Context, *message), ready func()) error {
	for again := false; ctx.Err() == nil; {
		subscription, err := s.subscribe(ctx, channel)
		if err == nil {
			if again {
				s.counts.resubscribed.Add(1)
				s.emit(Event{Kind: Resubscribed})
				s.lost(0)
			} else {
				again = true
				ready()
			}
			s.drain(ctx, subscription, handle)
			_ = subscription.Close() // always nil
			continue
		}
		if errors.Is(err, coordination.ErrClosed) || errors.Is(err, coordination.ErrInvalidArgument) {
			return err
		}
		if ctx.Err() == nil {
			s.emit(Event{Kind: SubscribeFailed, Err: err})
			pause(ctx, s.retryPause())
		}
	}
	return nil
}

// subscribe gives up a call that hangs: the next one may not.
func (s *DistributedSync) subscribe(ctx context.Context, channel string) (coordination.Subscription, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.HeartbeatInterval)
	defer cancel()
	return s.port.Subscribe(ctx, literal(channel))
}

// drain handles what a subscription delivers, until it ends, or fails, or is
// found deaf.
func (s *DistributedSync) drain(ctx context.Context, subscription coordination.Subscription, handle func(context.Context, *message)) {
	hearing, stop := s.canary.listen(ctx)
	defer stop()
	for {
		delivered, err := subscription.Next(hearing)
		var lost *coordination.MessagesLostError
		switch {
		case err == nil:
			s.read(ctx, delivered.Payload, handle)
		case errors.As(err, &lost):
			s.lost(lost.Count)
		case errors.Is(err, coordination.ErrMessagesLost):
			s.lost(0)
		default:
			if hearing.Err() == nil {
				pause(ctx, s.retryPause())
			}
			return
		}
	}
}

// read handles a message. One that can't be read counts as lost.
func (s *DistributedSync) read(ctx context.Context, payload []byte, handle func(context.Context, *message)) {
	if s.echo.has(payload) {
		s.peers.echo(time.Now())
		return
	}
	m, err := decode(payload)
	if err != nil {
		s.unreadable(err)
		s.lost(1)
		return
	}
	if newest := m.newest().Wall; newest > s.clock.farthest() {
		s.unreadable(fmt.Errorf("stamp %d is years ahead: %w", newest, errContent))
		s.lost(1)
		return
	}
	if m.unread != nil {
		s.unreadable(m.unread)
	}
	handle(ctx, m)
}

func (s *DistributedSync) unreadable(err error) {
	s.counts.unreadable.Add(1)
	s.emit(Event{Kind: MessageUnreadable, Err: err})
}

// lost takes note that messages were lost, as far as the subscription knows.
func (s *DistributedSync) lost(count int) {
	s.counts.lost.Add(1)
	s.emit(Event{Kind: MessagesLost, Count: uint64(count)})
	s.peers.lost()
}

// retryPause is how long to wait before a call that failed is made again.
func (s *DistributedSync) retryPause() time.Duration {
	return min(s.config.HeartbeatInterval/5, time.Second)
}

// pause waits, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
