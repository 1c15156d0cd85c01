package sync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

var (
	// ErrRejected says that an operation was not applied, because the node knows
	// of a newer one, or has forgotten too much to know of none. Nothing was
	// changed, and the others were not told.
	ErrRejected = errors.New("sync: operation rejected")

	// ErrRunning says that Run was called before.
	ErrRunning = errors.New("sync: run was called before")

	// ErrDelayed says that an operation was applied on this node and stands, but is
	// not known to have been published: the backend failed, or did not answer within
	// Options.PublishTimeout or the caller's context. The other nodes receive it
	// later, a heartbeat interval after the backend answers again at the latest, or
	// clear their caches. It wraps the reason. Callers may ignore it.
	ErrDelayed = errors.New("sync: operation is delayed")

	// ErrQueueFull says that the queue had no place for an operation within
	// Options.PublishTimeout. Nothing was changed, and the others were not told.
	ErrQueueFull = errors.New("sync: queue is full")

	// errAborted says that a goroutine of Run was ended from inside, as a failed
	// assertion of a mock does.
	errAborted = errors.New("a goroutine was ended by runtime.Goexit")
)

// DistributedSync keeps the cache of this node coherent with those of the others
// and takes part in the election of a leader. Make it with New, and call Run
// once: without it the node can tell others of its operations, but hears of none.
//
// All methods are safe for concurrent use.
type DistributedSync struct {
	config  Config
	options Options
	port    coordination.DistributedCoordination
	self    incarnation
	echo    echo // of self
	clock   *hybridClock
	cache   Cache
	shared  bool // the cache is the port's key store

	outbox   *outbox
	buffer   []byte // of broadcast
	peers    *peers
	election *LeaderElection
	events   chan Event
	counts   counts

	ran    atomic.Bool
	closed atomic.Bool
	canary canary

	connection *connection

	stirs    chan struct{} // wakes the recovery
	announce chan struct{} // has a heartbeat sent at once
	released bool          // the lease was freed; for Run's goroutine only

	// applying is held while operations are applied, with the calls of the cache.
	// It guards what follows.
	applying semaphore
	table    *table
	repairs  repairs

	weak weaknesses
}

// weaknesses are parts of the algorithm that the simulation leaves out, to show
// that it notices.
type weaknesses struct {
	noBarrier     bool // do not forget what is older than an older origin
	noFloor       bool // accept values of any age
	silentBeats   bool // do not say the last number in heartbeats
	leaseByAnswer bool // count a lease from the answer
	endlessTrust  bool // be readable however long the node is cut off
}

// counts are figures that are read without a lock; most of them only grow.
type counts struct {
	found, healed, cleared                     atomic.Uint64
	published, applied, rejected               atomic.Uint64
	unreadable, publishFailures, cacheFailures atomic.Uint64
	lost, resubscribed, eventsDropped          atomic.Uint64

	broken   atomic.Bool // the cache has yet to forget something
	clockOff atomic.Bool // this was reported
}

// New returns a node that is not yet running. It calls nothing on port, which it
// does not close. options may be nil.
//
// Errors: coordination.ErrInvalidArgument for a port that is nil, and for a
// setting that is no good, naming the one to change.
func New(config Config, port coordination.DistributedCoordination, options *Options) (*DistributedSync, error) {
	if port == nil {
		return nil, invalid("new", "port", "is nil")
	}
	set, err := options.withDefaults(config.HeartbeatInterval)
	if err != nil {
		return nil, err
	}
	if err := config.check(set.Channel); err != nil {
		return nil, err
	}
	if err := coordination.CheckPayload("new", "Metadata", config.Metadata); err != nil {
		return nil, err
	}
	config.ClusterNodes, config.Metadata = slices.Clone(config.ClusterNodes), bytes.Clone(config.Metadata)
	return build(config, port, set, time.Now, epochAt(time.Now(), rand.Uint32()), weaknesses{})
}

