package sync

import (
	"context"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Cache is what the nodes keep coherent: each its own, in its process. The
// reading of it is left to its users; it may evict what it likes.
//
// DistributedSync never makes two calls at once. A method must return when ctx
// is done, which it is after a HeartbeatInterval at the latest, and may be called
// from any goroutine that calls DistributedSync, which it must not call itself:
// that would wait for it. Where one returns an error, or panics, DistributedSync no
// longer knows what the cache holds, and has it forget the key, or everything,
// until that succeeds.
//
// Its users read it meanwhile, so that it must be safe for that by itself.
type Cache interface {
	// Set stores value, which it may keep but must not change, for ttl; 0 means
	// no end.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Delete forgets key. That it is not there is no error.
	Delete(ctx context.Context, key string) error
	// InvalidatePattern forgets every key that pattern matches, as
	// coordination.Match decides. It may forget more.
	InvalidatePattern(ctx context.Context, pattern string) error
	// Clear forgets everything.
	Clear(ctx context.Context) error
}

// store is the port's key store as a cache: one that all nodes share.
type store struct{ keys coordination.KeyStore }

var _ Cache = store{}

func (s store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return s.keys.Set(ctx, key, value, ttl)
}

func (s store) Delete(ctx context.Context, key string) error {
	_, err := s.keys.Delete(ctx, key)
	return err
}

func (s store) InvalidatePattern(ctx context.Context, pattern string) error {
	keys, err := s.keys.Keys(ctx, pattern)
	if err != nil || len(keys) == 0 {
		return err
	}
	_, err = s.keys.DeleteMany(ctx, keys...)
	return err
}

func (s store) Clear(ctx context.Context) error { return s.keys.FlushAll(ctx) }

// execute does to the cache what operation says.
func execute(ctx context.Context, cache Cache, operation Operation) (err error) {
	defer caught("cache", &err)
	switch operation.Type {
	case Set:
		return cache.Set(ctx, operation.Key, operation.Value, operation.TTL)
	case Delete:
		return cache.Delete(ctx, operation.Key)
	case InvalidatePattern:
		return cache.InvalidatePattern(ctx, operation.Key)
	default:
		return cache.Clear(ctx)
	}
}

// caught makes an error of a panic in code of the user's. It is deferred.
func caught(what string, err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("%s panicked: %v", what, cause)
	}
}
