package broken

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// candidacyIn is an election by name as a struct of functions, which a fault may
// replace.
type candidacyIn struct {
	try     func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error)
	release func(ctx context.Context, nodeID string) (bool, error)
	leader  func(ctx context.Context) (coordination.Leader, bool, error)
}

func (c *candidacyIn) TryAcquireLeadership(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
	return c.try(ctx, nodeID, ttl)
}

func (c *candidacyIn) ReleaseLeadership(ctx context.Context, nodeID string) (bool, error) {
	return c.release(ctx, nodeID)
}

func (c *candidacyIn) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	return c.leader(ctx)
}

// elections is a fault of each election by name that is asked for.
func elections(spoil func(a *adapter, name string, c *candidacyIn)) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		good := a.election
		a.election = func(name string) (coordination.Leadership, error) {
			election, err := good(name)
			if err != nil {
				return nil, err
			}
			c := &candidacyIn{election.TryAcquireLeadership, election.ReleaseLeadership, election.Leader}
			spoil(a, name, c)
			return c, nil
		}
	})
}

// renamed is a fault in which election a name means.
func renamed(other func(a *adapter, name string) string) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		good := a.election
		a.election = func(name string) (coordination.Leadership, error) {
			if _, err := good(name); err != nil {
				return nil, err
			}
			return good(instead(a, name, other(a, name)))
		}
	})
}

