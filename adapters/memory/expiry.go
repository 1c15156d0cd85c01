package memory

import (
	"time"

	"github.com/tidwall/btree"

	"github.com/riptidecrawler/coordkit/coordination"
)

// entries is a map in ascending order of its names whose entries may end. An
// entry that has ended may still be in it; it is up to the caller to look, with
// live, or to sweep before. It has no lock of its own.
type entries struct {
	byName btree.Map[string, entry]
	byEnd  *btree.BTreeG[ending] // of the entries that end, and of no others
}

// entry is a value and when it ends; the zero time stands for never. Values are
// strings because they never change once they are stored.
type entry struct {
	value string
	end   time.Time
}

func (e entry) live(now time.Time) bool { return e.end.IsZero() || now.Before(e.end) }

// ending is the place of an entry in the order of their ends.
type ending struct {
	end  time.Time
	name string
}

func newEntries() *entries {
	return &entries{byEnd: btree.NewBTreeGOptions(func(a, b ending) bool {
		if order := a.end.Compare(b.end); order != 0 {
			return order < 0
		}
		return a.name < b.name
	}, btree.Options{NoLocks: true})}
}

func (e *entries) get(name string, now time.Time) (entry, bool) {
	found, ok := e.byName.Get(name)
	return found, ok && found.live(now)
}

func (e *entries) set(name string, added entry) {
	replaced, _ := e.byName.Set(name, added)
	if !replaced.end.IsZero() {
		e.byEnd.Delete(ending{replaced.end, name})
	}
	if !added.end.IsZero() {
		e.byEnd.Set(ending{added.end, name})
	}
}

// remove says whether the entry was there and had not ended.
func (e *entries) remove(name string, now time.Time) bool {
	removed, ok := e.byName.Delete(name)
	if !removed.end.IsZero() {
		e.byEnd.Delete(ending{removed.end, name})
	}
	return ok && removed.live(now)
}

// sweep removes up to limit entries that have ended.
func (e *entries) sweep(now time.Time, limit int) {
	for range limit {
		first, ok := e.byEnd.Min()
		if !ok || now.Before(first.end) {
			return
		}
		e.byEnd.PopMin()
		e.byName.Delete(first.name)
	}
}

// endOf returns when a time to live that begins now will have ended.
func endOf(now time.Time, ttl time.Duration) time.Time {
	return now.Add(time.Duration(coordination.Millis(ttl)) * time.Millisecond)
}
