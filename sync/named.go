package sync

import (
	"fmt"

	"github.com/riptidecrawler/coordkit/coordination"
)

// NewElection returns an election by name in which this node has yet to take part, by
// calling its Run: one for each job that one node at a time does. Each name has a
// leader and terms of its own. The elections share the connections and the membership
// of the node, its NodeID and LeaderElectionTimeout; their events go to
// Options.Observe, with the name, while the node runs. Options.Election is the one
// that DistributedSync runs itself.
//
// options may be nil. End its Run before that of the node.
//
// Errors: coordination.ErrInvalidArgument for an invalid name or option, and for a port
// that is not a coordination.Elections; coordination.ErrClosed.
func (s *DistributedSync) NewElection(name string, options *ElectionOptions) (*LeaderElection, error) {
	elections, ok := s.port.(coordination.Elections)
	if !ok {
		return nil, invalid("new election", "port", fmt.Sprintf("is a %T, want one with elections by name (coordination.Elections)", s.port))
	}
	leadership, err := elections.Election(name)
	if err != nil {
		return nil, fmt.Errorf("new election: %w", err)
	}
	election, err := NewLeaderElection(s.self.node, s.config.LeaderElectionTimeout, leadership, options, func(event Event) {
		event.Election = name
		s.emit(event)
	})
	if err != nil {
		return nil, err
	}
	election.wall = s.clock.wall
	return election, nil
}
