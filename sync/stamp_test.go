package sync

import (
	"math"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("A stamp", func() {
	// Each one is newer than those before it.
	ascending := []Stamp{
		{},
		{Wall: 1, Logical: 9, Priority: 9, Node: "z", Epoch: 9},
		{Wall: 2},
		{Wall: 2, Logical: 1, Priority: -1, Node: "z", Epoch: 9},
		{Wall: 2, Logical: 1, Node: "z", Epoch: 9},
		{Wall: 2, Logical: 1, Priority: 1},
		{Wall: 2, Logical: 1, Priority: 1, Node: "a", Epoch: 9},
		{Wall: 2, Logical: 1, Priority: 1, Node: "b"},
		{Wall: 2, Logical: 1, Priority: 1, Node: "b", Epoch: 1},
		{Wall: 3},
	}

	It("is ordered by clock, priority, node and epoch, in this order", func() {
		for i, a := range ascending {
			for j, b := range ascending {
				switch {
				case i < j:
					Expect(a.Compare(b)).To(Equal(-1), "%v and %v", a, b)
				case i > j:
					Expect(a.Compare(b)).To(Equal(1), "%v and %v", a, b)
				default:
					Expect(a.Compare(b)).To(BeZero(), "%v", a)
				}
				Expect(a.newerThan(b)).To(Equal(i > j), "%v and %v", a, b)
				Expect(latest(a, b)).To(Equal(ascending[max(i, j)]), "%v and %v", a, b)
			}
		}
	})

	It("is the same with and without a lease", func() {
		Expect(Stamp{Wall: 1, begun: 5}.Compare(Stamp{Wall: 1})).To(BeZero())
	})
})

var _ = Describe("The hybrid clock", func() {
	var wall time.Time
	var clock *hybridClock
	BeforeEach(func() {
		wall = time.UnixMicro(1_000)
		clock = &hybridClock{wall: func() time.Time { return wall }, node: "a", epoch: 7}
	})
	reads := func(wall int64, logical uint32) {
		GinkgoHelper()
		Expect(clock.now()).To(Equal(Stamp{Wall: wall, Logical: logical, Node: "a", Epoch: 7}))
	}

	It("reads as the clock on the wall does", func() {
		reads(1_000, 0)
		wall = wall.Add(time.Microsecond)
		reads(1_001, 0)
	})

	It("goes on where that on the wall stands still, or is set back", func() {
		reads(1_000, 0)
		reads(1_000, 1)
		wall = wall.Add(-time.Hour)
		reads(1_000, 2)
	})

	It("goes on from what others have read", func() {
		clock.merge(Stamp{Wall: 5_000, Logical: 7, Node: "b"})
		reads(5_000, 8)
		clock.merge(Stamp{Wall: 5_000, Logical: 5, Node: "b"})
		clock.merge(Stamp{Wall: 4_999, Logical: 50, Node: "b"})
		reads(5_000, 9)
		clock.merge(Stamp{Wall: 5_000, Logical: 20, Node: "b"})
		reads(5_000, 21)
		wall = time.UnixMicro(5_001)
		reads(5_001, 0)
	})

	It("takes the next microsecond where readings of one are used up", func() {
		clock.merge(Stamp{Wall: 5_000, Logical: math.MaxUint32})
		reads(5_001, 0)
		reads(5_001, 1)
	})

	It("gives no reading twice, to however many at once", func() {
		const readers, each = 8, 500
		readings := make([]Stamp, readers*each)
		var all sync.WaitGroup
		for reader := range readers {
			all.Go(func() {
				for i := range each {
					readings[reader*each+i] = clock.now()
					if i > 0 {
						clock.merge(readings[reader*each+i-1])
					}
				}
			})
		}
		all.Wait()
		seen := make(map[Stamp]bool)
		for at, reading := range readings {
			seen[reading] = true
			if at%each > 0 {
				Expect(reading.newerThan(readings[at-1])).To(BeTrue())
			}
		}
		Expect(seen).To(HaveLen(readers * each))
	})
})

var _ = Describe("An epoch", func() {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

	It("is greater than those of all incarnations that began a second before", func() {
		Expect(epochAt(begun.Add(time.Second), 0)).To(BeNumerically(">", epochAt(begun, math.MaxUint32)))
	})

	It("differs by chance where several begin at once", func() {
		Expect(epochAt(begun, 1<<12)).To(BeNumerically(">", epochAt(begun, 0)))
		Expect(epochAt(begun, math.MaxUint32)).To(BeNumerically(">", epochAt(begun, math.MaxUint32-1<<12)))
	})

	It("is a number that JSON readers take, and never 0", func() {
		Expect(epochAt(begun.AddDate(200, 0, 0), math.MaxUint32)).To(BeNumerically("<", uint64(maxExact)))
		Expect(epochAt(time.Unix(0, 0), 0)).To(BeEquivalentTo(1))
	})
})
