package broken

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// throne is who leads in a namespace, for faults that overthrow him. Whether he
// still does is for the backend to say.
type throne struct {
	step sync.Mutex // for faults that do more than one thing at once, and never wait

	mu     sync.Mutex // guards what follows
	holder coordination.Leadership
	nodeID string
	ttl    time.Duration
}

// ascend notes who has acquired the lease.
func (t *throne) ascend(holder coordination.Leadership, nodeID string, ttl time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.holder, t.nodeID, t.ttl = holder, nodeID, ttl
}

// last returns who has acquired the lease last, and for how long.
func (t *throne) last() (holder coordination.Leadership, nodeID string, ttl time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.holder, t.nodeID, t.ttl
}

// topple ends the lease, whoever holds it, and says whether anyone did.
func (t *throne) topple() bool {
	holder, nodeID, _ := t.last()
	if holder == nil {
		return false
	}
	released, _ := holder.ReleaseLeadership(context.Background(), nodeID)
	return released
}

// candidacy is the leadership of one handle. It is sound, until a fault replaces
// what tries or what releases.
type candidacy struct {
	*adapter
	*throne
	self coordination.DistributedCoordination // holds what the handle does, also once that is closed

	try  func(ctx context.Context, nodeID string, ttl time.Duration) (term uint64, acquired bool, err error)
	free func(nodeID string) bool
}

// ofLeaders is a fault that knows who leads.
func ofLeaders(spoil func(c *candidacy)) func(*backend) func(*adapter) {
	return byNamespace(func(a *adapter, t *throne) {
		c := &candidacy{adapter: a, throne: t, self: a.peer()}
		c.try, c.free = c.acquire, c.release
		// The good handle holds nothing. It only says whether a call can be made.
		good := a.methods
		a.tryAcquireLeadership = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
			const operation = "try acquire leadership"
			if err := cmp.Or(
				coordination.CheckContext(operation, ctx),
				coordination.CheckName(operation, "nodeID", nodeID),
				coordination.CheckLease(operation, ttl),
			); err != nil {
				return 0, false, err
			}
			if _, err := good.releaseLeadership(ctx, nodeID); err != nil {
				return 0, false, err
			}
			return c.try(ctx, nodeID, ttl)
		}
		a.releaseLeadership = func(ctx context.Context, nodeID string) (bool, error) {
			if _, err := good.releaseLeadership(ctx, nodeID); err != nil {
				return false, err
			}
			return c.free(nodeID), nil
		}
		spoil(c)
	})
}

func (c *candidacy) acquire(_ context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
	term, acquired, err := c.self.TryAcquireLeadership(context.Background(), nodeID, ttl)
	if acquired {
		c.ascend(c.self, nodeID, ttl)
	}
	return term, acquired, err
}

func (c *candidacy) release(nodeID string) bool {
	released, _ := c.self.ReleaseLeadership(context.Background(), nodeID)
	return released
}

// now returns who leads now.
func (c *candidacy) now() (coordination.Leader, bool) {
	leader, found, _ := c.self.Leader(context.Background())
	return leader, found
}

// holds says whether it is this candidate who leads now.
func (c *candidacy) holds(nodeID string) bool {
	leader, found := c.now()
	holder, _, _ := c.last()
	return found && leader.NodeID == nodeID && holder == c.self
}

// lasting is a fault that mistakes how long a lease lasts. One that it has last
// no time ends at once.
func lasting(mistaken func(c *candidacy, nodeID string, ttl time.Duration) time.Duration) func(*backend) func(*adapter) {
	return ofLeaders(func(c *candidacy) {
		c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
			wrong := instead(c.adapter, ttl, mistaken(c, nodeID, ttl))
			term, acquired, err := c.acquire(ctx, nodeID, max(wrong, time.Millisecond))
			if acquired && wrong < time.Millisecond {
				c.topple()
			}
			return term, acquired, err
		}
	})
}
