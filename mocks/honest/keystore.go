package honest

import (
	"context"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// KeyStore wraps a mock of coordination.KeyStore.
func KeyStore(t T, mock coordination.KeyStore) coordination.KeyStore {
	t.Helper()
	if !exists(t, "KeyStore", mock) {
		return nil
	}
	return &keyStore{&witness{t: t}, mock}
}

type keyStore struct {
	*witness
	mock coordination.KeyStore
}

func (k *keyStore) Get(ctx context.Context, key string) ([]byte, bool, error) {
	k.t.Helper()
	c := k.begin(ctx, "Get", []any{key}, coordination.CheckName("get", "key", key))
	value, found, err := k.mock.Get(ctx, key)
	if c.succeeded(failures{unavailable, mostErrors, zeroValues}, err, value, found) {
		c.judgePayload(value, found, gets, foundKey)
	}
	return value, found, err
}

func (k *keyStore) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	k.t.Helper()
	c := k.begin(ctx, "Set", []any{key, value, ttl},
		coordination.CheckName("set", "key", key),
		coordination.CheckPayload("set", "value", value),
		coordination.CheckExpiry("set", ttl))
	err := k.mock.Set(ctx, key, value, ttl)
	c.succeeded(failures{unavailable, mostErrors, zeroValues}, err)
	return err
}

func (k *keyStore) Keys(ctx context.Context, pattern string) ([]string, error) {
	k.t.Helper()
	c := k.begin(ctx, "Keys", []any{pattern}, coordination.CheckName("keys", "pattern", pattern))
	keys, err := k.mock.Keys(ctx, pattern)
	if c.succeeded(failures{unavailable, mostErrors, zeroValues}, err, keys) {
		c.judgeNames(keys, listsKeys, listsKeys)
		for _, key := range keys {
			if !coordination.Match(pattern, key) {
				c.lie("the pattern does not match "+show(key), listsKeys)
				break
			}
		}
	}
	return keys, err
}

func (k *keyStore) Delete(ctx context.Context, key string) (bool, error) {
	k.t.Helper()
	c := k.begin(ctx, "Delete", []any{key}, coordination.CheckName("delete", "key", key))
	deleted, err := k.mock.Delete(ctx, key)
	c.succeeded(failures{unavailable, mostErrors, zeroValues}, err, deleted)
	return deleted, err
}

func (k *keyStore) DeleteMany(ctx context.Context, keys ...string) (int, error) {
	k.t.Helper()
	var bad error
	distinct := make(map[string]struct{}, len(keys))
	for _, key := range keys {
		if bad == nil {
			bad = coordination.CheckName("delete many", "keys", key)
		}
		distinct[key] = struct{}{}
	}
	c := k.begin(ctx, "DeleteMany", []any{keys}, bad)
	deleted, err := k.mock.DeleteMany(ctx, keys...)
	if c.succeeded(failures{unavailable, errorsOfDeleteMany, zeroValues}, err, deleted) {
		switch {
		case deleted < 0:
			c.lie("the number is negative", deletesMany)
		case deleted > len(distinct):
			c.lie("there were not as many keys to delete", deletesMany)
		}
	}
	return deleted, err
}

func (k *keyStore) FlushAll(ctx context.Context) error {
	k.t.Helper()
	c := k.begin(ctx, "FlushAll", nil)
	err := k.mock.FlushAll(ctx)
	c.succeeded(failures{unavailable, nameless, zeroValues}, err)
	return err
}
