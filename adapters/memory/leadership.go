package memory

import (
	"context"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// candidate is who may hold a lease: a node ID on one handle.
type candidate struct {
	handle *Coordination
	nodeID string
}

// lease is the leadership of a space.
type lease struct {
	mu     sync.Mutex // guards what follows
	holder candidate  // the zero candidate where it was released
	term   uint64     // of the last acquisition, by whomever
	end    time.Time
}

// election is one election as a handle sees it.
type election struct {
	c     *Coordination
	name  string // "" is the handle's own leadership
	lease *lease
}

// Election implements coordination.Elections.
func (c *Coordination) Election(name string) (coordination.Leadership, error) {
	const operation = "election"
	if err := coordination.CheckName(operation, "name", name); err != nil {
		return nil, err
	}
	select {
	case <-c.done:
		return nil, closedError(operation)
	default:
		return &election{c, name, c.space.election(name)}, nil
	}
}

func (s *space) election(name string) *lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.elections == nil {
		s.elections = map[string]*lease{}
	}
	found := s.elections[name]
	if found == nil {
		found = &lease{}
		s.elections[name] = found
	}
	return found
}

// Claim implements coordination.Claimer.
func (e *election) Claim(name string) (release func(), err error) {
	return e.c.Claim("election " + e.name + "\x00" + name)
}

// TryAcquireLeadership implements coordination.Leadership.
func (e *election) TryAcquireLeadership(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
	const operation = "try acquire leadership"
	if err := e.c.admit(ctx, operation,
		coordination.CheckName(operation, "nodeID", nodeID),
		coordination.CheckLease(operation, ttl),
	); err != nil {
		return 0, false, err
	}
	term, acquired := e.lease.acquire(candidate{e.c, nodeID}, ttl)
	return term, acquired, nil
}

// ReleaseLeadership implements coordination.Leadership.
func (e *election) ReleaseLeadership(ctx context.Context, nodeID string) (bool, error) {
	const operation = "release leadership"
	if err := e.c.admit(ctx, operation, coordination.CheckName(operation, "nodeID", nodeID)); err != nil {
		return false, err
	}
	return e.lease.release(candidate{e.c, nodeID}), nil
}

// Leader implements coordination.Leadership.
func (e *election) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	if err := e.c.admit(ctx, "leader"); err != nil {
		return coordination.Leader{}, false, err
	}
	leader, found := e.lease.leader()
	return leader, found, nil
}

// own is the leadership of the handle itself.
func (c *Coordination) own() *election { return &election{c: c, lease: &c.space.lease} }

// TryAcquireLeadership implements coordination.Leadership.
func (c *Coordination) TryAcquireLeadership(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
	return c.own().TryAcquireLeadership(ctx, nodeID, ttl)
}

// ReleaseLeadership implements coordination.Leadership.
func (c *Coordination) ReleaseLeadership(ctx context.Context, nodeID string) (bool, error) {
	return c.own().ReleaseLeadership(ctx, nodeID)
}

// Leader implements coordination.Leadership.
func (c *Coordination) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	return c.own().Leader(ctx)
}

func (l *lease) acquire(by candidate, ttl time.Duration) (term uint64, acquired bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	switch {
	case !l.held(now):
		// The clock makes terms go on rising where the hub is a new one, after
		// its process has started again; counting, where the clock stands still
		// or goes back.
		l.term = max(l.term+1, uint64(max(0, now.UnixMicro())))
		l.holder = by
	case l.holder != by:
		return 0, false
	}
	l.end = endOf(now, ttl)
	return l.term, true
}

func (l *lease) release(by candidate) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held(time.Now()) || l.holder != by {
		return false
	}
	l.holder = candidate{}
	return true
}

func (l *lease) leader() (coordination.Leader, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.held(now) {
		return coordination.Leader{}, false
	}
	return coordination.Leader{
		NodeID:    l.holder.nodeID,
		Term:      l.term,
		Remaining: l.end.Sub(now),
	}, true
}

// held is called with the lock held.
func (l *lease) held(now time.Time) bool {
	return l.holder != candidate{} && now.Before(l.end)
}
