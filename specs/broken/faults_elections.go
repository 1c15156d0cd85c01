package broken

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// outageLeaders are faults in what an outage comes to for the leader.
func outageLeaders() []Fault {
	return []Fault{
		{
			Name:   "leader-in-spite-of-an-error",
			Does:   "says together with ErrUnavailable that the last leader leads",
			Breaks: breaks("error-4 outage-4"),
			spoil: each(func(a *adapter) {
				try := a.tryAcquireLeadership
				var held atomic.Uint64
				a.tryAcquireLeadership = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					term, acquired, err := try(ctx, nodeID, ttl)
					if !errors.Is(err, coordination.ErrUnavailable) {
						held.Store(term)
						return term, acquired, err
					}
					if term = held.Load(); term > 0 {
						a.strike()
					}
					return term, term > 0, err
				}
			}),
		},
		{
			Name:   "a-token-for-each-try",
			Does:   "draws a new token for a try after one that failed, which may have got through",
			Breaks: breaks("outage-4..5"),
			spoil: each(func(a *adapter) {
				good := a.methods
				var token atomic.Pointer[coordination.DistributedCoordination]
				a.tryAcquireLeadership = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					condition, _ := a.link.is()
					its := token.Load()
					if condition == whole && its != nil {
						term, acquired, err := (*its).TryAcquireLeadership(ctx, nodeID, ttl)
						if !acquired {
							a.strike()
						}
						return term, acquired, err
					}
					term, acquired, err := good.tryAcquireLeadership(ctx, nodeID, ttl)
					if condition == cut && errors.Is(err, coordination.ErrUnavailable) {
						// It got through, and the answer did not get back.
						_, _, _ = a.peer().TryAcquireLeadership(ctx, nodeID, ttl)
						next := a.peer()
						token.Store(&next)
					}
					return term, acquired, err
				}
				a.releaseLeadership = func(ctx context.Context, nodeID string) (bool, error) {
					condition, _ := a.link.is()
					if its := token.Load(); condition == whole && its != nil {
						return (*its).ReleaseLeadership(ctx, nodeID)
					}
					return good.releaseLeadership(ctx, nodeID)
				}
			}),
		},
		{
			Name:   "release-after-an-outage",
			Does:   "takes a lease that it had before an outage for its own still, and releases whoever has it",
			Breaks: breaks("outage-6"),
			spoil: byNamespace(func(a *adapter, peers *leaders) {
				good := a.methods
				peers.add(good)
				var held, broken atomic.Bool
				a.every(func(c *call) error {
					condition, _ := a.link.is()
					if condition != whole {
						broken.Store(true)
					}
					err := c.proceed()
					if c.method == "TryAcquireLeadership" && err == nil {
						held.Store(true)
					}
					return err
				})
				release := a.releaseLeadership
				a.releaseLeadership = func(ctx context.Context, nodeID string) (bool, error) {
					released, err := release(ctx, nodeID)
					if err != nil || released || !held.Load() || a.link.breaks() == 0 {
						return released, err
					}
					if peers.release(ctx) {
						a.strike()
						return true, nil
					}
					return false, nil
				}
			}),
		},
		{
			Name:   "terms-from-the-start-of-the-backend",
			Does:   "counts terms from 1 again where the backend was started anew",
			Breaks: breaks("outage-12"),
			spoil: each(func(a *adapter) {
				try := a.tryAcquireLeadership
				var mu sync.Mutex
				terms := map[uint64]uint64{}
				breaks := int64(0)
				a.tryAcquireLeadership = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					term, acquired, err := try(ctx, nodeID, ttl)
					mu.Lock()
					defer mu.Unlock()
					if a.backend.restarts() != breaks {
						breaks = a.backend.restarts()
						clear(terms)
					}
					if err != nil || !acquired || breaks == 0 {
						return term, acquired, err
					}
					if terms[term] == 0 {
						terms[term] = uint64(len(terms) + 1)
					}
					return instead(a, term, terms[term]), true, nil
				}
			}),
		},
	}
}

// leaders are the candidacies of peers.
type leaders struct {
	mu  sync.Mutex
	all []methods
}

func (l *leaders) add(candidate methods) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, candidate)
}

// release releases whoever leads.
func (l *leaders) release(ctx context.Context) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, candidate := range l.all {
		leader, led, err := candidate.leader(ctx)
		if err != nil || !led {
			continue
		}
		if released, err := candidate.releaseLeadership(ctx, leader.NodeID); err == nil && released {
			return true
		}
	}
	return false
}
