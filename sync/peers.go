package sync

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// peers follows the numbers of all other nodes. Its methods never block.
type peers struct {
	self     incarnation
	interval time.Duration // between heartbeats
	recovery Recovery
	max      int

	mu      sync.Mutex // guards what follows
	origins map[incarnation]*origin
	swept   time.Time // when those who are gone were last forgotten
	hearing time.Time // when anybody was last heard, this node itself included

	// incomplete is how many origins miss something, or may. It is written with mu
	// held.
	incomplete atomic.Int64
}

const (
	// mentionBeats is in how many heartbeats a node is mentioned to others after
	// it has spoken, so that its last words are missed by those who did not hear
	// them.
	mentionBeats = 10
	// rememberBeats is for how many heartbeat intervals it is remembered, which is
	// longer than anybody mentions it, since to hear of it again would be to meet
	// a stranger.
	rememberBeats = 60
)

func newPeers(self incarnation, interval time.Duration, recovery Recovery, limit int) *peers {
	return &peers{
		self: self, interval: interval, recovery: recovery, max: limit,
		origins: make(map[incarnation]*origin),
	}
}

// heard is what follows from a message.
type heard struct {
	from string
	// barrier is, where it is not zero, how new the cache must be: an origin
	// that is older than this node spoke for the first time, or one has said
	// more than this node can ever learn of.
	barrier Stamp
	// fresh are the operations that have not arrived before.
	fresh []Operation
	// healed is how many of them had counted as missed.
	healed uint64
	holes  bool // more numbers are missing than before
	joined bool // the origin spoke for the first time
	events []Event
}

// hear takes note of a message from another incarnation that numbers.
func (p *peers) hear(m *message, now time.Time, wall time.Time) (h heard) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.meet(m.origin, m.last, m.clock, now, &h)
	if h.joined = from.heard.IsZero(); h.joined {
		h.events = append(h.events, Event{Kind: NodeJoined, Node: from.node})
	}
	p.hearing = now
	from.heard, from.mentioned, from.told = now, now, 0
	from.clock = latest(from.clock, m.clock)
	from.suspected = false
	due := now.Add(p.recovery.Grace)
	fresh, found := m.operations[:0], uint64(0)
	for _, operation := range m.operations {
		h.holes = h.holes || operation.Seq > from.last+1
		isFresh, missed := from.take(operation.Seq, m.clock, due)
		if isFresh {
			fresh = append(fresh, operation)
		}
		if missed {
			h.healed++
		}
		found += from.merge(now)
	}
	h.from, h.fresh = from.node, fresh
	if from.reveal(m.last, m.clock, due) {
		h.holes = true
	}
	if found += from.merge(now); found > 0 {
		h.events = append(h.events, Event{Kind: GapFound, Node: from.node, Count: found})
	}
	if m.heartbeat != nil {
		p.hearBeat(from, m, now, wall, &h)
	}
	if len(from.holes) == 0 { // else it is known what is missed, and not yet whether it is late
		from.unsure = false
	}
	p.recount(from)
	return h
}

// echo takes note that this node has heard itself.
func (p *peers) echo(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hearing = now
}

// meet returns what is known of an incarnation, of which the caller has just
// heard that it has given the numbers up to last. To follow one that is younger
// than this node, all its numbers are wanted. One that is older has given numbers
// that this node was not there to hear: whatever may be older than what they
// changed has to go. Which one is older is told by clocks; where that is wrong
// more is forgotten, or asked for, than must be.
func (p *peers) meet(who incarnation, last uint64, clock Stamp, now time.Time, h *heard) *origin {
	if known := p.origins[who]; known != nil {
		return known
	}
	met := &origin{incarnation: who, mentioned: now}
	p.forget(now, h)
	p.origins[who] = met
	if who.epoch < p.self.epoch {
		met.last = last
		h.barrier = latest(h.barrier, clock)
	}
	return met
}

func (p *peers) hearBeat(from *origin, m *message, now, wall time.Time, h *heard) {
	beat := m.heartbeat
	if beat.beat >= from.beat+mentionBeats {
		h.barrier = latest(h.barrier, m.clock) // whom it has mentioned meanwhile nobody knows
	}
	if beat.beat > from.beat {
		from.beat, from.left = beat.beat, from.left && beat.leaving
	}
	from.beats++
	from.term = beat.term
	if !beat.wall.IsZero() {
		from.offset = beat.wall.Sub(wall)
	}
	if from.beats == 2 && from.node == p.self.node {
		h.events = append(h.events, Event{Kind: DuplicateNode, Node: from.node})
	}
	if beat.leaving && !from.left {
		from.left = true
		h.events = append(h.events, Event{Kind: NodeLeft, Node: from.node})
	}
	for _, mention := range beat.seen {
		if mention.of == p.self {
			continue
		}
		of := p.meet(mention.of, mention.last, m.clock, now, h)
		of.mentioned = now
		if of.reveal(mention.last, m.clock, now.Add(p.recovery.Grace)) {
			h.holes = true
		}
	}
}

