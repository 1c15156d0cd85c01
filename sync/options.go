package sync

import (
	"context"
	"fmt"
	"time"
)

// Options are the optional settings of a DistributedSync. The zero value works.
type Options struct {
	// Channel is where the nodes talk: each node of a cluster on the same one.
	// A node hears what is meant for it alone on this, a colon, and its NodeID:
	// no channel of others in the namespace may begin with this and a colon.
	// UTF-8; default DefaultChannel.
	Channel string
	// Cache is this process's cache. Nil means the port's own key store, which
	// all nodes share; see the package documentation for what that means.
	Cache Cache
	// Consensus resolves conflicts. Default LastWriterWins.
	Consensus ConsensusManager
	// Recovery is what to do about operations that were lost.
	Recovery Recovery
	// Election is how the leader is found, and what it does.
	Election ElectionOptions
	// Limits bound the memory.
	Limits Limits
	// PublishTimeout is how long Set, Delete and the like wait for the backend, or
	// for a place in a full queue. After that the operation stands, and is sent
	// later: see ErrDelayed. At most a day. Default a quarter of the heartbeat
	// interval, but not more than 500 ms. Negative means not to wait: Run sends
	// what is queued, and no error of the backend is returned.
	PublishTimeout time.Duration
	// Observe is told what happens, one event at a time, in their order. While
	// it blocks, up to 256 further ones wait; those beyond are dropped and
	// counted in Status. It is called while Run runs, which waits for it at its
	// end, and may call DistributedSync. Its panics are dropped.
	Observe func(Event)
}

// DefaultChannel is the channel of a node whose options name none.
const DefaultChannel = "riptide:sync:operations"

// Fallback says what follows when lost operations can't be had again.
type Fallback int

// The fallbacks.
const (
	// FallbackClear empties the cache: what is not there can't be stale.
	FallbackClear Fallback = iota
	// FallbackReload calls Recovery.Reload, and empties the cache where that
	// fails, and where a node that is older than this one is met.
	FallbackReload
	// FallbackIgnore does nothing but count, also where an older node is met.
	// The node may serve stale values until their time to live ends: the
	// guarantee of the package is given up.
	FallbackIgnore
)

// Suspicion says what a reader is told while the node knows that it has missed
// operations and has not got over it.
type Suspicion int

// The suspicions.
const (
	// ServeStale lets Readable be true all the time.
	ServeStale Suspicion = iota
	// TreatAsMiss makes Readable false meanwhile, and when this node is cut off.
	TreatAsMiss
)

// Recovery says what to do about operations that were lost. They are asked for
// again from the node that they came from; if that is in vain the fallback
// follows. The zero value works.
type Recovery struct {
	// Grace is how long a missing operation may be merely late. Default 100 ms, at
	// most a day.
	Grace time.Duration
	// Timeout is how long the origin may take to tell again what was lost,
	// asked three times over. Default 250 ms, at most a day. The fallback comes
	// in the last fifth of it, at a point that differs from node to node, and at
	// most twice in a heartbeat interval.
	Timeout time.Duration
	// Fallback says what follows then.
	Fallback Fallback
	// Reload brings the cache up to date for FallbackReload: once it has
	// returned, nothing in the cache may be older than its call. It must return
	// when ctx is done, which it is after a heartbeat interval at the latest;
	// an error, or a panic, means that the cache is emptied. Operations wait
	// meanwhile, so that it must call no method of the DistributedSync that has
	// an error to return. It needs an Options.Cache.
	Reload func(ctx context.Context) error
	// Suspicion says what a reader is told meanwhile.
	Suspicion Suspicion
	// MaxStaleness is for how long TreatAsMiss lets a node serve its cache when its
	// own heartbeats do not come back, counted from when the next one was due: an
	// interval after the newest that came back. The clock is the monotonic one, which on
	// Linux stands still while the machine is suspended: a machine that wakes up may
	// serve what it held for what was left of the bound. A process that was stopped on a
	// machine that runs does not. Default three heartbeat intervals; at most a day.
	MaxStaleness time.Duration
}

