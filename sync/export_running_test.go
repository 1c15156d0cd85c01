package sync

import (
	"math/rand/v2"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// MaxHoles is how many holes in the numbers of a node are told apart.
const MaxHoles = maxHoles

// SayNoNumbers gives the node the defect of heartbeats that say no number. It is
// called before Run.
func (s *DistributedSync) SayNoNumbers() { s.weak.silentBeats = true }

// HolesOf is how many holes are told apart in the numbers of a node.
func (s *DistributedSync) HolesOf(node string) (count int) {
	s.peers.mu.Lock()
	defer s.peers.mu.Unlock()
	for _, o := range s.peers.origins {
		if o.node == node {
			count += len(o.holes)
		}
	}
	return count
}

// NewByWall is New for a node with a clock of its own on the wall.
func NewByWall(
	config Config, port coordination.DistributedCoordination, options *Options, wall func() time.Time,
) (*DistributedSync, error) {
	set, err := options.withDefaults(config.HeartbeatInterval)
	if err != nil {
		return nil, err
	}
	return build(config, port, set, wall, epochAt(wall(), rand.Uint32()), weaknesses{})
}
