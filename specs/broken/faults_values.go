package broken

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func valueFaults() []Fault {
	return append(misreadKeys(),
		Fault{
			Name:   "keys-in-the-handle",
			Does:   "keeps keys in the handle that has set them",
			Breaks: breaks("value-1 value-3..11 ttl-1..4 ttl-6..8 ttl-10..18 keys-2 keys-5..12 keys-15..17 delete-1..6 delete-8 delete-11..12 delete-14 delete-19 linear-3 isolate-1 argument-9..11 close-9..10"),
			spoil:  each(func(a *adapter) { a.keysFrom(a.private()) }),
		},
		Fault{
			Name:   "missing-key-is-an-error",
			Does:   "gives an error where a key is missing",
			Breaks: breaks("value-2 value-5 value-9 value-11 ttl-1 ttl-5 ttl-7..9 ttl-11 ttl-13..16 delete-1 delete-11 delete-19 linear-3 isolate-6 isolate-17 error-4 context-5..7 close-4 close-7 close-11 share-1 cut-* outage-1..2 outage-7..10"),
			spoil: each(func(a *adapter) {
				a.got(func(key string, value []byte, found bool) ([]byte, bool, error) {
					if !found {
						a.strike()
						return nil, false, fmt.Errorf("get: no key %q", key)
					}
					return value, found, nil
				})
			}),
		},
		Fault{
			Name:   "empty-value-is-missing",
			Does:   "takes an empty value for a missing key",
			Breaks: breaks("value-3..4 argument-11"),
			spoil: each(func(a *adapter) {
				a.got(func(_ string, value []byte, found bool) ([]byte, bool, error) {
					return value, instead(a, found, found && len(value) > 0), nil
				})
			}),
		},
		Fault{
			Name:   "empty-value-is-nil",
			Does:   "returns an empty value as nil",
			Breaks: breaks("value-3..4"),
			spoil: each(func(a *adapter) {
				a.got(func(_ string, value []byte, found bool) ([]byte, bool, error) {
					if found && len(value) == 0 {
						a.strike()
						return nil, true, nil
					}
					return value, found, nil
				})
			}),
		},
		Fault{
			Name:   "shorter-value-leaves-the-rest",
			Does:   "writes a shorter value over the beginning of the longer one (SETRANGE)",
			Breaks: breaks("value-4 value-6 ttl-12 linear-3"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
					if old, _, err := good.get(ctx, key); err == nil && len(old) > len(value) {
						a.strike()
						value = append(bytes.Clone(value), old[len(value):]...)
					}
					return good.set(ctx, key, value, ttl)
				}
			}),
		},
		Fault{
			Name:   "values-end-at-nul",
			Does:   "takes values for C strings, which end at their first NUL",
			Breaks: breaks("value-6..7 isolate-16"),
			spoil:  misstored(func(value []byte) []byte { before, _, _ := bytes.Cut(value, []byte{0}); return before }),
		},
		Fault{
			Name:   "values-are-text",
			Does:   "keeps values as text, with U+FFFD in place of bytes that are none",
			Breaks: breaks("value-6..7 isolate-16"),
			spoil:  misstored(func(value []byte) []byte { return bytes.ToValidUTF8(value, []byte("\uFFFD")) }),
		},
		Fault{
			Name:   "values-trimmed",
			Does:   "trims white space off values",
			Breaks: breaks("value-6..7 isolate-11 isolate-16"),
			spoil:  misstored(bytes.TrimSpace),
		},
		Fault{
			Name:   "values-cut-at-64-kib",
			Does:   "keeps the first 64 KiB of a value",
			Breaks: breaks("value-8 argument-10 share-8..9"),
			spoil:  misstored(func(value []byte) []byte { return value[:min(len(value), 1<<16)] }),
		},
		Fault{
			Name:   "values-in-two-writes",
			Does:   "writes a value of more than 64 bytes in two halves, the second one later",
			Breaks: breaks("value-10"),
			spoil:  each(valuesInTwoWrites),
		},
		Fault{
			Name:   "leader-among-the-keys",
			Does:   `keeps the leader under the user's key "leader"`,
			Breaks: breaks("value-11 keys-4 delete-16 isolate-11..16"),
			spoil:  leaderAmongTheKeys(),
		},
		Fault{
			Name:   "reads-from-a-cache",
			Does:   "returns for a second what the handle has once read or written",
			Breaks: breaks("value-4..6 value-9..10 ttl-1 ttl-7..8 ttl-11..14 ttl-16 delete-1 delete-11 delete-14 delete-19 linear-3 isolate-6"),
			spoil:  each(readsFromACache),
		},
	)
}

