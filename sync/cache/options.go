package cache

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// The defaults of Options.
const (
	DefaultTTL         = 10 * time.Minute
	DefaultLoadTimeout = 10 * time.Second
	DefaultCapacity    = 10_000
)

// Options are the optional settings of a Cache. The zero value works. No duration
// is negative, or below 100 ms unless it is 0. Values expire up to 50 ms late.
type Options[V any] struct {
	// TTL is how long a value may be served after it was stored. Each value lives
	// up to a tenth less, at random, so that values stored together do not expire
	// together. Default DefaultTTL; at most a year.
	TTL time.Duration
	// NegativeTTL is how long ErrNotFound of a load is remembered. Default 0: not
	// at all.
	NegativeTTL time.Duration
	// StaleFor is how long after its TTL a value may still be served if its load
	// fails. Fetch and Stats.StaleServed tell. A value that an operation has
	// dropped is never served. Default 0: not at all.
	StaleFor time.Duration
	// RefreshAfter is the age from which a hit also starts a load in the
	// background, with the caller's load function. At most 64 run at a time.
	// Default 0: no refresh; otherwise less than TTL.
	RefreshAfter time.Duration
	// LoadTimeout bounds each load. Default DefaultLoadTimeout.
	LoadTimeout time.Duration
	// Capacity is the most that all values weigh together; above it the cache
	// evicts. Default DefaultCapacity.
	Capacity uint64
	// Weigh returns the weight of a value, and 0 counts as 1. A value heavier than
	// Capacity is not kept. It must not call the cache. Default: each weighs 1, so
	// that Capacity is a number of values.
	Weigh func(key string, value V) uint32
	// Codec encodes the values that Set sends to other nodes. Default JSON.
	Codec Codec[V]
}

// Codec turns values into bytes and back. All nodes need the same one: a node
// that cannot decode a value drops the key, and reports dsync.CacheFailed. Both
// functions must be safe for concurrent use and not keep their arguments. A panic counts
// as an error. Decode must not end its goroutine (runtime.Goexit): Run of the node
// would end with an error. The zero value is JSON.
type Codec[V any] struct {
	Encode func(value V) ([]byte, error)
	Decode func(data []byte) (V, error)
}

func (o *Options[V]) withDefaults() (Options[V], error) {
	var set Options[V]
	if o != nil {
		set = *o
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		zero  time.Duration
	}{
		{"TTL", &set.TTL, DefaultTTL},
		{"NegativeTTL", &set.NegativeTTL, 0},
		{"StaleFor", &set.StaleFor, 0},
		{"RefreshAfter", &set.RefreshAfter, 0},
		{"LoadTimeout", &set.LoadTimeout, DefaultLoadTimeout},
	} {
		if *d.value < 0 || *d.value > maxDuration {
			return set, invalid("new", d.name, fmt.Sprintf("is %v, want 0 to %v", *d.value, maxDuration))
		}
		if *d.value == 0 {
			*d.value = d.zero
		}
		if *d.value != 0 && *d.value < minDuration {
			return set, invalid("new", d.name, fmt.Sprintf("is %v, want 0 or at least %v", *d.value, minDuration))
		}
	}
	if set.RefreshAfter >= set.TTL {
		return set, invalid("new", "RefreshAfter", fmt.Sprintf("is %v, want less than the TTL of %v", set.RefreshAfter, set.TTL))
	}
	if set.Capacity == 0 {
		set.Capacity = DefaultCapacity
	}
	if set.Capacity > math.MaxInt64 {
		return set, invalid("new", "Capacity", fmt.Sprintf("is %d, want at most %d", set.Capacity, int64(math.MaxInt64)))
	}
	switch {
	case set.Codec.Encode == nil && set.Codec.Decode == nil:
		set.Codec = Codec[V]{
			Encode: func(value V) ([]byte, error) { return json.Marshal(value) },
			Decode: func(data []byte) (value V, err error) { err = json.Unmarshal(data, &value); return value, err },
		}
	case set.Codec.Encode == nil || set.Codec.Decode == nil:
		return set, invalid("new", "Codec", "has one function, want both or none")
	}
	return set, nil
}

const (
	minDuration = 100 * time.Millisecond
	maxDuration = 365 * 24 * time.Hour
)

func invalid(call, argument, what string) error {
	return fmt.Errorf("%s: %s %s: %w", call, argument, what, coordination.ErrInvalidArgument)
}
