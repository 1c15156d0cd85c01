package sync

import (
	"slices"
	"time"
)

// ClusterStatus is what a node knows at one moment, of itself and, by their
// heartbeats, of the others. Lists are in ascending order and belong to the
// caller. Counts are those since New.
type ClusterStatus struct {
	// NodeID is this node.
	NodeID string
	// DuplicateNodeID says that another live node has the same one.
	DuplicateNodeID bool

	// Leader is the node that leads as far as is known, empty where none is
	// known to, and Term its term. Leading says that it is this node.
	Leader  string
	Term    uint64
	Leading bool

	// KnownNodes are those of Config, this one, and those heard of within some
	// sixty heartbeat intervals;
	// ActiveNodes have been heard within three heartbeat intervals, or are this
	// one; SuspectNodes fell silent without having said that they end.
	KnownNodes, ActiveNodes, SuspectNodes []string

	// Pending is how many operations wait to be sent.
	Pending int
	// HistoryOperations and HistoryBytes are how much can be told again.
	HistoryOperations, HistoryBytes int
	// Published, Applied and Rejected count operations: this node's own that
	// were sent, the others' that were applied, and those of either that were
	// rejected.
	Published, Applied, Rejected uint64
	// Connected says that this node's own heartbeats come back: the newest that did
	// was sent within HeartbeatInterval plus Recovery.MaxStaleness. It is false
	// before the first one.
	Connected bool
	// LastHeard is when any message was last received, one of this node's own
	// included; zero before the first one.
	LastHeard time.Time
	// Lag is how long this node's last heartbeat took to come back to it, or for how
	// long the next one has been overdue, whichever is more.
	Lag time.Duration
	// ClockOffset is how far this node's clock is ahead of the middle one of
	// the active nodes, itself among them, or behind where it is negative; of
	// two nodes the middle is halfway between them. The time that heartbeats
	// take is part of it. ClockOff says that it is more than MaxClockOffset.
	ClockOffset time.Duration
	ClockOff    bool

	// GapsFound counts operations of others that did not arrive in time, and
	// GapsHealed those of them that are missed no more. Missing is what is left.
	GapsFound, GapsHealed, Missing uint64
	// Losses counts the times that a subscription told of lost messages, or was
	// replaced, or delivered what is no message; Unreadable counts the messages
	// that could not be read, in whole or in part; Resubscribed counts the
	// subscriptions that were replaced.
	Losses, Unreadable, Resubscribed uint64
	// CacheClears counts the times that the cache was emptied since it could
	// have been stale, and CacheFailures the errors and panics of the cache.
	CacheClears, CacheFailures uint64
	// PublishFailures counts messages that could not be sent, and EventsDropped
	// the events for which the observer was too slow.
	PublishFailures, EventsDropped uint64
}

// Status returns what the node knows. It never blocks on the port or the cache.
func (s *DistributedSync) Status() ClusterStatus {
	now := time.Now()
	v := s.peers.view(now)
	status := ClusterStatus{
		NodeID:          s.self.node,
		DuplicateNodeID: v.duplicate,
		Leader:          v.leader,
		Term:            v.term,
		KnownNodes:      sorted(slices.Concat(v.known, s.config.ClusterNodes, []string{s.self.node})),
		ActiveNodes:     sorted(v.active),
		SuspectNodes:    sorted(v.suspect),
		Pending:         s.outbox.count(),
		Connected:       s.connection.isFresh(),
		LastHeard:       s.peers.lastHeard(),
		Lag:             max(s.canary.delay(), s.connection.overdue()),
		ClockOffset:     v.offset,
		ClockOff:        v.offset.Abs() > MaxClockOffset,
		Missing:         v.missing,
		GapsFound:       s.counts.found.Load(),
		GapsHealed:      s.counts.healed.Load(),
		Published:       s.counts.published.Load(),
		Applied:         s.counts.applied.Load(),
		Rejected:        s.counts.rejected.Load(),
		Losses:          s.counts.lost.Load(),
		Unreadable:      s.counts.unreadable.Load(),
		Resubscribed:    s.counts.resubscribed.Load(),
		CacheClears:     s.counts.cleared.Load(),
		CacheFailures:   s.counts.cacheFailures.Load(),
		PublishFailures: s.counts.publishFailures.Load(),
		EventsDropped:   s.counts.eventsDropped.Load(),
	}
	status.HistoryOperations, status.HistoryBytes = s.outbox.history.held()
	if term, leads := s.election.Term(); leads {
		status.Leader, status.Term, status.Leading = s.self.node, term, true
	}
	return status
}

// Readable reports whether what the cache holds may be served. It costs a few tens
// of nanoseconds, takes no lock, and is right at every instant.
//
// It is false only with Recovery.Suspicion TreatAsMiss:
//   - until Run has received the first of this node's own heartbeats, and whenever
//     none has come back for Recovery.MaxStaleness since the next one was due;
//   - while operations of others are missed, or may have been;
//   - while the cache has yet to delete something, because a call of it failed.
func (s *DistributedSync) Readable() bool {
	if s.options.Recovery.Suspicion == ServeStale {
		return true
	}
	return s.connection.isFresh() && s.peers.isComplete() && !s.counts.broken.Load()
}

// IsLeader reports whether this node leads now. It is false before the lease can
// have ended, by this node's clocks; whoever relies on it beyond that needs the
// term, see Options.Election.
func (s *DistributedSync) IsLeader() bool { return s.election.IsLeader() }

func sorted(nodes []string) []string {
	slices.Sort(nodes)
	return slices.Compact(nodes)
}
