package sync_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// The seeds of these specs follow from Ginkgo's, which a failed run prints: the
// same -ginkgo.seed makes the same operations in the same orders.
var _ = Describe("The join of operations", func() {
	const runs = 50
	keys := []string{"a", "aa", "ab", "b", "ba", "c"}
	patterns := []string{"a*", "?", "[bc]*", "c", "*"}

	// each calls body with a source of chance for each seed.
	each := func(body func(chance *rand.Rand, seed string)) {
		for run := range uint64(runs) {
			seed := fmt.Sprintf("ginkgo.seed %d, run %d", GinkgoRandomSeed(), run)
			body(rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), run)), seed)
		}
	}

	// random returns operations of three nodes, no two of one stamp, many of one
	// instant.
	random := func(chance *rand.Rand, kinds ...dsync.OperationType) (operations []dsync.Operation) {
		taken := make(map[dsync.Stamp]bool)
		for len(operations) < 40 {
			operation := dsync.Operation{
				Type: kinds[chance.IntN(len(kinds))], Origin: []string{"x", "y", "z"}[chance.IntN(3)], Priority: chance.IntN(2),
				Value: fmt.Append(nil, len(operations)),
			}
			operation.Stamp = dsync.Stamp{
				Wall: 1 + chance.Int64N(20), Logical: chance.Uint32N(2), Priority: operation.Priority, Node: operation.Origin,
			}
			switch operation.Type {
			case dsync.InvalidatePattern:
				operation.Key = patterns[chance.IntN(len(patterns))]
			case dsync.Set, dsync.Delete:
				operation.Key = keys[chance.IntN(len(keys))]
			}
			if !taken[operation.Stamp] {
				taken[operation.Stamp] = true
				operations = append(operations, operation)
			}
		}
		return operations
	}

	// expected is what is to be read after operations, by their stamps alone.
	expected := func(operations []dsync.Operation) map[string]string {
		values := make(map[string]string)
		for _, key := range keys {
			var newest dsync.Operation
			for _, operation := range operations {
				concerns := operation.Type == dsync.Clear ||
					operation.Type == dsync.InvalidatePattern && coordination.Match(operation.Key, key) ||
					operation.Key == key
				if concerns && operation.Stamp.Compare(newest.Stamp) > 0 {
					newest = operation
				}
			}
			if newest.Type == dsync.Set {
				values[key] = string(newest.Value)
			}
		}
		return values
	}

	shuffled := func(chance *rand.Rand, operations []dsync.Operation) []dsync.Operation {
		mixed := slices.Clone(operations)
		chance.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		return mixed
	}

	// after returns what a new node's cache holds after operations in their order,
	// and then after each of them comes again, in another one.
	after := func(ctx context.Context, chance *rand.Rand, limits dsync.Limits, operations []dsync.Operation) (first, again map[string]string) {
		cache := newNotedCache()
		node := nodeOnMock(on(cache), limited(limits))
		for _, operation := range operations {
			Expect(node.ProcessOperation(ctx, operation)).To(Succeed())
		}
		first = cache.held()
		for _, operation := range shuffled(chance, operations) {
			Expect(node.ProcessOperation(ctx, operation)).To(Succeed())
		}
		return first, cache.held()
	}

	everything := []dsync.OperationType{
		dsync.Set, dsync.Set, dsync.Set, dsync.Set, dsync.Set, dsync.Set, dsync.Delete, dsync.Delete, dsync.InvalidatePattern, dsync.Clear,
	}

	It("of single keys comes to the same in whatever order, and however often, they arrive", func(ctx SpecContext) {
		each(func(chance *rand.Rand, seed string) {
			operations := random(chance, dsync.Set, dsync.Set, dsync.Delete)
			for range 2 {
				first, again := after(ctx, chance, dsync.Limits{}, shuffled(chance, operations))
				Expect(first).To(Equal(expected(operations)), seed)
				Expect(again).To(Equal(first), seed)
			}
		})
	})

	It("comes to what the stamps say where they arrive in that order, and stays so", func(ctx SpecContext) {
		each(func(chance *rand.Rand, seed string) {
			operations := random(chance, everything...)
			slices.SortFunc(operations, func(a, b dsync.Operation) int { return a.Stamp.Compare(b.Stamp) })
			first, again := after(ctx, chance, dsync.Limits{}, operations)
			Expect(first).To(Equal(expected(operations)), seed)
			Expect(again).To(Equal(first), seed)
		})
	})

	// An invalidation forgets what it need not where it comes late, and so does a
	// node that remembers little: two nodes agree, or one of them misses.
	for what, limits := range map[string]dsync.Limits{
		"everything": {},
		"little":     {Keys: 3, Patterns: 2},
	} {
		It("never holds what the stamps forbid, in whatever order they arrive at a node that remembers "+what, func(ctx SpecContext) {
			held := 0
			each(func(chance *rand.Rand, seed string) {
				operations := random(chance, everything...)
				allowed := expected(operations)
				for range 2 {
					first, again := after(ctx, chance, limits, shuffled(chance, operations))
					held += len(first)
					for key, value := range first {
						Expect(allowed).To(HaveKeyWithValue(key, value), seed)
					}
					for key, value := range again {
						Expect(allowed).To(HaveKeyWithValue(key, value), seed)
					}
				}
			})
			Expect(held).NotTo(BeZero(), "a node that always misses would prove nothing")
		})
	}

	It("does not depend on how what arrives is put together", func(ctx SpecContext) {
		each(func(chance *rand.Rand, seed string) {
			operations := random(chance, dsync.Set, dsync.Set, dsync.Delete)
			one, other := operations[:20], operations[20:]
			left, _ := after(ctx, chance, dsync.Limits{}, append(shuffled(chance, one), shuffled(chance, other)...))
			right, _ := after(ctx, chance, dsync.Limits{}, append(shuffled(chance, other), shuffled(chance, one)...))
			Expect(left).To(Equal(right), seed)
		})
	})
})
