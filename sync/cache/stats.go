package cache

import (
	"math/rand/v2"
	"sync/atomic"
)

// Stats are the figures of a cache since New.
type Stats struct {
	// Hits and Misses count the calls of Get and Fetch that were served from
	// memory and those that were not.
	Hits, Misses uint64
	// Loads counts the loads that have begun, Refreshes those of them in the
	// background, and LoadErrors those that failed; ErrNotFound is no failure.
	Loads, Refreshes, LoadErrors uint64
	// Discarded counts loaded values that were returned but not stored: the key was
	// changed meanwhile, or the node was not Readable. If it grows like Loads, the
	// loads are slower than the invalidations.
	Discarded uint64
	// StaleServed counts values served after their TTL since a load failed.
	StaleServed uint64
	// Evictions counts values dropped since Capacity was reached.
	Evictions uint64
	// DecodeErrors counts values of other nodes that the codec could not decode.
	DecodeErrors uint64
	// Size is about how many values the cache holds now.
	Size int
}

// counts are the figures without a lock.
type counts struct {
	hits                                     striped
	misses, loads, refreshes, loadErrors     atomic.Uint64
	discarded, stale, evictions, undecodable atomic.Uint64
}

// striped is a counter that many cores may add to at once.
type striped [16]struct {
	atomic.Uint64
	_ [56]byte // a cache line each
}

func (s *striped) add() { s[rand.Uint32()%uint32(len(s))].Add(1) }

func (s *striped) sum() (total uint64) {
	for i := range s {
		total += s[i].Load()
	}
	return total
}

// Stats returns the figures. It may be called at any time, also after Close.
func (c *Cache[V]) Stats() Stats {
	return Stats{
		Hits:         c.counts.hits.sum(),
		Misses:       c.counts.misses.Load(),
		Loads:        c.counts.loads.Load(),
		Refreshes:    c.counts.refreshes.Load(),
		LoadErrors:   c.counts.loadErrors.Load(),
		Discarded:    c.counts.discarded.Load(),
		StaleServed:  c.counts.stale.Load(),
		Evictions:    c.counts.evictions.Load(),
		DecodeErrors: c.counts.undecodable.Load(),
		Size:         c.entries.EstimatedSize(),
	}
}
