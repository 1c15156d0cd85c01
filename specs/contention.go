package specs

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

// candidate is a node ID on a handle.
type candidate struct {
	handle coordination.Leadership
	nodeID string
}

// candidates opens handles and returns several candidates on each. Those of
// different handles have the same node IDs.
func (c *cluster) candidates(handles, each int) []candidate {
	GinkgoHelper()
	var all []candidate
	for range handles {
		handle := c.open()
		for i := range each {
			all = append(all, candidate{handle, fmt.Sprint("node ", i)})
		}
	}
	return all
}

// race lets all candidates try at the same time, and returns who has acquired
// the lease, and the term.
func (c *cluster) race(candidates []candidate, ttl time.Duration) (winner candidate, term uint64) {
	GinkgoHelper()
	var winners atomic.Int64
	c.together(len(candidates), func(i int) {
		its, acquired, err := candidates[i].handle.TryAcquireLeadership(c.ctx, candidates[i].nodeID, ttl)
		c.Expect(err).NotTo(HaveOccurred())
		if acquired && winners.Add(1) == 1 {
			winner, term = candidates[i], its
		}
	})
	c.Expect(winners.Load()).To(BeEquivalentTo(1), "how many have acquired the lease")
	c.expectLeader(winner.handle, winner.nodeID, term)
	return winner, term
}

func (c *contract) contention() {
	c.it("contend-1", "gives the lease to exactly one of 50 candidates that try at the same time", func(c *cluster) {
		c.race(c.candidates(5, 10), time.Hour)
	})

	c.it("contend-2", "gives the lease to exactly one of many handles with the same node ID", func(c *cluster) {
		c.race(c.candidates(12, 1), time.Hour)
	})

	c.it("contend-3", "gives 20 distinct and rising terms in 20 rounds among many candidates", func(c *cluster) {
		candidates := c.candidates(4, 5)
		var terms []uint64
		for range 20 {
			winner, term := c.race(candidates, time.Hour)
			terms = append(terms, term)
			c.Expect(c.release(winner.handle, winner.nodeID)).To(BeTrue())
		}
		c.Expect(slices.IsSorted(terms)).To(BeTrue(), "%v", terms)
		c.Expect(slices.Compact(terms)).To(HaveLen(20))
	})

	c.it("contend-4", "gives the lease to exactly one of those who wait when it ends", func(c *cluster) {
		one, candidates := c.open(), c.candidates(4, 5)
		for range 3 {
			former := c.lead(one, "former leader", 4*c.briefly)
			var winners atomic.Int64
			start := time.Now()
			c.together(len(candidates), func(i int) {
				for leader := former; leader <= former; c.pass(time.Millisecond) {
					c.Expect(time.Since(start)).To(BeNumerically("<", c.patience), "how long nobody succeeds")
					term, acquired, err := candidates[i].handle.TryAcquireLeadership(c.ctx, candidates[i].nodeID, time.Hour)
					c.Expect(err).NotTo(HaveOccurred())
					if acquired {
						c.Expect(term).To(BeNumerically(">", former))
						winners.Add(1)
						return
					}
					now, _, err := candidates[i].handle.Leader(c.ctx)
					c.Expect(err).NotTo(HaveOccurred())
					leader = now.Term
				}
			})
			c.Expect(winners.Load()).To(BeEquivalentTo(1), "how many have acquired the lease")
			for _, candidate := range candidates {
				c.release(candidate.handle, candidate.nodeID)
			}
		}
	})

	c.it("contend-5", "lets the holder renew while others try, and keeps its term", func(c *cluster) {
		holder := c.open()
		term := c.lead(holder, "holder", time.Hour)
		rivals := c.candidates(3, 3)
		c.together(len(rivals)+1, func(i int) {
			for range 20 {
				if i < len(rivals) {
					c.expectOutrun(rivals[i].handle, rivals[i].nodeID, time.Hour)
				} else {
					c.Expect(c.lead(holder, "holder", time.Hour)).To(Equal(term))
				}
			}
		})
		c.expectLeader(holder, "holder", term)
	})

	c.it("contend-6", "releases a lease once, however many release it at the same time", func(c *cluster) {
		one := c.open()
		for range 10 {
			c.lead(one, "node", time.Hour)
			var released atomic.Int64
			c.together(8, func(int) {
				if c.release(one, "node") {
					released.Add(1)
				}
			})
			c.Expect(released.Load()).To(BeEquivalentTo(1))
		}
	})

	c.it("contend-7", "never has two leaders at a time, whatever many candidates do", func(c *cluster) {
		candidates := c.candidates(3, 3)
		var mu sync.Mutex
		var reigns []reign
		c.together(len(candidates), func(i int) {
			for _, reign := range c.campaign(i, candidates[i]) {
				mu.Lock()
				reigns = append(reigns, reign)
				mu.Unlock()
			}
		})
		slices.SortStableFunc(reigns, func(a, b reign) int { return cmp.Compare(a.term, b.term) })
		c.Expect(len(reigns)).To(BeNumerically(">", 10))
		for i, later := range reigns {
			for _, earlier := range reigns[:i] {
				if earlier.term == later.term {
					c.Expect(later.by).To(Equal(earlier.by), "who has the term %d", later.term)
					continue // a renewal
				}
				c.Expect(later.from).NotTo(BeTemporally("<", earlier.until), "%v begins before the end of %v", later, earlier)
			}
		}
	})
}

// reign is a time for which a candidate certainly holds the lease: from when it
// was told so, until the time to live ends that began no sooner than it asked,
// or it asks to be released.
type reign struct {
	by          int
	term        uint64
	from, until time.Time
}

// campaign lets a candidate try, renew and release at random.
func (c *cluster) campaign(number int, by candidate) (reigns []reign) {
	GinkgoHelper()
	random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), uint64(number)))
	for range 60 {
		ttl := time.Duration(5+random.IntN(10)) * time.Millisecond
		asked := time.Now()
		term, acquired, err := by.handle.TryAcquireLeadership(c.ctx, by.nodeID, ttl)
		told := time.Now()
		c.Expect(err).NotTo(HaveOccurred())
		if acquired {
			// Its own last reign ends here at the latest: what it was given now
			// may be shorter.
			if last := len(reigns) - 1; last >= 0 && reigns[last].until.After(asked) {
				reigns[last].until = asked
			}
			reigns = append(reigns, reign{number, term, told, asked.Add(ttl)})
		}
		c.pass(time.Duration(random.IntN(8000)) * time.Microsecond)
		if acquired && random.IntN(3) == 0 {
			if last := &reigns[len(reigns)-1]; last.until.After(time.Now()) {
				last.until = time.Now()
			}
			c.release(by.handle, by.nodeID)
		}
	}
	return reigns
}
