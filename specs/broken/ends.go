package broken

import (
	"context"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// ends remembers for one namespace when its keys, or its nodes, end that were
// given an end: also once that has passed, as long as they are not removed.
type ends struct {
	mu sync.Mutex // guards what follows
	of map[string]life
}

// life is a time to live, and when it ends.
type life struct {
	ttl time.Duration
	end time.Time
}

// set notes a time to live that begins now; zero is one without an end.
func (e *ends) set(name string, ttl time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.of == nil {
		e.of = map[string]life{}
	}
	if delete(e.of, name); ttl > 0 {
		e.of[name] = life{ttl, time.Now().Add(time.Duration(coordination.Millis(ttl)) * time.Millisecond)}
	}
}

func (e *ends) forget(names ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, name := range names {
		delete(e.of, name)
	}
}

func (e *ends) forgetAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.of)
}

// left returns how much time is left, which may be less than nothing, and
// whether there is an end.
func (e *ends) left(name string) (time.Duration, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	life, ok := e.of[name]
	return time.Until(life.end), ok
}

// given returns the time to live that a name was given, 0 where it was none.
func (e *ends) given(name string) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.of[name].ttl
}

// ofKeys is a fault that knows the ends of the keys of all peers. What it does
// to the handle lies around what keeps them up to date.
func ofKeys(spoil func(a *adapter, e *ends)) func(*backend) func(*adapter) {
	return byNamespace(func(a *adapter, e *ends) {
		good := a.methods
		a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
			err := good.set(ctx, key, value, ttl)
			if err == nil {
				e.set(key, ttl)
			}
			return err
		}
		a.delete = func(ctx context.Context, key string) (bool, error) {
			deleted, err := good.delete(ctx, key)
			if err == nil {
				e.forget(key)
			}
			return deleted, err
		}
		a.deleteMany = func(ctx context.Context, keys ...string) (int, error) {
			deleted, err := good.deleteMany(ctx, keys...)
			if err == nil {
				e.forget(keys...)
			}
			return deleted, err
		}
		a.flushAll = func(ctx context.Context) error {
			err := good.flushAll(ctx)
			if err == nil {
				e.forgetAll()
			}
			return err
		}
		spoil(a, e)
	})
}

// ofNodes does so with the nodes.
func ofNodes(spoil func(a *adapter, e *ends)) func(*backend) func(*adapter) {
	return byNamespace(func(a *adapter, e *ends) {
		good := a.methods
		a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
			err := good.registerNode(ctx, nodeID, metadata)
			if err == nil {
				e.set(nodeID, coordination.DefaultNodeTTL)
			}
			return err
		}
		a.heartbeat = func(ctx context.Context, nodeID string, ttl time.Duration) error {
			err := good.heartbeat(ctx, nodeID, ttl)
			if err == nil {
				e.set(nodeID, ttl)
			}
			return err
		}
		a.deregisterNode = func(ctx context.Context, nodeID string) (bool, error) {
			there, err := good.deregisterNode(ctx, nodeID)
			if err == nil {
				e.forget(nodeID)
			}
			return there, err
		}
		spoil(a, e)
	})
}