// Limits bound what a node holds. A limit that is reached is never an error: it
// makes a caller wait as long as its context allows, or a node forget more than
// it must. The defaults come to some 8 MiB. The zero value works.
type Limits struct {
	// Keys is how many keys' stamps are remembered, and the keys with them.
	// Default 16,384, some 3 MiB for keys of some 30 bytes. What is forgotten
	// makes a node refuse values as old as that.
	Keys int
	// Patterns is how many invalidations are remembered. Default 256.
	Patterns int
	// HistoryOperations and HistoryBytes are how many of its own operations a
	// node can tell again. Default 4,096, of 4 MiB; an operation counts for its
	// id, key and value and 256 bytes. A value that is larger is told again as
	// a Delete.
	HistoryOperations, HistoryBytes int
	// QueueOperations and QueueBytes are how many operations wait to be sent
	// before callers have to wait. Default 4,096, of 1 MiB. One that is larger,
	// as a value of 1 MiB is by default, waits until it is alone. Callers wait in
	// line.
	QueueOperations, QueueBytes int
	// BatchOperations is how many operations go into one message. Default 64.
	BatchOperations int
	// Origins is how many incarnations of nodes are followed. Default 1,024.
	// With more, the one silent for the longest is forgotten, and met anew.
	Origins int
}

// maxBatchBytes is how much one message carries, unless it is one operation.
const maxBatchBytes = 1 << 20

// withDefaults returns the options, all of them set.
func (o *Options) withDefaults(interval time.Duration) (Options, error) {
	var set Options
	if o != nil {
		set = *o
	}
	if set.Channel == "" {
		set.Channel = DefaultChannel
	}
	if set.Consensus == nil {
		set.Consensus = LastWriterWins{}
	}
	if set.PublishTimeout > longest {
		return Options{}, invalid("new", "PublishTimeout", fmt.Sprintf("is %v, want at most %v", set.PublishTimeout, longest))
	}
	if set.PublishTimeout == 0 {
		set.PublishTimeout = min(interval/4, 500*time.Millisecond)
	}
	if err := set.Recovery.complete(interval); err != nil {
		return Options{}, err
	}
	if set.Recovery.Fallback == FallbackReload && set.Cache == nil {
		return Options{}, invalid("new", "Recovery.Fallback", "is FallbackReload, but there is no Cache to reload")
	}
	return set, set.Limits.complete()
}

func (r *Recovery) complete(interval time.Duration) error {
	for _, of := range []struct {
		name string
		d    *time.Duration
		or   time.Duration
	}{
		{"Recovery.Grace", &r.Grace, 100 * time.Millisecond},
		{"Recovery.Timeout", &r.Timeout, 250 * time.Millisecond},
		{"Recovery.MaxStaleness", &r.MaxStaleness, min(missedBeats*interval, longest)},
	} {
		if *of.d < 0 || *of.d > longest {
			return invalid("new", of.name, fmt.Sprintf("is %v, not from zero to %v", *of.d, longest))
		}
		if *of.d == 0 {
			*of.d = of.or
		}
	}
	switch r.Fallback {
	case FallbackClear, FallbackIgnore:
	case FallbackReload:
		if r.Reload == nil {
			return invalid("new", "Recovery.Reload", "is nil, but Fallback is FallbackReload")
		}
	default:
		return invalid("new", "Recovery.Fallback", fmt.Sprintf("is %d", r.Fallback))
	}
	if r.Suspicion != ServeStale && r.Suspicion != TreatAsMiss {
		return invalid("new", "Recovery.Suspicion", fmt.Sprintf("is %d", r.Suspicion))
	}
	return nil
}

func (l *Limits) complete() error {
	for _, of := range []struct {
		name string
		n    *int
		or   int
	}{
		{"Limits.Keys", &l.Keys, 16_384},
		{"Limits.Patterns", &l.Patterns, 256},
		{"Limits.HistoryOperations", &l.HistoryOperations, 4_096},
		{"Limits.HistoryBytes", &l.HistoryBytes, 4 << 20},
		{"Limits.QueueOperations", &l.QueueOperations, 4_096},
		{"Limits.QueueBytes", &l.QueueBytes, 1 << 20},
		{"Limits.BatchOperations", &l.BatchOperations, 64},
		{"Limits.Origins", &l.Origins, 1_024},
	} {
		if *of.n < 0 {
			return invalid("new", of.name, fmt.Sprintf("is %d, less than zero", *of.n))
		}
		if *of.n == 0 {
			*of.n = of.or
		}
	}
	for _, of := range []struct {
		name string
		n    int
	}{{"Limits.BatchOperations", l.BatchOperations}, {"Limits.Origins", l.Origins}} {
		if of.n > maxParts {
			return invalid("new", of.name, fmt.Sprintf("is %d, more than the %d that a message may hold", of.n, maxParts))
		}
	}
	return nil
}
