package broken

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// lasts is a fault that mistakes times to live.
func lasts(mistaken func(ttl time.Duration) time.Duration) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		set := a.set
		a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
			if coordination.CheckExpiry("set", ttl) != nil {
				return set(ctx, key, value, ttl)
			}
			return set(ctx, key, value, instead(a, ttl, mistaken(ttl)))
		}
	})
}

// timers are ends that nobody stops.
type timers struct {
	mu      sync.Mutex // guards what follows
	waiting []timer
}

type timer struct {
	key string
	end time.Time
}

func (t *timers) start(key string, ttl time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := time.Now().Add(time.Duration(coordination.Millis(ttl)) * time.Millisecond)
	t.waiting = append(t.waiting, timer{key, end})
}

// fire returns the keys whose timers have gone off since.
func (t *timers) fire() (keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = slices.DeleteFunc(t.waiting, func(timer timer) bool {
		fires := time.Until(timer.end) <= 0
		if fires {
			keys = append(keys, timer.key)
		}
		return fires
	})
	return keys
}

func oldEndRemovesNewValue(a *adapter, t *timers) {
	good := a.methods
	fire := func(ctx context.Context) error {
		for _, key := range t.fire() {
			removed, err := good.delete(ctx, key)
			if err != nil {
				return err
			}
			if removed {
				a.strike()
			}
		}
		return nil
	}
	a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
		err := good.set(ctx, key, value, ttl)
		if err == nil && ttl > 0 {
			t.start(key, ttl)
		}
		return err
	}
	a.get = func(ctx context.Context, key string) ([]byte, bool, error) {
		if err := fire(ctx); err != nil {
			return nil, false, err
		}
		return good.get(ctx, key)
	}
	a.keys = func(ctx context.Context, pattern string) ([]string, error) {
		if err := fire(ctx); err != nil {
			return nil, err
		}
		return good.keys(ctx, pattern)
	}
}
