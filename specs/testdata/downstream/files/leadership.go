package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// lease is who leads. The candidate is a node ID on a handle.
type lease struct {
	Handle, NodeID string
	Term           uint64
	End            time.Time
}

// TryAcquireLeadership implements coordination.Leadership.
func (h *Handle) TryAcquireLeadership(
	ctx context.Context, nodeID string, ttl time.Duration,
) (term uint64, acquired bool, err error) {
	const operation = "try acquire leadership"
	if err := h.admit(ctx, operation,
		coordination.CheckName(operation, "nodeID", nodeID),
		coordination.CheckLease(operation, ttl),
	); err != nil {
		return 0, false, err
	}
	err = h.exclusively(ctx, h.done, func() error {
		current, held, err := h.lease()
		if err != nil {
			return err
		}
		if !held {
			current = lease{Handle: h.id, NodeID: nodeID}
			if current.Term, err = h.nextTerm(); err != nil {
				return err
			}
		}
		if current.Handle != h.id || current.NodeID != nodeID {
			return nil
		}
		current.End = endOf(ttl)
		if err := h.store(filepath.Join(h.space, leaseFile), current); err != nil {
			return err
		}
		term, acquired = current.Term, true
		return nil
	})
	return term, acquired, h.explain(operation, err)
}

// ReleaseLeadership implements coordination.Leadership.
func (h *Handle) ReleaseLeadership(ctx context.Context, nodeID string) (released bool, err error) {
	const operation = "release leadership"
	if err := h.admit(ctx, operation, coordination.CheckName(operation, "nodeID", nodeID)); err != nil {
		return false, err
	}
	err = h.exclusively(ctx, h.done, func() error {
		current, held, err := h.lease()
		if err != nil || !held || current.Handle != h.id || current.NodeID != nodeID {
			return err
		}
		err = os.Remove(filepath.Join(h.space, leaseFile))
		released = err == nil
		return err
	})
	return released, h.explain(operation, err)
}

// Leader implements coordination.Leadership.
func (h *Handle) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	const operation = "leader"
	if err := h.admit(ctx, operation); err != nil {
		return coordination.Leader{}, false, err
	}
	now := time.Now() // see table.read
	current, held, err := h.lease()
	if err != nil || !held {
		return coordination.Leader{}, false, h.explain(operation, err)
	}
	return coordination.Leader{NodeID: current.NodeID, Term: current.Term, Remaining: current.End.Sub(now)}, true, nil
}

// lease returns the lease that is held.
func (h *Handle) lease() (current lease, held bool, err error) {
	now := time.Now() // see table.read
	found, err := load(filepath.Join(h.space, leaseFile), &current)
	if err != nil || !found || !now.Before(current.End) {
		return lease{}, false, err
	}
	return current, true, nil
}

// nextTerm counts, and is never behind the clock: so that terms go on rising
// where the directory was lost.
func (h *Handle) nextTerm() (term uint64, err error) {
	path := filepath.Join(h.space, termFile)
	if _, err := load(path, &term); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	term = max(term+1, uint64(time.Now().UnixMicro()))
	return term, h.store(path, term)
}
