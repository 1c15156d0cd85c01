package broken

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// borrowedSlices are faults in what is done with slices that belong to the caller.
func borrowedSlices() []Fault {
	return []Fault{
		{
			Name:   "keys-sorted-in-place",
			Does:   "sorts the keys for DeleteMany where they are",
			Breaks: breaks("share-4"),
			spoil: each(func(a *adapter) {
				a.every(func(c *call) error {
					err := c.proceed()
					if c.method == "DeleteMany" && err == nil && !slices.IsSorted(c.keys) {
						a.strike()
						slices.Sort(c.keys)
					}
					return err
				})
			}),
		},
		{
			Name:   "payload-cleared",
			Does:   "clears a payload when it is sent, as if it were a buffer from a pool",
			Breaks: breaks("publish-11 publish-13 argument-10 share-4"),
			spoil: each(func(a *adapter) {
				a.every(func(c *call) error {
					err := c.proceed()
					if (c.method == "Publish" || c.method == "PublishWithAck") && err == nil && len(c.payload) > 0 {
						a.strike()
						clear(c.payload)
					}
					return err
				})
			}),
		},
		{
			Name:   "value-kept",
			Does:   "keeps the slice that Set is given",
			Breaks: breaks("share-5..6 share-8"),
			spoil:  kept("Set"),
		},
		{
			Name:   "large-values-kept",
			Does:   "copies the slice that Set is given only where it is short",
			Breaks: breaks("share-8"),
			spoil: byNamespace(func(a *adapter, given *sync.Map) {
				const short = 64 << 10
				good := a.methods
				a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
					err := good.set(ctx, key, value, ttl)
					if given.Delete(key); err == nil && len(value) > short {
						given.Store(key, value)
					}
					return err
				}
				a.got(func(key string, value []byte, found bool) ([]byte, bool, error) {
					kept, large := given.Load(key)
					if !found || !large {
						return value, found, nil
					}
					if !bytes.Equal(kept.([]byte), value) {
						a.strike()
					}
					return bytes.Clone(kept.([]byte)), true, nil
				})
			}),
		},
		{
			Name:   "value-written-after-a-cancellation",
			Does:   "goes on to write the slice of a Set that was cancelled",
			Breaks: breaks("share-6"),
			spoil:  late("Set"),
		},
	}
}

// kept is a fault of a method that stores what a slice holds when it is read.
func kept(method string) func(*backend) func(*adapter) {
	return byNamespace(func(a *adapter, given *sync.Map) {
		good := a.methods
		a.every(func(c *call) error {
			err := c.proceed()
			if c.method == method && err == nil {
				given.Store(c.name, c.payload)
			}
			return err
		})
		read := func(good func(context.Context, string) ([]byte, bool, error)) func(context.Context, string) ([]byte, bool, error) {
			return func(ctx context.Context, name string) ([]byte, bool, error) {
				right, found, err := good(ctx, name)
				slice, known := given.Load(name)
				if err != nil || !found || !known || bytes.Equal(slice.([]byte), right) {
					return right, found, err
				}
				a.strike()
				return bytes.Clone(slice.([]byte)), true, nil
			}
		}
		if method == "Set" {
			a.get = read(good.get)
		} else {
			a.nodeMetadata = read(good.nodeMetadata)
		}
	})
}

// late is a fault of a method that reads a slice after it has returned: before
// the next call.
func late(method string) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		var pending atomic.Int64
		a.every(func(c *call) error {
			if pending.Load() > 0 {
				a.settle()
			}
			if c.method != method || c.ctx == nil || c.ctx.Err() != nil {
				return c.proceed()
			}
			a.interleave()
			if c.ctx.Err() == nil {
				return c.proceed()
			}
			err := c.ctx.Err()
			c.ctx = context.WithoutCancel(c.ctx)
			pending.Add(1)
			time.AfterFunc(time.Nanosecond, func() {
				defer pending.Add(-1)
				if c.proceed() == nil {
					a.strike()
				}
			})
			return err
		})
	})
}

// lentSlices are faults in who else has what a method returns.
func lentSlices() []Fault {
	return []Fault{
		{
			Name:   "value-lent",
			Does:   "returns from Get the slice that it will return again",
			Breaks: breaks("share-7..8"),
			spoil: each(func(a *adapter) {
				get, slices := a.get, &lent[byte]{}
				a.get = func(ctx context.Context, key string) ([]byte, bool, error) {
					value, found, err := get(ctx, key)
					return slices.again(a, key, value), found, err
				}
			}),
		},
		{
			Name:   "figures-lent",
			Does:   "returns from Stats the map that it will return again",
			Breaks: breaks("health-16 share-7"),
			spoil: each(func(a *adapter) {
				figures := a.stats
				var mu sync.Mutex
				var first map[string]string
				a.stats = func(ctx context.Context) (coordination.Stats, error) {
					stats, err := figures(ctx)
					if err != nil {
						return stats, err
					}
					mu.Lock()
					defer mu.Unlock()
					if first == nil {
						first = stats.Metadata
					}
					if len(first) != len(stats.Metadata) {
						a.strike()
					}
					stats.Metadata = first
					return stats, nil
				}
			}),
		},
	}
}

// lent remembers what was returned by name, together with what it was.
type lent[T comparable] struct {
	mu  sync.Mutex // guards what follows
	all map[string]loan[T]
}

type loan[T comparable] struct{ slice, content []T }

// again returns the slice that was returned before where its content was the
// same.
func (l *lent[T]) again(a *adapter, name string, right []T) []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]loan[T]{}
	}
	before, known := l.all[name]
	if !known || !slices.Equal(before.content, right) {
		l.all[name] = loan[T]{right, slices.Clone(right)}
		return right
	}
	return insteadOf(a, right, before.slice)
}
