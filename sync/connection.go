package sync

import (
	"sync/atomic"
	"time"
)

// connection knows for how long this node can be sure to receive what the others
// publish. Its proof is its own heartbeats: one that has come back followed all that
// the backend had taken before it was sent. From then on the node may have missed
// something, and Recovery.MaxStaleness bounds for how long it serves its cache
// without the next proof.
//
// The next heartbeat is due an interval after the one that came back. The bound
// counts from there, by the monotonic clock, whether or not that heartbeat was sent:
// a process that was suspended knows at once that it is out of date.
type connection struct {
	interval, bound time.Duration
	base            time.Time

	proven   atomic.Int64 // after base the newest heartbeat that came back was sent; 0 if none came back
	began    atomic.Int64 // after base Run began; 0 before
	reported atomic.Bool  // Disconnected was emitted; set by the recovery alone
	endless  bool         // a defect, for the test that must notice it
}

func newConnection(interval, bound time.Duration) *connection {
	// In the past, so that no time after it is 0.
	return &connection{interval: interval, bound: bound, base: time.Now().Add(-time.Second)}
}

func (c *connection) since() int64 { return int64(time.Since(c.base)) }

// begin notes that Run has begun.
func (c *connection) begin() { c.began.Store(c.since()) }

// isFresh reports whether the bound has not passed.
func (c *connection) isFresh() bool {
	proven := c.proven.Load()
	return proven > 0 && (c.endless || c.since() < proven+int64(c.interval+c.bound))
}

// prove notes that a heartbeat has come back.
func (c *connection) prove(sent time.Time) {
	at := int64(sent.Sub(c.base))
	for proven := c.proven.Load(); at > proven; proven = c.proven.Load() {
		if c.proven.CompareAndSwap(proven, at) {
			return
		}
	}
}

// lastProof is when the newest heartbeat that came back was sent.
func (c *connection) lastProof() time.Time { return c.base.Add(time.Duration(c.proven.Load())) }

// overdue is how long ago the next heartbeat should have come back, 0 before Run.
func (c *connection) overdue() time.Duration {
	began := c.began.Load()
	if began == 0 {
		return 0
	}
	due := began
	if proven := c.proven.Load(); proven > 0 {
		due = max(due, proven+int64(c.interval))
	}
	return max(0, time.Duration(c.since()-due))
}

// checkConnection reports when this node is cut off, and when it is back. It
// returns when to look again, zero if any time will do.
func (s *DistributedSync) checkConnection() (next time.Time) {
	c := s.connection
	if !c.reported.Load() {
		overdue := c.overdue()
		if left := c.bound - overdue; left > 0 {
			return time.Now().Add(left)
		}
		c.reported.Store(true)
		s.peers.cutOff(c.lastProof()) // what the others publish now may never arrive
		s.emit(Event{Kind: Disconnected, Duration: overdue})
		return time.Time{}
	}
	if c.isFresh() && s.peers.isComplete() {
		c.reported.Store(false)
		s.emit(Event{Kind: Reconnected})
	}
	return time.Time{}
}

// heartbeatReturned notes that an own heartbeat has come back.
func (s *DistributedSync) heartbeatReturned(sent time.Time) {
	c := s.connection
	if c.proven.Load() > 0 && !c.isFresh() {
		s.peers.cutOff(c.lastProof()) // the others may have published what never arrived
		s.stir()
	}
	c.prove(sent)
}
