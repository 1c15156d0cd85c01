package broken

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// registers is a fault in how long a node is kept that registers.
func registers(mistaken func(e *ends, nodeID string) time.Duration) func(*backend) func(*adapter) {
	return ofNodes(func(a *adapter, e *ends) {
		good := a.methods
		a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
			wrong := mistaken(e, nodeID)
			if err := good.registerNode(ctx, nodeID, metadata); err != nil || wrong < time.Millisecond {
				return err
			}
			return good.heartbeat(ctx, nodeID, instead(a, coordination.DefaultNodeTTL, wrong))
		}
	})
}

// described is a fault in what NodeMetadata returns.
func described(spoil func(a *adapter, nodeID string, metadata []byte, found bool) ([]byte, bool, error)) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		describe := a.nodeMetadata
		a.nodeMetadata = func(ctx context.Context, nodeID string) ([]byte, bool, error) {
			metadata, found, err := describe(ctx, nodeID)
			if err != nil {
				return nil, false, err
			}
			return spoil(a, nodeID, metadata, found)
		}
	})
}

// misdescribes is a fault that changes metadata before it stores them.
func misdescribes(spoil func(metadata []byte) []byte) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		register := a.registerNode
		a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
			wrong := spoil(metadata)
			if !bytes.Equal(metadata, wrong) {
				a.strike()
			}
			return register(ctx, nodeID, wrong)
		}
	})
}

// deregisters is a fault in what DeregisterNode does beside what it should.
func deregisters(spoil func(a *adapter, nodeID string, was bool) bool) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		deregister := a.deregisterNode
		a.deregisterNode = func(ctx context.Context, nodeID string) (bool, error) {
			was, err := deregister(ctx, nodeID)
			if err != nil {
				return false, err
			}
			return instead(a, was, spoil(a, nodeID, was)), nil
		}
	})
}

// lists is a fault in what ListNodes returns.
func lists(spoil func(a *adapter, nodes []string) []string) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		list := a.listNodes
		a.listNodes = func(ctx context.Context) ([]string, error) {
			nodes, err := list(ctx)
			if err != nil {
				return nil, err
			}
			return insteadOf(a, nodes, spoil(a, slices.Clone(nodes))), nil
		}
	})
}

// membersFrom has the handle keep its members elsewhere. They are kept in the
// right place as well, which tells whether it makes a difference.
func (a *adapter) membersFrom(elsewhere coordination.Membership) {
	good, everywhere := a.methods, context.Background()
	a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
		if err := good.registerNode(ctx, nodeID, metadata); err != nil {
			return err
		}
		return elsewhere.RegisterNode(everywhere, nodeID, metadata)
	}
	a.deregisterNode = func(ctx context.Context, nodeID string) (bool, error) {
		right, err := good.deregisterNode(ctx, nodeID)
		if err != nil {
			return false, err
		}
		was, err := elsewhere.DeregisterNode(everywhere, nodeID)
		return instead(a, right, was), err
	}
	a.heartbeat = func(ctx context.Context, nodeID string, ttl time.Duration) error {
		right := good.heartbeat(ctx, nodeID, ttl)
		if right != nil && !isAnswer(right) {
			return right
		}
		err := elsewhere.Heartbeat(everywhere, nodeID, ttl)
		instead(a, right == nil, err == nil)
		return err
	}
	a.listNodes = func(ctx context.Context) ([]string, error) {
		right, err := good.listNodes(ctx)
		if err != nil {
			return nil, err
		}
		nodes, err := elsewhere.ListNodes(everywhere)
		return insteadOf(a, right, nodes), err
	}
	a.nodeMetadata = func(ctx context.Context, nodeID string) ([]byte, bool, error) {
		right, there, err := good.nodeMetadata(ctx, nodeID)
		if err != nil {
			return nil, false, err
		}
		metadata, found, err := elsewhere.NodeMetadata(everywhere, nodeID)
		if found != there || !bytes.Equal(metadata, right) {
			a.strike()
		}
		return metadata, found, err
	}
}

// membersAmongTheKeys has a node be a key with a time to live.
func membersAmongTheKeys(a *adapter) {
	const prefix = "node:"
	good := a.methods
	a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
		if err := good.registerNode(ctx, nodeID, metadata); err != nil {
			return err
		}
		a.strike()
		return good.set(ctx, key(prefix, nodeID), metadata, coordination.DefaultNodeTTL)
	}
	a.deregisterNode = func(ctx context.Context, nodeID string) (bool, error) {
		if _, err := good.deregisterNode(ctx, nodeID); err != nil {
			return false, err
		}
		return good.delete(ctx, key(prefix, nodeID))
	}
	a.heartbeat = func(ctx context.Context, nodeID string, ttl time.Duration) error {
		if err := good.heartbeat(ctx, nodeID, ttl); err != nil {
			return err
		}
		metadata, _, err := good.get(ctx, key(prefix, nodeID))
		if err != nil {
			return err
		}
		return good.set(ctx, key(prefix, nodeID), metadata, ttl)
	}
	a.listNodes = func(ctx context.Context) ([]string, error) {
		keys, err := good.keys(ctx, prefix+"*")
		for i := range keys {
			keys[i] = strings.TrimPrefix(keys[i], prefix)
		}
		return keys, err
	}
	a.nodeMetadata = func(ctx context.Context, nodeID string) ([]byte, bool, error) {
		if _, _, err := good.nodeMetadata(ctx, nodeID); err != nil {
			return nil, false, err
		}
		return good.get(ctx, key(prefix, nodeID))
	}
}

// key keeps within the length that a key may have, which the longest node IDs
// have already.
func key(prefix, name string) string { return first(coordination.MaxNameLen)(prefix + name) }

// descriptions are the metadata of nodes, kept for longer than they should be.
type descriptions struct {
	mu sync.Mutex // guards of
	of map[string][]byte
}

func (d *descriptions) keep(nodeID string, metadata []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of == nil {
		d.of = map[string][]byte{}
	}
	d.of[nodeID] = bytes.Clone(metadata)
}

func (d *descriptions) get(nodeID string) ([]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	metadata, found := d.of[nodeID]
	return bytes.Clone(metadata), found
}
