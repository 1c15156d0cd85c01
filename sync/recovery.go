package sync

import (
	"context"
	"time"
)

// recover asks for what was lost, and does without it where that is in vain.
func (s *DistributedSync) recover(ctx context.Context) {
	var cleared time.Time // when the fallback last came
	for ctx.Err() == nil {
		next := s.recoverNow(ctx, &cleared)
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
		case <-s.stirs:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// stir has the recovery look again.
func (s *DistributedSync) stir() {
	select {
	case s.stirs <- struct{}{}:
	default:
	}
}

// recoverNow does what is due, and returns when to look again: within a
// heartbeat interval, since silence is noticed by nothing else.
func (s *DistributedSync) recoverNow(ctx context.Context, cleared *time.Time) (next time.Time) {
	now := time.Now()
	next = now.Add(s.config.HeartbeatInterval)
	due := s.peers.due(now)
	s.report(due.events)
	if due.writeOff {
		// Caches that are emptied all the time are none.
		allowed := cleared.Add(s.config.HeartbeatInterval / 2)
		if now.Before(allowed) {
			due.next = allowed
		} else if s.writeOff(ctx, due) {
			*cleared = now
		}
	}
	s.request(ctx, due.ask)
	s.mend(ctx)
	if look := s.checkConnection(); !look.IsZero() && look.Before(next) {
		next = look
	}
	if !due.next.IsZero() && due.next.Before(next) {
		next = due.next
	}
	return next
}

// writeOff gives up what is lost for good.
func (s *DistributedSync) writeOff(ctx context.Context, due steps) bool {
	if s.applying.lock(ctx) != nil {
		return false
	}
	defer s.applying.unlock()
	floor := due.floor
	if due.unsure {
		floor = latest(floor, s.clock.now()) // of what it was nothing is known
	}
	s.cleanse(ctx, floor, s.options.Recovery.Fallback)
	s.report(s.peers.settle(floor))
	return true
}

// mend has the cache forget what it failed to forget.
func (s *DistributedSync) mend(ctx context.Context) {
	if !s.counts.broken.Load() || s.applying.lock(ctx) != nil {
		return
	}
	defer s.applying.unlock()
	s.repair(ctx)
}

// request asks origins for operations, for no longer than until they are asked
// again. That it fails shows by the operations' not coming.
func (s *DistributedSync) request(ctx context.Context, ask []asking) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Recovery.Timeout/askings)
	defer cancel()
	for _, lost := range ask {
		s.whisper(ctx, lost.of.node, &message{request: &replay{epoch: lost.of.epoch, spans: lost.spans}})
	}
}

// answer tells again what another node has lost, or that it can't be told, for no
// longer than that node waits for it.
func (s *DistributedSync) answer(ctx context.Context, to string, wanted *replay) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Recovery.Timeout)
	defer cancel()
	if wanted.epoch != s.self.epoch {
		s.whisper(ctx, to, &message{refused: wanted})
		return
	}
	again, gone := s.outbox.history.replay(wanted.spans, time.Now())
	for len(again) > 0 {
		count := chunk(again, s.options.Limits.BatchOperations)
		s.whisper(ctx, to, &message{operations: again[:count]})
		again = again[count:]
	}
	if len(gone) > 0 {
		s.whisper(ctx, to, &message{refused: &replay{epoch: s.self.epoch, spans: gone}})
	}
}

// chunk returns how many operations go into one message.
func chunk(operations []Operation, limit int) int {
	bytes := 0
	for i, operation := range operations {
		bytes += operation.size()
		if i >= limit || i > 0 && bytes > maxBatchBytes {
			return i
		}
	}
	return len(operations)
}

// whisper sends a message to one node alone.
func (s *DistributedSync) whisper(ctx context.Context, to string, m *message) {
	m.origin, m.last, m.clock = s.self, s.outbox.last.Load(), s.clock.now()
	_ = s.port.Publish(ctx, inbox(s.options.Channel, to), encode(nil, m)) // that it fails shows by no answer
}

// attend handles a message of the channel that is this node's own.
func (s *DistributedSync) attend(ctx context.Context, m *message) {
	if m.origin == s.self {
		return // it was meant for a namesake, or for who this node was before
	}
	_ = s.handle(ctx, m) // the cache's failures are told as events, and repaired
	if m.request != nil {
		s.answer(ctx, m.origin.node, m.request)
	}
	if m.refused != nil {
		s.peers.refuse(incarnation{m.origin.node, m.refused.epoch}, m.refused.spans, time.Now())
		s.stir()
	}
}
