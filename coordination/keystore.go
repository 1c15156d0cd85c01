package coordination

import (
	"context"
	"time"
)

// KeyStore holds values by key, each with an optional time to live. Keys are
// logical names: what a user stores never collides with what the adapter keeps
// for itself, and no prefix of the adapter's ever shows.
type KeyStore interface {
	// Get returns the value of key, and whether it is there. A missing key is
	// not an error; an empty value is found, as an empty slice.
	//
	// Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err().
	Get(ctx context.Context, key string) (value []byte, found bool, err error)

	// Set stores value under key and replaces both the value and the time to
	// live that were there. ttl is 0 for no end, or at least a millisecond; it
	// is rounded up to whole milliseconds.
	//
	// Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err().
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error

	// Keys returns the keys that pattern matches as a whole, as [Match]
	// decides: each once, in ascending order of their bytes, never nil. It is
	// not a snapshot: a key that is there during the whole call is returned,
	// one that comes or goes meanwhile may be. It walks in steps and never
	// stalls a shared backend. What it returns can be given to DeleteMany as it
	// is.
	//
	// Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err().
	Keys(ctx context.Context, pattern string) ([]string, error)

	// Delete removes key and says whether it was there.
	//
	// Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err().
	Delete(ctx context.Context, key string) (bool, error)

	// DeleteMany removes the keys and returns how many of them were there, one
	// that is named twice counted once. No keys are 0 and no error. Many keys
	// are removed in steps, not atomically; after an error some may be gone.
	//
	// Errors: ErrInvalidArgument (nothing was removed), ErrClosed,
	// ErrUnavailable, ctx.Err().
	DeleteMany(ctx context.Context, keys ...string) (int, error)

	// FlushAll removes every key of the namespace that is there when it is
	// called and nothing else: other namespaces, members, the leader and the
	// subscriptions stay. It walks in steps, as Keys does; a key that is set
	// meanwhile may stay or go.
	//
	// Errors: ErrInvalidArgument (a nil context), ErrClosed, ErrUnavailable,
	// ctx.Err().
	FlushAll(ctx context.Context) error
}
