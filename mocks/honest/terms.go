package honest

import (
	"fmt"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// terms is what a handle was told of the lease. Calls overlap, and an answer is
// true of some moment between its call's beginning and end, so that it binds
// only the answers to calls that begin after that end: each call takes a look
// with it, of what had been told when it began.
type terms struct {
	mu         sync.Mutex // guards all
	clock      uint64     // counts beginnings and ends of calls
	highest    uint64     // of all terms that were told
	holder     string     // whose term the highest is
	ended      uint64     // the highest term whose lease has ended for sure
	candidates map[string]*candidate
}

// candidate is a node ID on this handle.
type candidate struct {
	tries   int           // that have begun
	trying  int           // that have not ended
	unsure  bool          // a try has failed, and may take effect at any time
	gained  uint64        // when a try ended that acquired the lease, 0 for never
	lost    uint64        // when a call began that told that the lease is not its
	ended   uint64        // the highest term whose lease it does not hold for sure
	term    uint64        // that it has acquired last
	longest time.Duration // that it has ever asked for
}

// look is a call that has begun, with what had been told by then.
type look struct {
	nodeID  string // empty where the call is not a candidate's
	begun   uint64
	highest uint64 // no term is lower
	ended   uint64 // every term is higher
	mayHold bool   // the candidate may hold the lease
	tries   int    // of the candidate
}

func (t *terms) beginTry(nodeID string, ttl time.Duration) look {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.candidate(nodeID)
	c.tries++
	c.trying++
	c.longest = max(c.longest, ttl, time.Duration(coordination.Millis(ttl))*time.Millisecond)
	return t.lookOf(nodeID, c)
}

func (t *terms) beginRelease(nodeID string) look {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lookOf(nodeID, t.candidate(nodeID))
}

func (t *terms) beginLook() look {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lookOf("", &candidate{})
}

// failed says how a try ended that may have changed something or not.
func (t *terms) failed(try look, unchanged bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.candidate(try.nodeID)
	c.trying--
	c.unsure = c.unsure || !unchanged
}

func (t *terms) refused(try look) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.candidate(try.nodeID).trying--
	t.doesNotHold(try)
}

// acquired says what is wrong with the term of an acquisition or renewal, if
// anything.
func (t *terms) acquired(try look, term uint64) (fault string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.candidate(try.nodeID)
	c.trying--
	c.gained = t.tick()
	c.term = term
	return t.holds(try, try.nodeID, term)
}

// released says whether the candidate may have held the lease that it is told
// to have released.
func (t *terms) released(release look, released bool) (possible bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !released {
		t.doesNotHold(release)
		return true
	}
	possible = release.mayHold || release.tries != t.candidate(release.nodeID).tries
	if possible {
		t.nobodyHolds(release)
	}
	return possible
}

func (t *terms) foundNobody(look look) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.nobodyHolds(look)
}

// found says what is wrong with the term of a leader, if anything, and, where
// the leader is a candidate on this handle, for how long it can have the lease.
func (t *terms) found(look look, nodeID string, term uint64) (fault string, longest time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.candidates[nodeID]; c != nil && c.term == term {
		longest = c.longest
	}
	return t.holds(look, nodeID, term), longest
}

// What follows is called with the lock held.

func (t *terms) tick() uint64 {
	t.clock++
	return t.clock
}

func (t *terms) candidate(nodeID string) *candidate {
	if t.candidates == nil {
		t.candidates = make(map[string]*candidate)
	}
	if t.candidates[nodeID] == nil {
		t.candidates[nodeID] = &candidate{}
	}
	return t.candidates[nodeID]
}

func (t *terms) lookOf(nodeID string, c *candidate) look {
	return look{
		nodeID:  nodeID,
		begun:   t.tick(),
		highest: t.highest,
		ended:   max(t.ended, c.ended),
		mayHold: c.trying > 0 || c.unsure || c.gained > c.lost,
		tries:   c.tries,
	}
}

// holds notes that nodeID held the lease at some moment of a call. The same node
// ID on another handle is another candidate, of which nothing else is known.
func (t *terms) holds(look look, nodeID string, term uint64) (fault string) {
	switch {
	case term < look.highest:
		fault = fmt.Sprintf("the term falls: an answer before was %d", look.highest)
	case term <= look.ended:
		fault = fmt.Sprintf("the lease with the term %d had ended", look.ended)
	case term == t.highest && nodeID != t.holder:
		fault = fmt.Sprintf("the term is that of %s", show(t.holder))
	}
	if term > t.highest {
		t.highest, t.holder = term, nodeID
	}
	t.nobodyElse(look, nodeID)
	return fault
}

// doesNotHold notes that the call's candidate did not hold the lease at some
// moment of the call: what it acquires later is new.
func (t *terms) doesNotHold(look look) {
	c := t.candidate(look.nodeID)
	c.lost = max(c.lost, look.begun)
	c.ended = max(c.ended, look.highest)
}

// nobodyHolds notes that the lease was free at some moment of a call: what
// anybody acquires later is new.
func (t *terms) nobodyHolds(look look) {
	t.ended = max(t.ended, look.highest)
	t.nobodyElse(look, "")
}

func (t *terms) nobodyElse(look look, holder string) {
	for nodeID, c := range t.candidates {
		if nodeID != holder {
			c.lost = max(c.lost, look.begun)
		}
	}
}