// namedElections are faults of elections by name.
func namedElections() []Fault {
	return []Fault{
		{
			Name:   "one-election-for-all-names",
			Does:   "has one leader for all elections by name",
			Breaks: breaks("elect-1 elect-6"),
			spoil:  renamed(func(*adapter, string) string { return "job" }),
		},
		{
			Name:   "election-of-the-handle",
			Does:   "takes the leadership of the handle for the election named a",
			Breaks: breaks("elect-1"),
			spoil: each(func(a *adapter) {
				good := a.election
				a.election = func(name string) (coordination.Leadership, error) {
					election, err := good(name)
					if name == "a" && err == nil {
						a.strike()
						return a, nil
					}
					return election, err
				}
			}),
		},
		{
			Name:   "election-for-each-handle",
			Does:   "has an election by name for each handle",
			Breaks: breaks("elect-1..2 elect-4..7 elect-10"),
			spoil: renamed(func(a *adapter, name string) string {
				return (name + fmt.Sprintf("%p", a))[max(0, len(name)+20-coordination.MaxNameLen):]
			}),
		},
		{
			Name:   "candidate-for-each-call-of-election",
			Does:   "refuses a renewal by way of another call of Election",
			Breaks: breaks("elect-3"),
			spoil: func(*backend) func(*adapter) {
				return func(a *adapter) {
					var mu sync.Mutex
					owners := map[string]*candidacyIn{}
					elections(func(a *adapter, name string, c *candidacyIn) {
						good := *c
						isOther := func() bool {
							mu.Lock()
							defer mu.Unlock()
							return owners[name] != nil && owners[name] != c
						}
						c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
							if isOther() {
								if _, led, _ := good.leader(ctx); led {
									a.strike()
									return 0, false, ctx.Err()
								}
							}
							term, acquired, err := good.try(ctx, nodeID, ttl)
							if acquired {
								mu.Lock()
								defer mu.Unlock()
								owners[name] = c
							}
							return term, acquired, err
						}
					})(a.backend)(a)
				}
			},
		},
		{
			Name:   "lease-by-name-twice-as-long",
			Does:   "holds a lease of an election by name for twice its time to live",
			Breaks: breaks("elect-4"),
			spoil: elections(func(a *adapter, _ string, c *candidacyIn) {
				try := c.try
				c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					return try(ctx, nodeID, instead(a, ttl, 2*ttl))
				}
			}),
		},
		{
			Name:   "lease-by-name-half-as-long",
			Does:   "holds a lease of an election by name for half its time to live",
			Breaks: breaks("elect-4"),
			spoil: elections(func(a *adapter, _ string, c *candidacyIn) {
				try := c.try
				c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					return try(ctx, nodeID, instead(a, ttl, ttl/2))
				}
			}),
		},
		{
			Name:   "terms-by-name-that-stand-still",
			Does:   "gives each acquisition of an election by name the term of the first",
			Breaks: breaks("elect-5"),
			spoil: byNamespace(func(a *adapter, first *sync.Map) {
				elections(func(a *adapter, name string, c *candidacyIn) {
					good := *c
					c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
						term, acquired, err := good.try(ctx, nodeID, ttl)
						if acquired {
							known, _ := first.LoadOrStore(name, term)
							term = instead(a, term, known.(uint64))
						}
						return term, acquired, err
					}
					c.leader = func(ctx context.Context) (coordination.Leader, bool, error) {
						leader, led, err := good.leader(ctx)
						if known, found := first.Load(name); led && found {
							leader.Term = known.(uint64)
						}
						return leader, led, err
					}
				})(a.backend)(a)
			}),
		},
		{
			Name:   "election-names-in-lower-case",
			Does:   "takes names of elections that differ in case for one",
			Breaks: breaks("elect-6"),
			spoil:  renamed(func(_ *adapter, name string) string { return strings.ToLower(name) }),
		},
		{
			Name:   "election-names-cut-off",
			Does:   "cuts names of elections to a byte less than the greatest length",
			Breaks: breaks("elect-6"),
			spoil:  renamed(func(_ *adapter, name string) string { return name[:min(len(name), coordination.MaxNameLen-1)] }),
		},
		{
			Name:   "flush-frees-elections",
			Does:   "frees the elections by name in FlushAll",
			Breaks: breaks("elect-7"),
			spoil: byNamespace(func(a *adapter, held *sync.Map) {
				elections(func(_ *adapter, name string, c *candidacyIn) {
					try := c.try
					c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
						term, acquired, err := try(ctx, nodeID, ttl)
						if acquired {
							held.Store(name, func() { _, _ = c.release(context.Background(), nodeID) })
						}
						return term, acquired, err
					}
				})(a.backend)(a)
				flush := a.flushAll
				a.flushAll = func(ctx context.Context) error {
					err := flush(ctx)
					if err == nil {
						held.Range(func(_, free any) bool {
							a.strike()
							free.(func())()
							return true
						})
					}
					return err
				}
			}),
		},
		{
			Name:   "elections-without-namespace",
			Does:   "has the same elections by name in all namespaces",
			Breaks: breaks("elect-1 elect-3 elect-6 elect-8"),
			spoil: func(b *backend) func(*adapter) {
				return func(a *adapter) {
					elections(func(a *adapter, name string, c *candidacyIn) {
						good := *c
						everywhere, _ := b.in("all").(coordination.Elections).Election(name)
						c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
							if _, err := good.release(ctx, nodeID); err != nil { // whether a call can be made
								return 0, false, cmp.Or(err, ctx.Err())
							}
							if err := coordination.CheckLease("try acquire leadership", ttl); err != nil {
								return 0, false, err
							}
							a.strike()
							return everywhere.TryAcquireLeadership(ctx, nodeID, ttl)
						}
						c.release = func(ctx context.Context, nodeID string) (bool, error) {
							if _, err := good.release(ctx, nodeID); err != nil {
								return false, err
							}
							return everywhere.ReleaseLeadership(ctx, nodeID)
						}
						c.leader = func(ctx context.Context) (coordination.Leader, bool, error) {
							if _, _, err := good.leader(ctx); err != nil {
								return coordination.Leader{}, false, err
							}
							return everywhere.Leader(ctx)
						}
					})(b)(a)
				}
			},
		},
		{
			Name:   "election-without-a-name",
			Does:   "takes the empty name of an election",
			Breaks: breaks("elect-9"),
			spoil: each(func(a *adapter) {
				good := a.election
				a.election = func(name string) (coordination.Leadership, error) {
					return good(instead(a, name, cmp.Or(name, "nameless")))
				}
			}),
		},
		{
			Name:   "election-that-outlives-its-handle",
			Does:   "answers for an election by name after Close",
			Breaks: breaks("elect-10"),
			spoil: each(func(a *adapter) {
				var closed atomic.Bool
				good, end := a.election, a.close
				a.close = func() error { closed.Store(true); return end() }
				a.election = func(name string) (coordination.Leadership, error) {
					if closed.Load() {
						a.strike()
						return a.peer().(coordination.Elections).Election(name)
					}
					return good(name)
				}
			}),
		},
		{
			Name:   "election-that-takes-any-node",
			Does:   "takes the empty node ID in elections by name",
			Breaks: breaks("elect-11"),
			spoil: elections(func(a *adapter, _ string, c *candidacyIn) {
				good := *c
				c.try = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
					return good.try(ctx, instead(a, nodeID, cmp.Or(nodeID, "nobody")), ttl)
				}
			}),
		},
	}
}
