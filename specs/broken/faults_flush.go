package broken

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// flushFaults are those of deleting that FlushAll has.
func flushFaults() []Fault {
	return append(flushesTooMuch(),
		Fault{
			Name:   "flush-spares-what-ends",
			Does:   "leaves keys with a time to live to their end when it flushes",
			Breaks: breaks("delete-11..12"),
			spoil: ofKeys(func(a *adapter, e *ends) {
				a.flushes(func(key string) bool { return e.given(key) == 0 })
			}),
		},
		Fault{
			Name:   "flush-spares-odd-keys",
			Does:   "leaves keys with line breaks and NUL bytes when it flushes",
			Breaks: breaks("delete-11"),
			spoil:  each(func(a *adapter) { a.flushes(func(key string) bool { return !strings.ContainsAny(key, "\n\x00") }) }),
		},
		Fault{
			Name:   "flush-of-one-page",
			Does:   "flushes the first 1,000 keys",
			Breaks: breaks("delete-12"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.flushAll = func(ctx context.Context) error {
					keys, err := good.keys(ctx, "*")
					if err == nil {
						_, err = good.deleteMany(ctx, insteadOf(a, keys, keys[:min(len(keys), 1000)])...)
					}
					return err
				}
			}),
		},
		Fault{
			Name:   "flush-of-own-keys",
			Does:   "flushes the keys that the handle has set itself",
			Breaks: breaks("delete-11..12"),
			spoil: each(func(a *adapter) {
				var mu sync.Mutex
				own := map[string]bool{}
				set := a.set
				a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
					mu.Lock()
					own[key] = true
					mu.Unlock()
					return set(ctx, key, value, ttl)
				}
				a.flushes(func(key string) bool {
					mu.Lock()
					defer mu.Unlock()
					return own[key]
				})
			}),
		},
		Fault{
			Name:   "flush-of-none-is-an-error",
			Does:   "gives an error where there are no keys to flush",
			Breaks: breaks("delete-13 lease-32 error-4 context-5..7 close-4 close-7 close-11 share-1 cut-* outage-1..2 outage-7..10 elect-7"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.flushAll = func(ctx context.Context) error {
					keys, err := good.keys(ctx, "*")
					if err == nil && len(keys) == 0 {
						a.strike()
						return errors.New("flush all: wrong number of arguments")
					}
					return good.flushAll(ctx)
				}
			}),
		},
		Fault{
			Name:   "flush-by-time-stamp",
			Does:   "takes for flushed what is set in the millisecond of a flush, but after it",
			Breaks: breaks("ttl-18 delete-14"),
			spoil:  byNamespace(flushByTimeStamp),
		},
	)
}

// flushesTooMuch are faults of a FlushAll that takes more than the keys of its
// namespace with it.
func flushesTooMuch() []Fault {
	return []Fault{
		{
			Name:   "flush-of-all-namespaces",
			Does:   "flushes the keys of all namespaces (FLUSHDB)",
			Breaks: breaks("isolate-7 isolate-11..17"),
			spoil: each(func(a *adapter) {
				a.flushesToo(func(ctx context.Context) error {
					for _, namespace := range a.backend.namespaces() {
						other := a.backend.in(namespace)
						keys, err := other.Keys(ctx, "*")
						if err == nil && len(keys) > 0 {
							a.strike()
							err = other.FlushAll(ctx)
						}
						if err != nil {
							return err
						}
					}
					return nil
				})
			}),
		},
		{
			Name:   "flush-of-what-begins-so",
			Does:   "flushes whatever begins with the name of the namespace, also what other programs keep",
			Breaks: breaks("delete-18"),
			spoil: each(func(a *adapter) {
				a.flushesToo(func(context.Context) error {
					a.backend.mu.Lock()
					defer a.backend.mu.Unlock()
					maps.DeleteFunc(a.backend.foreign, func(name string, _ bool) bool {
						return strings.HasPrefix(name, a.namespace) && instead(a, false, true)
					})
					return nil
				})
			}),
		},
		{
			Name:   "flush-of-members",
			Does:   "removes the members when it flushes",
			Breaks: breaks("delete-15 lease-32 isolate-11..16"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.flushesToo(func(ctx context.Context) error {
					nodes, err := good.listNodes(ctx)
					for _, node := range nodes {
						a.strike()
						_, err = good.deregisterNode(ctx, node)
					}
					return err
				})
			}),
		},
	}
}

// flushes has FlushAll delete one key after another, of those that it knows of.
func (a *adapter) flushes(known func(key string) bool) {
	good := a.methods
	a.flushAll = func(ctx context.Context) error {
		keys, err := good.keys(ctx, "*")
		if err != nil {
			return err
		}
		flushed := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !known(key) })
		_, err = good.deleteMany(ctx, insteadOf(a, keys, flushed)...)
		return err
	}
}

// flushesToo has FlushAll do something else as well.
func (a *adapter) flushesToo(more func(ctx context.Context) error) {
	flush := a.flushAll
	a.flushAll = func(ctx context.Context) error {
		if err := flush(ctx); err != nil {
			return err
		}
		return more(ctx)
	}
}

// lastFlush is when a namespace was flushed.
type lastFlush struct {
	mu sync.Mutex // guards at
	at time.Time
}

func flushByTimeStamp(a *adapter, last *lastFlush) {
	good := a.methods
	a.flushesToo(func(context.Context) error {
		last.mu.Lock()
		defer last.mu.Unlock()
		last.at = time.Now().Truncate(time.Millisecond)
		return nil
	})
	a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
		if err := good.set(ctx, key, value, ttl); err != nil {
			return err
		}
		last.mu.Lock()
		defer last.mu.Unlock()
		if !last.at.Equal(time.Now().Truncate(time.Millisecond)) {
			return nil
		}
		a.strike()
		_, err := good.delete(ctx, key)
		return err
	}
}
