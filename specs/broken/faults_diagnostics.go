package broken

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/riptidecrawler/coordkit/coordination"
)

func diagnosticsFaults() []Fault {
	return slices.Concat(healthFaults(), figureFaults(), rateFaults())
}

func healthFaults() []Fault {
	return []Fault{
		{
			Name:   "never-healthy-with-subscriptions",
			Does:   "takes itself for degraded as soon as it has a subscription",
			Breaks: breaks("health-1..2 health-17"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.healthCheck = func(ctx context.Context) (bool, error) {
					healthy, err := good.healthCheck(ctx)
					if err != nil {
						return false, err
					}
					stats, err := good.stats(ctx)
					return instead(a, healthy, healthy && stats.Subscriptions == 0), err
				}
			}),
		},
		{
			Name:   "healthy-without-writes",
			Does:   "takes itself for healthy as long as the backend answers, whether it takes writes or not (PING)",
			Breaks: breaks("health-16"),
			spoil: each(func(a *adapter) {
				check := a.healthCheck
				a.healthCheck = func(ctx context.Context) (bool, error) {
					healthy, err := check(ctx)
					return instead(a, healthy, err == nil), err
				}
			}),
		},
		{
			Name:   "degraded-although-healthy",
			Does:   "tells of a degradation although it is healthy",
			Breaks: breaks("health-15..17"),
			spoil: figures(func(_ *adapter, stats *coordination.Stats) {
				stats.Metadata[coordination.DegradedKey] = "no"
			}),
		},
	}
}

// figureFaults are faults in what Stats counts, and names, at one moment.
func figureFaults() []Fault {
	return []Fault{
		{
			Name:   "counts-itself-as-a-member",
			Does:   "counts a cluster of one where nobody has registered",
			Breaks: breaks("health-3 isolate-10"),
			spoil: figures(func(_ *adapter, stats *coordination.Stats) {
				stats.ClusterSize = max(1, stats.ClusterSize)
			}),
		},
		{
			Name:   "members-counted-by-registrations",
			Does:   "counts registrations less deregistrations for members",
			Breaks: breaks("health-6..7"),
			spoil:  byNamespace(membersCountedByRegistrations),
		},
		{
			Name:   "subscriptions-of-all-handles-counted",
			Does:   "counts the subscriptions of all handles together",
			Breaks: breaks("health-4 isolate-2 closed-*"),
			spoil:  byNamespace(subscriptionsCounted(func(s *counts) *atomic.Int64 { return &s.open })),
		},
		{
			Name:   "closed-subscriptions-counted",
			Does:   "counts the subscriptions that the handle has ever opened",
			Breaks: breaks("health-5"),
			spoil: each(func(a *adapter) {
				var c counts
				subscriptionsCounted(func(s *counts) *atomic.Int64 { return &s.opened })(a, &c)
			}),
		},
		{
			Name:   "leader-figure-of-own-handle",
			Does:   "tells in the stats who leads only where it is a node of the same handle",
			Breaks: breaks("health-8..9 health-17"),
			spoil: ofLeaders(func(c *candidacy) {
				c.tellsStats(func(stats *coordination.Stats) {
					if !c.holds(stats.Leader) {
						stats.Leader = ""
					}
				})
			}),
		},
		{
			Name:   "namespace-figure-with-a-prefix",
			Does:   "tells the namespace as it stands before names, with a colon",
			Breaks: breaks("health-15 isolate-11..16 share-7"),
			spoil: figures(func(_ *adapter, stats *coordination.Stats) {
				stats.Metadata[coordination.NamespaceKey] += ":"
			}),
		},
		{
			Name:   "backend-not-named",
			Does:   "does not say what kind of backend it has",
			Breaks: breaks("health-15"),
			spoil: figures(func(_ *adapter, stats *coordination.Stats) {
				delete(stats.Metadata, coordination.BackendKey)
			}),
		},
	}
}

// tellsStats has a fault change what Stats returns.
func (a *adapter) tellsStats(spoil func(stats *coordination.Stats)) {
	tell := a.stats
	a.stats = func(ctx context.Context) (coordination.Stats, error) {
		stats, err := tell(ctx)
		if err != nil {
			return coordination.Stats{}, err
		}
		right := stats
		right.Metadata = maps.Clone(stats.Metadata)
		if spoil(&stats); !reflect.DeepEqual(right, stats) {
			a.strike()
		}
		return stats, nil
	}
}

func figures(spoil func(a *adapter, stats *coordination.Stats)) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		a.tellsStats(func(stats *coordination.Stats) { spoil(a, stats) })
	})
}

func membersCountedByRegistrations(a *adapter, count *atomic.Int64) {
	good := a.methods
	a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
		err := good.registerNode(ctx, nodeID, metadata)
		if err == nil {
			count.Add(1)
		}
		return err
	}
	a.deregisterNode = func(ctx context.Context, nodeID string) (bool, error) {
		was, err := good.deregisterNode(ctx, nodeID)
		if was {
			count.Add(-1)
		}
		return was, err
	}
	a.tellsStats(func(stats *coordination.Stats) { stats.ClusterSize = int(count.Load()) })
}

// counts are numbers of subscriptions.
type counts struct{ open, opened atomic.Int64 }

// subscriptionsCounted tells a number of subscriptions that others count as well.
func subscriptionsCounted(number func(c *counts) *atomic.Int64) func(a *adapter, c *counts) {
	return func(a *adapter, c *counts) {
		a.subscriptions(func(_ string, s *subscription) {
			c.open.Add(1)
			c.opened.Add(1)
			var once sync.Once
			end := s.close
			s.close = func() error {
				once.Do(func() { c.open.Add(-1) })
				return end()
			}
		})
		a.tellsStats(func(stats *coordination.Stats) { stats.Subscriptions = int(number(c).Load()) })
	}
}
