package delivery

import (
	"sync/atomic"
	"time"
)

const (
	rateWindow = 10 * time.Second
	rateStep   = 250 * time.Millisecond
	rateSlots  = int64(rateWindow / rateStep)
)

// Rate counts events over the last ten seconds, without a lock. Use NewRate.
type Rate struct {
	start time.Time
	// Each slot holds the number of its step in the upper 32 bits and the
	// events within it in the lower ones, so that one swap changes both.
	slots [rateSlots]atomic.Uint64
}

// NewRate returns a rate without events.
func NewRate() *Rate { return &Rate{start: time.Now()} }

// Add counts an event at now.
func (r *Rate) Add(now time.Time) {
	step := r.step(now)
	slot := &r.slots[step%rateSlots]
	for {
		old := slot.Load()
		if int64(old>>32) >= step {
			slot.Add(1)
			return
		}
		if slot.CompareAndSwap(old, uint64(step)<<32|1) {
			return
		}
	}
}

// PerSecond returns the mean over the ten seconds before now.
func (r *Rate) PerSecond(now time.Time) float64 {
	last := r.step(now)
	var events uint64
	for i := range r.slots {
		slot := r.slots[i].Load()
		if age := last - int64(slot>>32); age >= 0 && age < rateSlots {
			events += slot & 0xffffffff
		}
	}
	return float64(events) / rateWindow.Seconds()
}

// step numbers the steps from 1, so that the zero slot is of no step that counts.
func (r *Rate) step(now time.Time) int64 {
	return max(0, int64(now.Sub(r.start)/rateStep)) + 1 + rateSlots
}
