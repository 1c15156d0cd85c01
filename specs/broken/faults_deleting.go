package broken

import (
	"context"
	"errors"
	"slices"
)

func deletingFaults() []Fault {
	return slices.Concat(deleteFaults(), deleteManyFaults(), flushFaults())
}

func deleteFaults() []Fault {
	return []Fault{
		{
			Name:   "delete-always-finds",
			Does:   "says of every key that Delete has found it",
			Breaks: breaks("ttl-3 ttl-5 delete-1 delete-3 delete-9 delete-19 linear-3 isolate-6"),
			spoil:  deletes(func(*adapter, string, bool) bool { return true }),
		},
		{
			Name:   "delete-never-finds",
			Does:   "says of no key that Delete has found it",
			Breaks: breaks("value-5 value-9 value-11 ttl-3 ttl-18 delete-1..3 delete-9 delete-19 linear-3 argument-9"),
			spoil:  deletes(func(*adapter, string, bool) bool { return false }),
		},
		{
			Name:   "looks-before-it-deletes",
			Does:   "looks whether a key is there, and deletes it afterwards",
			Breaks: breaks("delete-9 linear-3"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.delete = func(ctx context.Context, key string) (bool, error) {
					_, there, err := good.get(ctx, key)
					if err != nil {
						return false, err
					}
					a.wait()
					was, err := good.delete(ctx, key)
					if err != nil {
						return false, err
					}
					return instead(a, was, there), nil
				}
			}),
		},
	}
}

func deleteManyFaults() []Fault {
	return []Fault{
		{
			Name:   "delete-many-counts-the-named",
			Does:   "counts the keys that DeleteMany was given",
			Breaks: breaks("ttl-4..5 delete-3..6 delete-10..11 isolate-6"),
			spoil:  deletesMany(func(_ *adapter, keys []string, _ int) int { return len(keys) }),
		},
		{
			Name:   "delete-many-counts-first",
			Does:   "counts for every key that it is to delete whether it is there, and deletes them afterwards",
			Breaks: breaks("delete-5..6 delete-10"),
			spoil:  each(func(a *adapter) { a.countsFirst(func(keys []string) []string { return keys }) }),
		},
		{
			Name:   "delete-many-counts-by-the-thousand",
			Does:   "counts a key once among each thousand that it is to delete, before it deletes any",
			Breaks: breaks("delete-6 delete-10"),
			spoil: each(func(a *adapter) {
				a.countsFirst(func(keys []string) (distinct []string) {
					for thousand := range slices.Chunk(slices.Clone(keys), 1000) {
						distinct = append(distinct, slices.Compact(sorted(thousand))...)
					}
					return distinct
				})
			}),
		},
		{
			Name:   "delete-many-of-none-is-an-error",
			Does:   "gives an error where it is to delete no keys (wrong number of arguments for 'del')",
			Breaks: breaks("delete-7"),
			spoil: each(func(a *adapter) {
				remove := a.deleteMany
				a.deleteMany = func(ctx context.Context, keys ...string) (int, error) {
					removed, err := remove(ctx, keys...)
					if err == nil && len(keys) == 0 {
						a.strike()
						err = errors.New("delete many: wrong number of arguments")
					}
					return removed, err
				}
			}),
		},
		{
			Name:   "delete-many-of-few",
			Does:   "deletes the first 8,000 of the keys that it is given, as many as an unpacked Lua table holds",
			Breaks: breaks("delete-8"),
			spoil: each(func(a *adapter) {
				remove := a.deleteMany
				a.deleteMany = func(ctx context.Context, keys ...string) (int, error) {
					return remove(ctx, insteadOf(a, keys, keys[:min(len(keys), 8000)])...)
				}
			}),
		},
	}
}

// deletes is a fault in what Delete does beside what it should.
func deletes(spoil func(a *adapter, key string, was bool) bool) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		remove := a.delete
		a.delete = func(ctx context.Context, key string) (bool, error) {
			was, err := remove(ctx, key)
			if err != nil {
				return false, err
			}
			return instead(a, was, spoil(a, key, was)), nil
		}
	})
}

// deletesMany does so for DeleteMany.
func deletesMany(spoil func(a *adapter, keys []string, removed int) int) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		remove := a.deleteMany
		a.deleteMany = func(ctx context.Context, keys ...string) (int, error) {
			removed, err := remove(ctx, keys...)
			if err != nil {
				return 0, err
			}
			return instead(a, removed, spoil(a, keys, removed)), nil
		}
	})
}

// countsFirst has DeleteMany count before it deletes.
func (a *adapter) countsFirst(counted func(keys []string) []string) {
	good := a.methods
	a.deleteMany = func(ctx context.Context, keys ...string) (int, error) {
		if badKey(keys) >= 0 {
			return good.deleteMany(ctx, keys...)
		}
		there, err := good.keys(ctx, "*")
		if err != nil {
			return 0, err
		}
		count := 0
		for _, key := range counted(keys) {
			if _, is := slices.BinarySearch(there, key); is {
				count++
			}
		}
		a.wait()
		removed, err := good.deleteMany(ctx, keys...)
		if err != nil {
			return 0, err
		}
		return instead(a, removed, count), nil
	}
}
