package broken

import (
	"context"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// termFaults are those of the lease in how it numbers the terms.
func termFaults() []Fault {
	return []Fault{
		{
			Name:   "first-term-is-zero",
			Does:   "counts terms from zero",
			Breaks: breaks("lease-2 lease-27 lease-29 lease-33 linear-1..2"),
			spoil:  numbered(func(_ *adapter, n *numbers) uint64 { n.count++; return n.count - 1 }),
		},
		{
			Name:   "terms-restart-after-a-release",
			Does:   "counts terms anew after a release, which removes the record",
			Breaks: breaks("lease-28..33 contend-3 contend-7 linear-1..2"),
			spoil:  restarting(func(n *numbers) bool { return n.released }),
		},
		{
			Name:   "terms-restart-after-the-end",
			Does:   "counts terms anew after the end of a lease, with which the record ends",
			Breaks: breaks("lease-27 lease-31 contend-4 contend-7 linear-2 outage-6 outage-12"),
			spoil:  restarting(func(n *numbers) bool { return !n.released }),
		},
		{
			Name:   "terms-restart-after-a-while",
			Does:   "counts terms anew after two hours without a leader, when the record ends",
			Breaks: breaks("lease-30"),
			spoil:  restarting(func(n *numbers) bool { return n.released && time.Since(n.at) > 2*time.Hour }),
		},
		{
			Name:   "terms-restart-after-a-flush",
			Does:   "counts terms anew after FlushAll, which removes the record while nobody leads",
			Breaks: breaks("lease-32"),
			spoil:  restarting(func(n *numbers) bool { return n.flushed }),
		},
		{
			Name:   "terms-restart-with-the-handles",
			Does:   "counts terms in what the open handles share, and anew where there were none",
			Breaks: breaks("lease-33"),
			spoil:  restarting(func(n *numbers) bool { return n.abandoned }),
		},
		{
			Name:   "terms-are-seconds",
			Does:   "takes the seconds since 1970 for terms",
			Breaks: breaks("lease-27..29 lease-31..33 contend-3..4 contend-7 linear-1..2 outage-6 outage-12"),
			spoil:  numbered(func(*adapter, *numbers) uint64 { return uint64(time.Now().Unix()) }),
		},
	}
}

// numbers are the terms of a namespace as a fault counts them.
type numbers struct {
	mu      sync.Mutex // guards what follows
	of      map[uint64]uint64
	highest uint64
	count   uint64
	open    int // how many handles are

	// What has come about since the last term.
	released  bool // the lease was, and has not ended by itself
	flushed   bool
	abandoned bool // no handle was open
	at        time.Time
}

// restarting is a fault that counts terms, and counts them anew where something
// has come about.
func restarting(anew func(*numbers) bool) func(*backend) func(*adapter) {
	return numbered(func(_ *adapter, n *numbers) uint64 {
		n.count++
		if anew(n) {
			n.count = 1
		}
		return n.count
	})
}

// numbered is a fault that has a number of its own for each new term.
func numbered(next func(a *adapter, n *numbers) uint64) func(*backend) func(*adapter) {
	return byNamespace(func(a *adapter, n *numbers) {
		good := a.methods
		number := func(term uint64) uint64 {
			n.mu.Lock()
			defer n.mu.Unlock()
			wrong, known := n.of[term]
			if !known {
				if n.of == nil {
					n.of = map[uint64]uint64{}
				}
				if wrong = next(a, n); wrong <= n.highest {
					a.strike()
				}
				n.of[term], n.highest = wrong, max(n.highest, wrong)
				n.released, n.flushed, n.abandoned = false, false, false
			}
			return wrong
		}
		n.mu.Lock()
		n.open++
		n.mu.Unlock()
		var closing sync.Once
		a.close = func() error {
			closing.Do(func() {
				n.mu.Lock()
				defer n.mu.Unlock()
				n.open--
				n.abandoned = n.abandoned || n.open == 0
			})
			return good.close()
		}
		a.flushAll = func(ctx context.Context) error {
			err := good.flushAll(ctx)
			n.mu.Lock()
			defer n.mu.Unlock()
			n.flushed = n.flushed || err == nil
			return err
		}
		a.tryAcquireLeadership = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
			term, acquired, err := good.tryAcquireLeadership(ctx, nodeID, ttl)
			if acquired {
				term = number(term)
			}
			return term, acquired, err
		}
		a.releaseLeadership = func(ctx context.Context, nodeID string) (bool, error) {
			released, err := good.releaseLeadership(ctx, nodeID)
			if released {
				n.mu.Lock()
				defer n.mu.Unlock()
				n.released, n.at = true, time.Now()
			}
			return released, err
		}
		a.tells(func(leader coordination.Leader, found bool) (coordination.Leader, bool) {
			if found {
				leader.Term = number(leader.Term)
			}
			return leader, found
		})
	})
}
