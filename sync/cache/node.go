package cache

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// Node is this process's part of the cluster: a DistributedSync whose cache is all
// caches made by New on this node. Call its Run once. Its own Set, Delete and
// InvalidatePattern take whole keys, with the prefix of their cache.
type Node struct {
	*dsync.DistributedSync
	routes *routes
}

// NewNode returns a node that is not yet running. It does not close port. options
// may be nil; Recovery.Suspicion is always dsync.TreatAsMiss.
//
// Errors: coordination.ErrInvalidArgument if options.Cache is set, if
// options.Recovery.Fallback is not dsync.FallbackClear, and those of dsync.New.
func NewNode(config dsync.Config, port coordination.DistributedCoordination, options *dsync.Options) (*Node, error) {
	var set dsync.Options
	if options != nil {
		set = *options
	}
	if set.Cache != nil {
		return nil, invalid("new node", "Cache", "is set, want nil: New makes the caches of this node")
	}
	if set.Recovery.Fallback != dsync.FallbackClear {
		return nil, invalid("new node", "Fallback", fmt.Sprintf("is %d, want FallbackClear", set.Recovery.Fallback))
	}
	routes := &routes{caches: make(map[string]routed)}
	set.Cache, set.Recovery.Suspicion = routes, dsync.TreatAsMiss
	if set.Consensus == nil {
		set.Consensus = dsync.LastWriterWins{}
	}
	set.Consensus = dropping{set.Consensus, config.NodeID, routes}
	node, err := dsync.New(config, port, &set)
	if err != nil {
		return nil, err
	}
	return &Node{node, routes}, nil
}

// routed is a Cache of any type, as operations of this and other nodes reach it.
// Keys are without the prefix.
type routed interface {
	apply(key string, data []byte, ttl time.Duration) error
	drop(key string)
	dropLoaded(key string)
	dropMatching(ctx context.Context, pattern string, loadedOnly bool) error
	dropAll()
}

// dropping drops loaded values also by operations of other nodes that are refused
// as older. Where clocks differ, a load can look newer than a delete that followed
// it. The other nodes know of no load, so that dropping it never makes them differ.
type dropping struct {
	dsync.ConsensusManager
	self   string
	routes *routes
}

func (d dropping) Decide(operation dsync.Operation, conflict dsync.Conflict) (apply bool, reason string) {
	apply, reason = d.ConsensusManager.Decide(operation, conflict)
	if apply || operation.Origin == d.self {
		return apply, reason
	}
	pattern := operation.Key
	switch operation.Type {
	case dsync.Set, dsync.Delete:
		if cache, rest := d.routes.find(operation.Key); cache != nil {
			cache.dropLoaded(rest)
		}
		return apply, reason
	case dsync.Clear:
		pattern = "*"
	}
	for _, cache := range d.routes.all() {
		_ = cache.dropMatching(context.Background(), pattern, true) // it fails with its context alone
	}
	return apply, reason
}

// routes hands each operation to the cache whose prefix its key has.
type routes struct {
	mu     sync.RWMutex
	caches map[string]routed // by prefix; no prefix begins with another one
}

var _ dsync.Cache = (*routes)(nil)

func (r *routes) add(prefix string, cache routed) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, other := range slices.Sorted(maps.Keys(r.caches)) {
		if strings.HasPrefix(prefix, other) || strings.HasPrefix(other, prefix) {
			return invalid("new", "prefix", fmt.Sprintf(
				"is %q, want one that does not overlap with %q of another cache", prefix, other))
		}
	}
	r.caches[prefix] = cache
	return nil
}

func (r *routes) remove(prefix string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.caches, prefix)
}

// find returns the cache of a whole key and the rest of that key, or nil.
func (r *routes) find(key string) (cache routed, rest string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for prefix, cache := range r.caches {
		if rest, found := strings.CutPrefix(key, prefix); found {
			return cache, rest
		}
	}
	return nil, ""
}

func (r *routes) all() []routed {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Values(r.caches))
}

func (r *routes) Set(_ context.Context, key string, value []byte, ttl time.Duration) error {
	if cache, rest := r.find(key); cache != nil {
		return cache.apply(rest, value, ttl)
	}
	return nil
}

func (r *routes) Delete(_ context.Context, key string) error {
	if cache, rest := r.find(key); cache != nil {
		cache.drop(rest)
	}
	return nil
}

func (r *routes) InvalidatePattern(ctx context.Context, pattern string) error {
	for _, cache := range r.all() {
		if err := cache.dropMatching(ctx, pattern, false); err != nil {
			return err
		}
	}
	return nil
}

func (r *routes) Clear(context.Context) error {
	for _, cache := range r.all() {
		cache.dropAll()
	}
	return nil
}
