package sync

import (
	"slices"
	"time"
)

// origin is what a node knows of another incarnation's numbers.
type origin struct {
	incarnation
	last  uint64 // the highest number known to be given
	holes []hole // of those up to last, what has not arrived; ascending
	clock Stamp  // the newest reading of its clock

	heard     time.Time // when it last spoke; zero where others only mention it
	mentioned time.Time // when it last spoke or was mentioned
	told      uint64    // the heartbeat that was the first to mention it since; 0 where none has
	beats     int       // how many heartbeats of it were heard
	beat      uint64    // the highest number that one had
	offset    time.Duration
	term      uint64 // in which it leads, by its own word
	left      bool   // it has said that it ends
	suspected bool   // it was reported as silent
	unsure    bool   // messages were lost since it last spoke

	incomplete bool // counted in peers.incomplete
}

// hole is a run of numbers that did not arrive. Each has a time of its own, so
// that a new one does not cut short the grace of those before it.
type hole struct {
	span
	bound Stamp     // no operation in the hole has a newer stamp
	due   time.Time // when the next step is to be taken
	asked int       // how many times it was asked for
}

// maxHoles is how many holes of one origin are told apart.
const maxHoles = 256

// reveal makes a hole of the numbers after the last one known, up to last, which
// may be merely late until due, and reports whether there are any.
func (o *origin) reveal(last uint64, bound Stamp, due time.Time) bool {
	if last <= o.last {
		return false
	}
	o.holes = append(o.holes, hole{span: span{o.last + 1, last}, bound: bound, due: due})
	o.last = last
	return true
}

// take reports whether number seq has arrived for the first time, and whether it
// was in a hole that counted as a gap.
func (o *origin) take(seq uint64, bound Stamp, due time.Time) (fresh, missed bool) {
	if seq > o.last {
		o.reveal(seq-1, bound, due)
		o.last = seq
		return true, false
	}
	at, found := slices.BinarySearchFunc(o.holes, seq, func(h hole, seq uint64) int {
		switch {
		case h.to < seq:
			return -1
		case h.from > seq:
			return 1
		}
		return 0
	})
	if !found {
		return false, false
	}
	whole := o.holes[at]
	before, after := whole, whole
	before.to, after.from = seq-1, seq+1
	rest := make([]hole, 0, 2)
	for _, part := range []hole{before, after} {
		if part.from <= part.to {
			rest = append(rest, part)
		}
	}
	o.holes = slices.Replace(o.holes, at, at+1, rest...)
	return true, whole.asked > 0
}

// merge makes one hole of more than are told apart, with what has arrived between
// them, and returns how many numbers count as missed that did not before.
func (o *origin) merge(now time.Time) (found uint64) {
	if len(o.holes) <= maxHoles {
		return 0
	}
	all := hole{span: o.holes[0].span, due: now, asked: askings}
	for _, h := range o.holes {
		all.to, all.bound = h.to, latest(all.bound, h.bound)
	}
	found = all.len() - o.missing()
	o.holes = append(o.holes[:0], all)
	return found
}

// missing is how many numbers count as missed and have not arrived.
func (o *origin) missing() (count uint64) {
	for _, h := range o.holes {
		if h.asked > 0 {
			count += h.len()
		}
	}
	return count
}

// settle takes away the holes that an emptied cache makes harmless: those whose
// operations are not newer than floor. It returns how many numbers had counted
// as missed in them, and how many had not yet.
func (o *origin) settle(floor Stamp) (missed, late uint64) {
	o.holes = slices.DeleteFunc(o.holes, func(h hole) bool {
		if h.bound.newerThan(floor) {
			return false
		}
		if h.asked > 0 {
			missed += h.len()
		} else {
			late += h.len()
		}
		return true
	})
	return missed, late
}
