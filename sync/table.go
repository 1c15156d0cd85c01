package sync

import (
	"slices"
	"sync/atomic"
)

// table remembers the stamps of what was applied, so that what is older and
// comes later is refused. It is bounded: what it forgets raises the floor, below
// which every Set is refused. It needs a lock of its caller's, but to read
// arrivals.
type table struct {
	maxKeys, maxRanges int

	keys           map[string]*record
	oldest, newest *record     // by when they were last touched
	ranges         []tombstone // newest stamp first
	floor          Stamp
	cleansed       Stamp // every cached value is newer than this
	noFloor        bool  // a defect, for the test that must notice it

	// What follows is in the order of arrival at this node, for leases.
	arrivals  atomic.Uint64 // how many operations were applied
	cleansing uint64        // the last one that emptied the cache
	forgotten uint64        // the last one whose record is gone
}

type record struct {
	key        string
	stamp      Stamp
	arrival    uint64
	prev, next *record
}

type tombstone struct {
	pattern string
	stamp   Stamp
	arrival uint64
}

func newTable(maxKeys, maxRanges int) *table {
	return &table{maxKeys: maxKeys, maxRanges: maxRanges, keys: make(map[string]*record)}
}

// conflict returns what is known that bears on operation. The newest range is
// looked for only among those newer than the operation: an older one has no say.
func (t *table) conflict(operation Operation) Conflict {
	known := Conflict{Floor: t.floor}
	switch operation.Type {
	case Clear:
		known.Key = t.cleansed
		return known
	case InvalidatePattern:
		known.Key = t.cleansed
		if at := t.find(operation.Key); at >= 0 {
			known.Key = latest(known.Key, t.ranges[at].stamp)
		}
		return known
	}
	if found := t.keys[operation.Key]; found != nil {
		known.Key = found.stamp
	}
	for _, stone := range t.ranges {
		if operation.Stamp.newerThan(stone.stamp) {
			break
		}
		if covers(stone.pattern, operation.Key) {
			known.Range = stone.stamp
			break
		}
	}
	return known
}

// changedSince reports whether anything was applied since the lease began that
// may have changed key.
func (t *table) changedSince(begun uint64, key string) bool {
	if t.cleansing > begun || t.forgotten > begun {
		return true
	}
	if found := t.keys[key]; found != nil && found.arrival > begun {
		return true
	}
	for _, stone := range t.ranges {
		if stone.arrival > begun && covers(stone.pattern, key) {
			return true
		}
	}
	return false
}

// note remembers that operation was applied.
func (t *table) note(operation Operation) {
	t.arrivals.Add(1)
	switch operation.Type {
	case Set, Delete:
		t.noteKey(operation.Key, operation.Stamp)
	case InvalidatePattern:
		t.noteRange(operation.Key, operation.Stamp)
	case Clear:
		t.cleanse(operation.Stamp)
	}
}

func (t *table) noteKey(key string, stamp Stamp) {
	found := t.keys[key]
	if found == nil {
		found = &record{key: key}
		t.keys[key] = found
	} else {
		t.unlink(found)
	}
	found.stamp, found.arrival = stamp, t.arrivals.Load()
	t.link(found)
	for len(t.keys) > t.maxKeys {
		t.forget(t.oldest)
	}
}

// forget gives up a record. What it refused is refused by the floor from now on.
func (t *table) forget(old *record) {
	t.unlink(old)
	delete(t.keys, old.key)
	t.forgotten = max(t.forgotten, old.arrival)
	t.raise(old.stamp)
}

// find returns where the tombstone of pattern is, or -1.
func (t *table) find(pattern string) int {
	return slices.IndexFunc(t.ranges, func(stone tombstone) bool { return stone.pattern == pattern })
}

// noteRange replaces an older tombstone of the same pattern.
func (t *table) noteRange(pattern string, stamp Stamp) {
	if at := t.find(pattern); at >= 0 {
		t.ranges = slices.Delete(t.ranges, at, at+1)
	}
	at := len(t.ranges)
	for at > 0 && stamp.newerThan(t.ranges[at-1].stamp) {
		at--
	}
	t.ranges = slices.Insert(t.ranges, at, tombstone{pattern: pattern, stamp: stamp, arrival: t.arrivals.Load()})
	if last := len(t.ranges) - 1; last >= t.maxRanges {
		old := t.ranges[last]
		t.ranges = t.ranges[:last]
		t.forgotten = max(t.forgotten, old.arrival)
		t.raise(old.stamp)
	}
}

// cleanse makes stamp the floor, after the cache was emptied of what is older.
func (t *table) cleanse(stamp Stamp) {
	t.cleansing = t.arrivals.Add(1)
	t.cleansed = latest(t.cleansed, stamp)
	t.raise(stamp)
}

// raise raises the floor and drops what it makes needless.
func (t *table) raise(stamp Stamp) {
	if t.noFloor || !stamp.newerThan(t.floor) {
		return
	}
	t.floor = stamp
	kept := len(t.ranges)
	for kept > 0 && !t.ranges[kept-1].stamp.newerThan(stamp) {
		kept--
	}
	t.ranges = slices.Delete(t.ranges, kept, len(t.ranges))
}

func (t *table) link(r *record) {
	r.prev, r.next = t.newest, nil
	if t.newest != nil {
		t.newest.next = r
	} else {
		t.oldest = r
	}
	t.newest = r
}

func (t *table) unlink(r *record) {
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		t.oldest = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		t.newest = r.prev
	}
}
