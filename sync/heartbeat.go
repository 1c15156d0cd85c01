package sync

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// MaxClockOffset is by how much the node's clock may differ from the others'
// before it says so.
const MaxClockOffset = 500 * time.Millisecond

// canary tells by the node's own heartbeats, which come back as anybody's do,
// whether its subscription hears.
type canary struct {
	mu      sync.Mutex            // guards what follows
	beats   uint64                // how many were sent
	taken   uint64                // the last one that the backend took
	echoed  uint64                // the last one that came back
	sent    [maxReturning]attempt // the last attempts, by their numbers
	waiting time.Time             // since when none came back, zero where the last one has
	lag     time.Duration
	stops   map[*context.CancelFunc]struct{} // end what listens
}

// attempt is one try to send a heartbeat. If it fails, the next try has the same
// number, and the first one may still come back. Each try has a clock of its own.
type attempt struct {
	at    time.Time
	clock Stamp
}

// maxReturning is how many heartbeats may be on their way at once, and still be
// known when they come back.
const maxReturning = 64

// next gives a heartbeat its number.
func (c *canary) next() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beats++
	return c.beats
}

// sending notes that a heartbeat is about to be sent.
func (c *canary) sending(beat uint64, sent attempt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[beat%maxReturning] = sent
}

// failed takes back the number of a heartbeat, unless it was published: to miss it
// is to miss nothing.
func (c *canary) failed(beat uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken < beat {
		c.beats = beat - 1
	}
}

// published takes note that the heartbeat was taken by the backend, and must come
// back where anything listens by now.
func (c *canary) published(beat uint64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = beat
	if c.waiting.IsZero() && beat > c.echoed && c.stops != nil {
		c.waiting = now
	}
}

// echo notes that an own heartbeat has come back, and returns when it was sent, zero
// if that is not known.
func (c *canary) echo(beat uint64, clock Stamp, now time.Time) (sent time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if beat > c.beats || beat+maxReturning <= c.beats {
		return time.Time{}
	}
	last := c.sent[beat%maxReturning]
	isLast := last.clock.Compare(clock) == 0
	if isLast {
		c.echoed = max(c.echoed, beat)
		sent = last.at
	}
	if isLast && beat == c.beats {
		c.lag = now.Sub(sent)
		c.waiting = time.Time{}
	} else if !c.waiting.IsZero() {
		c.waiting = now
	}
	return sent
}

// listen returns a context that ends where the subscription is found deaf.
func (c *canary) listen(ctx context.Context) (context.Context, context.CancelFunc) {
	hearing, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stops == nil {
		c.stops = make(map[*context.CancelFunc]struct{})
	}
	c.stops[&cancel] = struct{}{}
	return hearing, func() {
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.stops, &cancel)
	}
}

// check ends what listens where nothing has come back for as long as limit.
func (c *canary) check(now time.Time, limit time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting.IsZero() || now.Sub(c.waiting) < limit {
		return
	}
	c.waiting = time.Time{}
	for stop := range c.stops {
		(*stop)()
	}
}

func (c *canary) delay() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lag
}

// beat sends a heartbeat. It has its number when nothing can come between any more.
func (s *DistributedSync) beat(ctx context.Context, flags heartbeat) error {
	return s.outbox.beat(ctx, flags.leaving, func() error {
		if s.closed.Load() && !flags.leaving {
			return coordination.ErrClosed // it would undo the goodbye
		}
		beat := flags
		beat.beat = s.canary.next()
		defer s.canary.failed(beat.beat)
		beat.wall = s.clock.wall().UTC()
		beat.seen = s.peers.seen(beat.beat)
		if term, leads := s.election.Term(); leads {
			beat.term = term
		}
		m := &message{origin: s.self, last: s.outbox.last.Load(), clock: s.clock.now(), heartbeat: &beat}
		s.canary.sending(beat.beat, attempt{time.Now(), m.clock})
		err := s.broadcast(ctx, m)
		if err == nil {
			s.canary.published(beat.beat, time.Now())
		}
		return err
	})
}

// beats sends a heartbeat in each interval, and whenever there is something to
// announce.
func (s *DistributedSync) beats(ctx context.Context) {
	ticker := time.NewTicker(s.config.HeartbeatInterval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		s.canary.check(time.Now(), missedBeats*s.config.HeartbeatInterval)
		sending, cancel := context.WithTimeout(ctx, s.config.HeartbeatInterval)
		err := s.beat(sending, heartbeat{})
		cancel()
		if err != nil && ctx.Err() == nil {
			s.publishFailed(0, err)
		}
		s.checkClock()
		select {
		case <-ticker.C:
		case <-s.announce:
		case <-ctx.Done():
		}
	}
}

// speak has a heartbeat sent at once.
func (s *DistributedSync) speak() {
	select {
	case s.announce <- struct{}{}:
	default:
	}
}

func (s *DistributedSync) publishFailed(count int, err error) {
	s.counts.publishFailures.Add(1)
	s.emit(Event{Kind: PublishFailed, Count: uint64(count), Err: err})
}

// checkClock says so, once, where this node's clock is not that of the others.
func (s *DistributedSync) checkClock() {
	offset := s.peers.view(time.Now()).offset
	off := offset.Abs() > MaxClockOffset
	if s.counts.clockOff.Swap(off) != off && off {
		s.emit(Event{Kind: ClockOff, Duration: offset})
	}
}

// maxBuffer is how large a buffer is kept for the next message.
const maxBuffer = 256 << 10

// broadcast publishes a message for all nodes. It is for the outbox, which calls
// it once at a time.
func (s *DistributedSync) broadcast(ctx context.Context, m *message) error {
	if s.weak.silentBeats && m.heartbeat != nil {
		m.last, m.heartbeat.seen = 0, nil
	}
	s.buffer = encode(s.buffer[:0], m)
	err := s.port.Publish(ctx, s.options.Channel, s.buffer)
	if cap(s.buffer) > maxBuffer {
		s.buffer = nil
	}
	switch count := len(m.operations); {
	case err == nil:
		s.counts.published.Add(uint64(count))
	case count > 0:
		s.publishFailed(count, err)
	}
	return err
}

// membership keeps the node registered, with a time to live of a few heartbeats.
func (s *DistributedSync) membership(ctx context.Context) {
	ticker := time.NewTicker(s.config.HeartbeatInterval)
	defer ticker.Stop()
	for registered := false; ctx.Err() == nil; {
		err := s.stayMember(ctx, registered)
		registered = err == nil
		if err != nil && ctx.Err() == nil {
			s.emit(Event{Kind: MembershipFailed, Err: err})
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// stayMember registers where that is needed. A registration lives for longer than
// a node that was heard of lately should, hence the heartbeat after it.
func (s *DistributedSync) stayMember(ctx context.Context, registered bool) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.HeartbeatInterval)
	defer cancel()
	ttl := missedBeats * s.config.HeartbeatInterval
	if registered {
		err := s.port.Heartbeat(ctx, s.self.node, ttl)
		if !errors.Is(err, coordination.ErrNotRegistered) {
			return err
		}
	}
	if err := s.port.RegisterNode(ctx, s.self.node, s.config.Metadata); err != nil {
		return err
	}
	return s.port.Heartbeat(ctx, s.self.node, ttl)
}
