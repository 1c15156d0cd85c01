package sync

import (
	"context"
	"time"
)

// WithDefaults returns what options come to.
func WithDefaults(options *Options) (Options, error) {
	return options.withDefaults(DefaultHeartbeatInterval)
}

// Prove has the node take a heartbeat of its own for having come back just now.
func (s *DistributedSync) Prove() { s.heartbeatReturned(time.Now()) }

// End has the node refuse what it refuses after Run has ended.
func (s *DistributedSync) End() { s.closed.Store(true) }

// Mend has the cache forget what it failed to forget, as Run does from time to
// time.
func (s *DistributedSync) Mend(ctx context.Context) { s.mend(ctx) }

// WriteOff gives up what is lost for good and not newer than floor.
func (s *DistributedSync) WriteOff(ctx context.Context, floor Stamp) bool {
	return s.writeOff(ctx, steps{floor: floor})
}