// build makes a node from checked settings.
func build(
	config Config, port coordination.DistributedCoordination, options Options,
	wall func() time.Time, epoch uint64, weak weaknesses,
) (*DistributedSync, error) {
	s := &DistributedSync{
		config:   config,
		options:  options,
		port:     port,
		self:     incarnation{config.NodeID, epoch},
		echo:     newEcho(incarnation{config.NodeID, epoch}),
		cache:    options.Cache,
		shared:   options.Cache == nil,
		events:   make(chan Event, maxEvents),
		stirs:    make(chan struct{}, 1),
		announce: make(chan struct{}, 1),
		applying: make(semaphore, 1),
		table:    newTable(options.Limits.Keys, options.Limits.Patterns),
		weak:     weak,
	}
	if s.shared {
		s.cache = store{port}
	}
	s.table.noFloor = weak.noFloor
	s.connection = newConnection(config.HeartbeatInterval, options.Recovery.MaxStaleness)
	s.connection.endless = weak.endlessTrust
	s.clock = &hybridClock{wall: wall, node: s.self.node, epoch: s.self.epoch}
	s.peers = newPeers(s.self, config.HeartbeatInterval, options.Recovery, options.Limits.Origins)
	s.outbox = &outbox{
		publish:  s.broadcast,
		clock:    s.clock,
		self:     s.self,
		limits:   options.Limits,
		history:  newHistory(options.Limits.HistoryOperations, options.Limits.HistoryBytes),
		sending:  make(semaphore, 1),
		carrying: make(semaphore, 1),
		first:    make(semaphore, 1),
		unsent:   make(chan struct{}, 1),
	}
	election, err := NewLeaderElection(config.NodeID, config.LeaderElectionTimeout, port, &options.Election, s.noteElection)
	if err != nil {
		return nil, err
	}
	election.wall, election.byAnswer = wall, weak.leaseByAnswer
	s.election = election
	return s, nil
}

// epochAt gives an incarnation a number that no other one of the same node has,
// by chance, and that is greater than those of all that began a second or more
// before, by the clocks. It is exact in every JSON reader for two centuries.
func epochAt(now time.Time, chance uint32) uint64 {
	return max(uint64(now.Unix())<<20|uint64(chance>>12), 1)
}

// Set stores value under key in the cache of this node, and tells the others to
// do the same. ttl is 0 for no end, or at least a millisecond, and rounded up to
// whole milliseconds. value has at most MaxValueLen bytes and is copied.
//
// It returns when the message was published, or after Options.PublishTimeout.
// Errors:
//   - ErrDelayed: the operation stands, and the others receive it later. It wraps
//     what the port returned, context.DeadlineExceeded, or ctx.Err().
//   - ErrQueueFull: nothing was changed.
//   - ErrRejected: the ConsensusManager says so. Nothing was changed.
//   - What the cache returned: the others were not told.
//   - coordination.ErrInvalidArgument, ctx.Err(): nothing was changed.
//   - coordination.ErrClosed while Run ends, and after.
func (s *DistributedSync) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return s.change(ctx, "set", Operation{Type: Set, Key: key, Value: value, TTL: ttl}, true)
}

// Delete forgets key here, and tells the others to. They are told also where the
// cache of this node returns an error. It returns as Set does.
func (s *DistributedSync) Delete(ctx context.Context, key string) error {
	return s.change(ctx, "delete", Operation{Type: Delete, Key: key}, true)
}

// InvalidatePattern forgets here every key that pattern matches, as
// coordination.Match decides, and tells the others to. It returns as Delete does.
func (s *DistributedSync) InvalidatePattern(ctx context.Context, pattern string) error {
	return s.change(ctx, "invalidate", Operation{Type: InvalidatePattern, Key: pattern}, true)
}

// Clear forgets everything here, and tells the others to. Without Options.Cache
// that is everything in the port's key store. It returns as Delete does.
func (s *DistributedSync) Clear(ctx context.Context) error {
	return s.change(ctx, "clear", Operation{Type: Clear}, true)
}

// NotifyOperation tells the others of an operation and leaves the cache of this
// node alone. It gives it what is missing of Timestamp, Origin and Stamp, and its
// Epoch and Seq. A Stamp that is given sets the clocks of all nodes at least as far
// ahead. A Heartbeat goes before the messages for which other callers wait, but for
// one that is under way or has its numbers.
//
// Whoever changes the cache himself races with what other nodes tell: a Delete,
// an InvalidatePattern and a Clear are safe where the caller forgets after this
// call has returned; a Set is not, and has a method of its own.
//
// Errors: coordination.ErrInvalidArgument, also for an Origin that is not this
// node; otherwise as Set.
func (s *DistributedSync) NotifyOperation(ctx context.Context, operation Operation) error {
	const call = "notify"
	if operation.Origin != "" && operation.Origin != s.self.node {
		return invalid(call, "origin", fmt.Sprintf("is %q, not this node", operation.Origin))
	}
	if operation.Type != Heartbeat {
		if err := s.believe(call, operation); err != nil {
			return err
		}
		return s.change(ctx, call, operation, false)
	}
	if err := s.admit(ctx, call, operation.check(call)); err != nil {
		return err
	}
	if err := s.beat(ctx, heartbeat{}); err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	return nil
}

// admit makes the checks with which every method begins.
func (s *DistributedSync) admit(ctx context.Context, call string, argument error) error {
	if err := coordination.CheckContext(call, ctx); err != nil {
		return err
	}
	if argument != nil {
		return argument
	}
	if s.closed.Load() {
		return fmt.Errorf("%s: %w", call, coordination.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	return nil
}
