package sync

import (
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// askings is how often an origin is asked for what was lost.
const askings = 3

// asking is a request for lost operations.
type asking struct {
	of    incarnation
	spans []span
}

// steps is what is due.
type steps struct {
	ask      []asking
	writeOff bool      // some numbers are lost for good
	floor    Stamp     // if so, how new the cache must be
	unsure   bool      // even that is not known
	next     time.Time // when to look again, zero for not
	events   []Event
}

// due returns what is to be done now about the numbers that are missing.
func (p *peers) due(now time.Time) (s steps) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.origins {
		silent := !o.heard.IsZero() && p.isSilent(o, now)
		if silent && !o.suspected && !o.left {
			o.suspected = true
			s.events = append(s.events, Event{Kind: NodeSuspected, Node: o.node, Duration: now.Sub(o.heard)})
		}
		if o.unsure && silent {
			// Whatever it said last it will not say again.
			s.writeOff, s.unsure = true, true
			s.floor = latest(s.floor, o.clock)
		}
		p.dueOf(o, now, &s)
		p.recount(o)
	}
	// Not in the order of a map: a simulated run is to be the same when repeated.
	slices.SortFunc(s.ask, func(a, b asking) int { return strings.Compare(a.of.node, b.of.node) })
	return s
}

func (p *peers) dueOf(o *origin, now time.Time, s *steps) {
	var spans []span
	var found uint64
	for i := range o.holes {
		h := &o.holes[i]
		if !h.due.After(now) {
			if h.asked == 0 {
				found += h.len()
			}
			if h.asked >= askings {
				s.writeOff = true
			} else {
				h.asked++
				h.due = now.Add(p.wait(o.incarnation, h.asked))
				spans = append(spans, h.span)
			}
		}
		if h.asked > 0 {
			// One cleared cache is to settle all that count as missed by then.
			s.floor = latest(s.floor, h.bound)
		}
		if s.next.IsZero() || h.due.Before(s.next) {
			s.next = h.due
		}
	}
	if found > 0 {
		s.events = append(s.events, Event{Kind: GapFound, Node: o.node, Count: found})
	}
	if len(spans) > 0 {
		s.ask = append(s.ask, asking{o.incarnation, spans})
	}
}

// wait is how long to wait for what was asked for the nth time: all together
// Timeout, less a part that differs from node to node, so that not all caches are
// emptied at once.
func (p *peers) wait(of incarnation, asked int) time.Duration {
	each := p.recovery.Timeout / askings
	if asked < askings {
		return each
	}
	return each - p.jitter(of, p.recovery.Timeout/5)
}

// jitter is between 0 and limit, the same for the same two incarnations.
func (p *peers) jitter(of incarnation, limit time.Duration) time.Duration {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(p.self.node + "\x00" + of.node)) // it never fails
	return time.Duration(float64(limit) * float64(hash.Sum32()) / (1 << 32))
}

// refuse takes note that an origin can't tell again what it was asked for.
func (p *peers) refuse(by incarnation, spans []span, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.origins[by]
	if o == nil {
		return
	}
	due := now.Add(p.jitter(by, p.recovery.Timeout/5))
	for i := range o.holes {
		h := &o.holes[i]
		for _, numbers := range spans {
			if h.asked > 0 && numbers.from <= h.from && h.to <= numbers.to {
				h.asked = askings
				if due.Before(h.due) { // to be refused twice puts nothing off
					h.due = due
				}
			}
		}
	}
}

// settle takes note that nothing in the cache is older than floor, and returns
// by origin how many numbers were missed, and are not any more.
func (p *peers) settle(floor Stamp) (events []Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.origins {
		missed, late := o.settle(floor)
		if late > 0 {
			events = append(events, Event{Kind: GapFound, Node: o.node, Count: late})
		}
		if missed+late > 0 {
			events = append(events, Event{Kind: GapHealed, Node: o.node, Count: missed + late})
		}
		if o.unsure && !o.clock.newerThan(floor) {
			o.unsure = false
		}
		p.recount(o)
	}
	return events
}
