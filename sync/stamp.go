package sync

import (
	"cmp"
	"sync"
	"time"
)

// Stamp orders operations among all nodes. It is read off a hybrid logical
// clock (Kulkarni et al., Logical Physical Clocks, 2014): an operation that
// knows of another one has the greater stamp, however wrong the clocks are, and
// stamps of operations that do not know of one another are as close to real
// time as the clocks of their nodes. The zero Stamp is less than all others.
type Stamp struct {
	// Wall is the clock's reading in microseconds since 1970. It is that of the
	// fastest clock in the cluster that the node has heard of.
	Wall int64
	// Logical tells readings of one microsecond apart.
	Logical uint32
	// Priority is that of the operation: the greater one wins a tie.
	Priority int
	// Node and Epoch name the node and its incarnation, and break what ties are
	// left.
	Node  string
	Epoch uint64

	// begun is one more than the number of operations that this node had applied
	// when Begin gave the stamp, else 0. It stays on the node and is not compared.
	begun uint64
}

// Compare returns -1 where s is the older, 1 where it is the newer, and 0 where
// both are the same.
func (s Stamp) Compare(other Stamp) int {
	switch {
	case s.Wall != other.Wall:
		return cmp.Compare(s.Wall, other.Wall)
	case s.Logical != other.Logical:
		return cmp.Compare(s.Logical, other.Logical)
	case s.Priority != other.Priority:
		return cmp.Compare(s.Priority, other.Priority)
	case s.Node != other.Node:
		return cmp.Compare(s.Node, other.Node)
	}
	return cmp.Compare(s.Epoch, other.Epoch)
}

// newerThan reports whether s is the newer.
func (s Stamp) newerThan(other Stamp) bool { return s.Compare(other) > 0 }

func latest(a, b Stamp) Stamp {
	if a.newerThan(b) {
		return a
	}
	return b
}

// hybridClock gives the stamps of one node.
type hybridClock struct {
	wall  func() time.Time
	node  string
	epoch uint64

	mu      sync.Mutex // guards what follows: the newest reading given or heard of
	last    int64
	logical uint32
}

// now returns a reading that is newer than every one before it and than every
// stamp merged.
func (c *hybridClock) now() Stamp {
	stamp, _ := c.read()
	return stamp
}

// read is now together with the wall clock's reading of which it was made.
func (c *hybridClock) read() (stamp Stamp, wall time.Time) {
	wall = c.wall()
	physical := wall.UnixMicro()
	c.mu.Lock()
	defer c.mu.Unlock()
	if physical > c.last {
		c.last, c.logical = physical, 0
	} else if c.logical++; c.logical == 0 {
		c.last++
	}
	return Stamp{Wall: c.last, Logical: c.logical, Node: c.node, Epoch: c.epoch}, wall
}

// maxAhead is how far a stamp may be ahead of the clock on the wall: farther than
// any clock is wrong by accident. What is beyond would drag the clocks of the whole
// cluster along, for good, to where no stamp can be written any more.
const maxAhead = 10 * 365 * 24 * time.Hour

// farthest is the newest reading that is believed.
func (c *hybridClock) farthest() int64 { return c.wall().Add(maxAhead).UnixMicro() }

// merge makes later readings newer than stamp. It takes any that is believed: to
// clamp one that is ahead would let nodes disagree about what is newer.
func (c *hybridClock) merge(stamp Stamp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stamp.Wall > c.last || stamp.Wall == c.last && stamp.Logical > c.logical {
		c.last, c.logical = stamp.Wall, stamp.Logical
	}
}
