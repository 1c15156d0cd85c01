package sync

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// EventKind says what has happened.
type EventKind string

// The kinds of events. Each says which fields of the Event it fills, beside
// Time.
const (
	// LeadershipAcquired: this node, Node, leads, in Term.
	LeadershipAcquired EventKind = "leadership acquired"
	// LeadershipLost: this node leads no more in Term, though it would like to.
	// Err says why. Its work has been told to stop.
	LeadershipLost EventKind = "leadership lost"
	// LeadershipReleased: this node has given the leadership of Term up at its
	// end.
	LeadershipReleased EventKind = "leadership released"
	// ElectionFailed: the port did not say whether Node, which is this node, may lead;
	// Err says why. It is asked again after ElectionOptions.Retry.
	ElectionFailed EventKind = "election failed"
	// Disconnected: none of this node's own heartbeats has come back for
	// Recovery.MaxStaleness since one was due, for Duration by now.
	Disconnected EventKind = "disconnected"
	// Reconnected: a heartbeat of this node's own has come back after Disconnected, and
	// what was missed meanwhile is known or written off.
	Reconnected EventKind = "reconnected"
	// NodeJoined: Node, or a new incarnation of it, was heard, or heard of, for the
	// first time in some while.
	NodeJoined EventKind = "node joined"
	// NodeSuspected: Node has been silent for three heartbeat intervals, for
	// Duration by now.
	NodeSuspected EventKind = "node suspected"
	// NodeLeft: Node has said that it ends.
	NodeLeft EventKind = "node left"
	// DuplicateNode: another live node has this node's NodeID, which is Node.
	DuplicateNode EventKind = "duplicate node"
	// ClockOff: this node's clock differs from the others' by more than
	// MaxClockOffset, given as Duration; positive where it is ahead.
	ClockOff EventKind = "clock off"
	// GapFound: Count operations of Node did not arrive in time.
	GapFound EventKind = "gap found"
	// GapHealed: Count operations of Node that were missed have arrived, or were
	// written off by emptying the cache, by reloading it, or by ignoring them.
	GapHealed EventKind = "gap healed"
	// CacheCleared: the cache was emptied since it could have been stale.
	CacheCleared EventKind = "cache cleared"
	// CacheReloaded: the user's Reload has returned; Err is its error.
	CacheReloaded EventKind = "cache reloaded"
	// CacheFailed: the cache has returned Err, or panicked.
	CacheFailed EventKind = "cache failed"
	// MessagesLost: the subscription has lost messages; Count is how many, 0
	// where that is not known.
	MessagesLost EventKind = "messages lost"
	// MessageUnreadable: a message could not be read; Err says why.
	MessageUnreadable EventKind = "message unreadable"
	// PublishFailed: Count operations, or a heartbeat where it is 0, could not be
	// sent; Err says why.
	PublishFailed EventKind = "publish failed"
	// Resubscribed: the subscription was deaf, or had ended, and was opened anew.
	Resubscribed EventKind = "resubscribed"
	// SubscribeFailed: no subscription could be opened; Err says why. It is tried
	// again.
	SubscribeFailed EventKind = "subscribe failed"
	// MembershipFailed: the node could not be kept a member; Err says why.
	MembershipFailed EventKind = "membership failed"
)

// Event is something that has happened on this node, for a log or a dashboard.
// Time is this node's wall clock.
type Event struct {
	Kind     EventKind
	Time     time.Time
	Node     string
	Term     uint64
	Count    uint64
	Duration time.Duration
	Err      error
	// Election names the election that an event is about, empty for the leadership of
	// the cluster.
	Election string
}

// String returns the kind of the event and the fields that it fills, but for Time,
// on a line for a log.
func (e Event) String() string {
	var details []string
	if e.Election != "" {
		details = append(details, fmt.Sprintf("election %q", e.Election))
	}
	if e.Node != "" {
		details = append(details, fmt.Sprintf("node %q", e.Node))
	}
	if e.Term > 0 {
		details = append(details, fmt.Sprintf("term %d", e.Term))
	}
	if e.Count > 0 {
		details = append(details, fmt.Sprintf("count %d", e.Count))
	}
	if e.Duration != 0 {
		details = append(details, e.Duration.String())
	}
	if e.Err != nil {
		details = append(details, e.Err.Error())
	}
	if len(details) == 0 {
		return string(e.Kind)
	}
	return string(e.Kind) + ": " + strings.Join(details, ", ")
}

// maxEvents is how many events wait for a slow observer.
const maxEvents = 256

// emit hands an event to the observer's goroutine, and never blocks.
func (s *DistributedSync) emit(event Event) {
	if s.options.Observe == nil {
		return
	}
	event.Time = s.clock.wall()
	select {
	case s.events <- event:
	default:
		s.counts.eventsDropped.Add(1)
	}
}

// observe calls the observer until ctx is done, and then with what is left.
func (s *DistributedSync) observe(ctx context.Context) {
	for {
		select {
		case event := <-s.events:
			s.tell(event)
		case <-ctx.Done():
			for len(s.events) > 0 {
				s.tell(<-s.events)
			}
			return
		}
	}
}

// tell calls the observer, whose panics are its own affair.
func (s *DistributedSync) tell(event Event) {
	var err error
	defer caught("observer", &err)
	s.options.Observe(event)
}
