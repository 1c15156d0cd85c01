package broken

import (
	"context"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

// handleElection is an election by name of a sound handle, over its link.
type handleElection struct {
	h    *handle
	name string
}

// Election implements coordination.Elections.
func (h *handle) Election(name string) (coordination.Leadership, error) {
	if _, err := h.records.Load().Election(name); err != nil {
		return nil, err
	}
	return handleElection{h, name}, nil
}

func (e handleElection) TryAcquireLeadership(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
	return over(ctx, e.h, e.h.records.Load(), func(at *memory.Coordination) (uint64, bool, error) {
		election, err := at.Election(e.name)
		if err != nil {
			return 0, false, err
		}
		return election.TryAcquireLeadership(ctx, nodeID, ttl)
	})
}

func (e handleElection) ReleaseLeadership(ctx context.Context, nodeID string) (bool, error) {
	return over1(ctx, e.h, e.h.records.Load(), func(at *memory.Coordination) (bool, error) {
		election, err := at.Election(e.name)
		if err != nil {
			return false, err
		}
		return election.ReleaseLeadership(ctx, nodeID)
	})
}

func (e handleElection) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	return over(ctx, e.h, e.h.records.Load(), func(at *memory.Coordination) (coordination.Leader, bool, error) {
		election, err := at.Election(e.name)
		if err != nil {
			return coordination.Leader{}, false, err
		}
		return election.Leader(ctx)
	})
}