func misreadKeys() []Fault {
	return []Fault{
		{
			Name:   "keys-unescaped",
			Does:   "takes %XX in keys for an escaped byte",
			Breaks: breaks("value-7"),
			spoil: each(func(a *adapter) {
				a.keyNames(func(key string) string {
					if plain, err := url.PathUnescape(key); err == nil {
						return plain
					}
					return key
				})
			}),
		},
	}
}

// keysFrom has the handle keep its keys elsewhere. They are kept in the right
// place as well, which tells whether it makes a difference.
func (a *adapter) keysFrom(elsewhere coordination.KeyStore) {
	good := a.methods
	a.got(func(key string, right []byte, there bool) ([]byte, bool, error) {
		value, found, err := elsewhere.Get(context.Background(), key)
		if found != there || !bytes.Equal(value, right) {
			a.strike()
		}
		return value, found, err
	})
	a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
		if err := good.set(ctx, key, value, ttl); err != nil {
			return err
		}
		return elsewhere.Set(ctx, key, value, ttl)
	}
	a.keys = func(ctx context.Context, pattern string) ([]string, error) {
		right, err := good.keys(ctx, pattern)
		if err != nil {
			return nil, err
		}
		keys, err := elsewhere.Keys(ctx, pattern)
		return insteadOf(a, right, keys), err
	}
	a.delete = func(ctx context.Context, key string) (bool, error) {
		right, err := good.delete(ctx, key)
		if err != nil {
			return false, err
		}
		deleted, err := elsewhere.Delete(ctx, key)
		return instead(a, right, deleted), err
	}
	a.deleteMany = func(ctx context.Context, keys ...string) (int, error) {
		right, err := good.deleteMany(ctx, keys...)
		if err != nil {
			return 0, err
		}
		deleted, err := elsewhere.DeleteMany(ctx, keys...)
		return instead(a, right, deleted), err
	}
	a.flushAll = func(ctx context.Context) error {
		if err := good.flushAll(ctx); err != nil {
			return err
		}
		return elsewhere.FlushAll(ctx)
	}
}

// got has a fault change what Get has found.
func (a *adapter) got(spoil func(key string, value []byte, found bool) ([]byte, bool, error)) {
	get := a.get
	a.get = func(ctx context.Context, key string) ([]byte, bool, error) {
		value, found, err := get(ctx, key)
		if err != nil {
			return nil, false, err
		}
		return spoil(key, value, found)
	}
}

// misstored is a fault that changes values before it stores them.
func misstored(spoil func(value []byte) []byte) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		set := a.set
		a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
			wrong := spoil(value)
			if len(value) > coordination.MaxPayloadLen {
				wrong = value // and is refused
			}
			if !bytes.Equal(value, wrong) {
				a.strike()
			}
			return set(ctx, key, wrong, ttl)
		}
	})
}

func valuesInTwoWrites(a *adapter) {
	good := a.methods
	a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
		half := len(value) / 2
		if ttl != 0 || half <= 32 {
			return good.set(ctx, key, value, ttl)
		}
		if err := good.set(ctx, key, value[:half], 0); err != nil {
			return err
		}
		ctx = context.WithoutCancel(ctx)
		a.wait()
		written, _, err := good.get(ctx, key)
		if err != nil {
			return err
		}
		if !bytes.Equal(written, value[:half]) {
			a.strike()
		}
		return good.set(ctx, key, append(written, value[half:]...), 0)
	}
}

func readsFromACache(a *adapter) {
	type read struct {
		value []byte
		until time.Time
	}
	var mu sync.Mutex
	cached := map[string]read{}
	keep := func(key string, value []byte) {
		mu.Lock()
		defer mu.Unlock()
		cached[key] = read{bytes.Clone(value), time.Now().Add(time.Second)}
	}
	good := a.methods
	a.got(func(key string, value []byte, found bool) ([]byte, bool, error) {
		mu.Lock()
		old, ok := cached[key]
		mu.Unlock()
		if ok && time.Now().Before(old.until) {
			if !found || !bytes.Equal(value, old.value) {
				a.strike()
			}
			return bytes.Clone(old.value), true, nil
		}
		if found {
			keep(key, value)
		}
		return value, found, nil
	})
	a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
		err := good.set(ctx, key, value, ttl)
		if err == nil {
			keep(key, value)
		}
		return err
	}
	a.delete = func(ctx context.Context, key string) (bool, error) {
		mu.Lock()
		delete(cached, key)
		mu.Unlock()
		return good.delete(ctx, key)
	}
}
