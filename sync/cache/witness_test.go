package cache_test

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// reading is a value of the versioned source. Began is when its load began, zero
// for one that came by Set, whose ID is then that of the operation.
type reading struct {
	Key     string
	Version int
	Began   time.Time
	ID      int
}

// witness decides as LastWriterWins and remembers what reached its node, and when.
type witness struct {
	self string

	mu      sync.Mutex // guards reached
	reached []reached
}

type reached struct {
	dsync.Operation
	at      time.Time
	applied bool
}

func (w *witness) Decide(operation dsync.Operation, conflict dsync.Conflict) (bool, string) {
	apply, reason := dsync.LastWriterWins{}.Decide(operation, conflict)
	if operation.Type != dsync.Set || operation.Value != nil { // a fill has no value
		w.mu.Lock()
		defer w.mu.Unlock()
		w.reached = append(w.reached, reached{operation, time.Now(), apply})
	}
	return apply, reason
}

func bearsOn(operation dsync.Operation, key string) bool {
	return operation.Type == dsync.Clear || operation.Key == "v:"+key ||
		operation.Type == dsync.InvalidatePattern && coordination.Match(operation.Key, "v:"+key)
}

// violation returns the operation that got should have lost to when a Get that
// began at asked returned it, or nil.
func (w *witness) violation(key string, got reading, asked time.Time) *reached {
	w.mu.Lock()
	defer w.mu.Unlock()
	var set dsync.Stamp
	for _, o := range w.reached {
		var told reading
		if o.Type == dsync.Set && got.ID != 0 && json.Unmarshal(o.Value, &told) == nil && told.ID == got.ID {
			set = o.Stamp
		}
	}
	for _, o := range w.reached {
		if !bearsOn(o.Operation, key) || !o.at.Before(asked) {
			continue
		}
		loaded := got.ID == 0 && (o.applied || o.Origin != w.self) && got.Began.Before(o.at)
		if loaded || got.ID != 0 && o.applied && set.Compare(o.Stamp) < 0 {
			return &o
		}
	}
	return nil
}

// changes are what all nodes were told to drop, and by when.
type changes struct {
	mu   sync.Mutex // guards list
	list []change
}

type change struct {
	matches func(key string) bool
	told    time.Time
}

func (c *changes) add(matches func(key string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, change{matches, time.Now()})
}

// violation returns when all nodes were told to drop key, if that was more than bound
// before asked and after a load began; otherwise the zero time.
func (c *changes) violation(key string, began, asked time.Time, bound time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.list {
		if one.matches(key) && began.Before(one.told) && one.told.Before(asked.Add(-bound)) {
			return one.told
		}
	}
	return time.Time{}
}
