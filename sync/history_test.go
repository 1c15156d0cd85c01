package sync

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("A span", func() {
	It("has both of its ends", func() {
		Expect(span{5, 5}.len()).To(BeEquivalentTo(1))
		Expect(span{5, 8}.len()).To(BeEquivalentTo(4))
	})
})

var _ = Describe("The history", func() {
	begun := time.Unix(1_000, 0)
	// add gives a history operations with the numbers from first to last.
	add := func(h *history, first, last uint64) {
		for number := first; number <= last; number++ {
			h.add([]Operation{{Type: Delete, Key: "k", Seq: number}}, begun)
		}
	}
	// numbers are those of operations told again.
	numbers := func(operations []Operation) (numbers []uint64) {
		for _, operation := range operations {
			numbers = append(numbers, operation.Seq)
		}
		return numbers
	}

	It("tells again what it was given", func() {
		h := newHistory(100, 1<<20)
		given := []Operation{
			{Type: Set, Key: "k", Value: []byte("v"), Seq: 1, ID: "i", Stamp: Stamp{Wall: 1}},
			{Type: Clear, Seq: 2}, {Type: InvalidatePattern, Key: "k*", Seq: 3}, {Type: Delete, Key: "k", Seq: 4},
		}
		h.add(given[:3], begun)
		h.add(given[3:], begun)
		again, gone := h.replay([]span{{1, 4}}, begun.Add(time.Hour))
		Expect(again).To(Equal(given))
		Expect(gone).To(BeEmpty())
		again, _ = h.replay([]span{{1, 1}, {3, 4}}, begun)
		Expect(numbers(again)).To(Equal([]uint64{1, 3, 4}))
	})

	It("knows nothing of numbers that were not given", func() {
		h := newHistory(100, 1<<20)
		_, gone := h.replay([]span{{1, 1}}, begun)
		Expect(gone).To(Equal([]span{{1, 1}}))
		add(h, 1, 5)
		again, gone := h.replay([]span{{2, 3}, {5, 6}, {7, 9}}, begun)
		Expect(numbers(again)).To(Equal([]uint64{2, 3}))
		Expect(gone).To(Equal([]span{{5, 6}, {7, 9}}))
	})

	It("holds so many operations, and drops the oldest", func() {
		h := newHistory(100, 1<<20)
		for last := uint64(1); last <= 350; last++ {
			add(h, last, last)
			held, _ := h.held()
			Expect(held).To(Equal(int(min(last, 100))))
			first := last - uint64(held) + 1
			again, gone := h.replay([]span{{first, last}}, begun)
			Expect(numbers(again)).To(HaveLen(held))
			Expect(again[0].Seq).To(Equal(first))
			Expect(again[held-1].Seq).To(Equal(last))
			Expect(gone).To(BeEmpty())
			if first > 1 {
				_, gone = h.replay([]span{{first - 1, last}}, begun)
				Expect(gone).To(HaveLen(1))
			}
		}
	})

	It("takes no more room than it needs, and no more than it may", func() {
		h := newHistory(100, 1<<20)
		Expect(h.events).To(BeEmpty())
		add(h, 1, 10)
		Expect(h.events).To(HaveLen(64))
		add(h, 11, 1_000)
		Expect(h.events).To(HaveLen(100))
		h = newHistory(3, 1<<20)
		add(h, 1, 10)
		Expect(h.events).To(HaveLen(3))
	})

	It("holds so many bytes, and drops the oldest", func() {
		h := newHistory(100, 3*operationOverhead+100)
		value := []byte(strings.Repeat("v", 30))
		for number := uint64(1); number <= 5; number++ {
			h.add([]Operation{{Type: Set, Key: "k", Value: value, Seq: number}}, begun)
		}
		held, bytes := h.held()
		Expect(held).To(Equal(3))
		Expect(bytes).To(Equal(3 * (operationOverhead + 31)))
		again, gone := h.replay([]span{{2, 2}, {3, 5}}, begun)
		Expect(numbers(again)).To(Equal([]uint64{3, 4, 5}))
		Expect(gone).To(Equal([]span{{2, 2}}))
	})

	It("holds nothing of an operation that is larger than it may be, and goes on after it", func() {
		h := newHistory(100, 1_000)
		add(h, 1, 2)
		h.add([]Operation{{Type: Delete, Key: strings.Repeat("k", 2_000), Seq: 3}}, begun)
		held, bytes := h.held()
		Expect(held).To(BeZero())
		Expect(bytes).To(BeZero())
		add(h, 4, 4)
		again, gone := h.replay([]span{{3, 3}, {4, 4}}, begun)
		Expect(numbers(again)).To(Equal([]uint64{4}))
		Expect(gone).To(Equal([]span{{3, 3}}))
	})

	It("tells a value that is larger than it may be as a Delete, and keeps what was before it", func() {
		h := newHistory(100, 1_000)
		add(h, 1, 2)
		h.add([]Operation{{Type: Set, Key: "k", Value: make([]byte, 2_000), TTL: time.Minute, Stamp: Stamp{Wall: 5}, Seq: 3}}, begun)
		again, gone := h.replay([]span{{1, 3}}, begun)
		Expect(gone).To(BeEmpty())
		Expect(numbers(again)).To(Equal([]uint64{1, 2, 3}))
		Expect(again[2]).To(Equal(Operation{Type: Delete, Key: "k", Stamp: Stamp{Wall: 5}, Seq: 3}))
	})

	It("keeps no value of an operation that it has dropped", func() {
		h := newHistory(2, 1<<20)
		h.add([]Operation{{Type: Set, Key: "k", Value: []byte("v"), Seq: 1}}, begun)
		add(h, 2, 2)
		Expect(h.at(1).Value).NotTo(BeNil())
		add(h, 3, 3)
		for _, event := range h.events {
			Expect(event.Value).To(BeNil())
		}
	})

	It("tells of a time to live what is left of it", func() {
		h := newHistory(100, 1<<20)
		h.add([]Operation{
			{Type: Set, Key: "k", Value: []byte("v"), TTL: time.Minute, Stamp: Stamp{Wall: 5}, Seq: 1},
			{Type: Set, Key: "l", Value: []byte("v"), Seq: 2},
		}, begun)
		again, _ := h.replay([]span{{1, 2}}, begun.Add(45*time.Second))
		Expect(again[0].TTL).To(Equal(15 * time.Second))
		Expect(again[0].Value).To(BeEquivalentTo("v"))
		Expect(again[1].TTL).To(BeZero())

		again, _ = h.replay([]span{{1, 2}}, begun.Add(time.Minute))
		Expect(again[0]).To(Equal(Operation{Type: Delete, Key: "k", Stamp: Stamp{Wall: 5}, Seq: 1}), "which replaces what was before it")
		Expect(again[1].Type).To(Equal(Set))

		again, _ = h.replay([]span{{1, 1}}, begun)
		Expect(again[0].TTL).To(Equal(time.Minute), "what is held does not age")
	})
})