// forget drops those of whom nothing has been heard for long, and where that is
// not enough the one that has been silent for the longest, with what it is asked
// for.
func (p *peers) forget(now time.Time, h *heard) {
	if len(p.origins) < p.max && now.Sub(p.swept) < p.interval {
		return
	}
	p.swept = now
	var longest *origin
	for _, o := range p.origins {
		if now.Sub(o.mentioned) > rememberBeats*p.interval && len(o.holes) == 0 {
			p.drop(o)
		} else if longest == nil || o.mentioned.Before(longest.mentioned) {
			longest = o
		}
	}
	if len(p.origins) < p.max {
		return
	}
	p.drop(longest)
	if missed := longest.missing(); missed > 0 {
		h.events = append(h.events, Event{Kind: GapHealed, Node: longest.node, Count: missed})
	}
	for _, lost := range longest.holes {
		h.barrier = latest(h.barrier, lost.bound)
	}
}

// drop forgets an origin.
func (p *peers) drop(o *origin) {
	delete(p.origins, o.incarnation)
	if o.incomplete {
		p.incomplete.Add(-1)
	}
}

// recount notes whether an origin misses something, or may.
func (p *peers) recount(o *origin) {
	incomplete := o.unsure || o.missing() > 0
	if incomplete == o.incomplete {
		return
	}
	if o.incomplete = incomplete; incomplete {
		p.incomplete.Add(1)
	} else {
		p.incomplete.Add(-1)
	}
}

// isComplete reports whether nothing is missed, as far as is known. It takes no lock.
func (p *peers) isComplete() bool { return p.incomplete.Load() == 0 }

// lastHeard is when anybody was last heard, this node itself included.
func (p *peers) lastHeard() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hearing
}

// seen is what this node tells others in a heartbeat.
func (p *peers) seen(beat uint64) (mentions []seen) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for who, o := range p.origins {
		if o.told == 0 {
			o.told = beat
		}
		if !o.heard.IsZero() && beat < o.told+mentionBeats {
			mentions = append(mentions, seen{who, o.last})
		}
	}
	return mentions
}

// lost notes that messages may have been lost of whoever was there when any were last
// received. What they were the numbers will tell, unless their origin is never heard
// again.
func (p *peers) lost() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lostSince(p.hearing)
}

// cutOff notes that messages may have been lost since an instant.
func (p *peers) cutOff(since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lostSince(since)
}

func (p *peers) lostSince(instant time.Time) {
	for _, o := range p.origins {
		o.unsure = o.unsure || p.isActive(o, instant)
		p.recount(o)
	}
}

func (p *peers) isActive(o *origin, now time.Time) bool {
	return !o.left && !o.heard.IsZero() && !p.isSilent(o, now)
}

// isSilent reports whether an origin that was heard has not spoken for so long
// that it counts as gone.
func (p *peers) isSilent(o *origin, now time.Time) bool {
	return now.Sub(o.heard) > missedBeats*p.interval
}

// view is what Status tells of others.
type view struct {
	known, active, suspect []string
	duplicate              bool
	leader                 string
	term                   uint64
	offset                 time.Duration
	missing                uint64
}

func (p *peers) view(now time.Time) (v view) {
	p.mu.Lock()
	defer p.mu.Unlock()
	offsets := []time.Duration{0}
	active := map[string]bool{p.self.node: true}
	ended := make(map[string]uint64) // the newest incarnation of a node that has said that it ends
	for _, o := range p.origins {
		v.known = append(v.known, o.node)
		v.missing += o.missing()
		if o.left {
			ended[o.node] = max(ended[o.node], o.epoch)
		}
		if !p.isActive(o, now) {
			continue
		}
		active[o.node] = true
		v.duplicate = v.duplicate || o.node == p.self.node && o.beats > 1
		if o.term > v.term {
			v.leader, v.term = o.node, o.term
		}
		offsets = append(offsets, o.offset)
	}
	for node := range active {
		v.active = append(v.active, node)
	}
	for _, o := range p.origins {
		if o.suspected && !active[o.node] && o.epoch > ended[o.node] {
			v.suspect = append(v.suspect, o.node)
		}
	}
	slices.Sort(offsets)
	middle := len(offsets) / 2
	v.offset = -(offsets[middle] + offsets[(len(offsets)-1)/2]) / 2
	return v
}
