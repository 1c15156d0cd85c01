package broken

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// heartbeatFaults are those of the members in what a heartbeat does.
func heartbeatFaults() []Fault {
	return []Fault{
		{
			Name:   "heartbeat-registers",
			Does:   "registers a node that sends a heartbeat and is no member",
			Breaks: breaks("member-11 member-29..31 isolate-8"),
			spoil:  each(heartbeatRegisters),
		},
		{
			Name:   "heartbeat-for-the-default",
			Does:   "keeps a node for DefaultNodeTTL after a heartbeat, whatever its time to live",
			Breaks: breaks("member-22..24 member-26..27 member-31..32 health-7 isolate-8 close-9"),
			spoil:  beats(func(*ends, string, time.Duration) time.Duration { return coordination.DefaultNodeTTL }),
		},
		{
			Name:   "heartbeat-in-whole-seconds",
			Does:   "cuts the time of a heartbeat to whole seconds",
			Breaks: breaks("member-21 member-24..27 health-7 isolate-8 close-9"),
			spoil:  beats(func(_ *ends, _ string, ttl time.Duration) time.Duration { return ttl.Truncate(time.Second) }),
		},
		{
			Name:   "one-heartbeat-counts",
			Does:   "takes no second heartbeat until the time of the first has ended",
			Breaks: breaks("member-24..25"),
			spoil: beats(func(e *ends, nodeID string, ttl time.Duration) time.Duration {
				if left, _ := e.left(nodeID); e.given(nodeID) != coordination.DefaultNodeTTL {
					return left
				}
				return ttl
			}),
		},
	}
}

// isAnswer says whether an error is an answer of a backend that was reached.
func isAnswer(err error) bool { return errors.Is(err, coordination.ErrNotRegistered) }

// beats is a fault in how long a heartbeat keeps a node.
func beats(mistaken func(e *ends, nodeID string, ttl time.Duration) time.Duration) func(*backend) func(*adapter) {
	return ofNodes(func(a *adapter, e *ends) {
		beat := a.heartbeat
		a.heartbeat = func(ctx context.Context, nodeID string, ttl time.Duration) error {
			if coordination.CheckLease("", ttl) != nil {
				return beat(ctx, nodeID, ttl)
			}
			wrong := instead(a, ttl, mistaken(e, nodeID, ttl))
			err := beat(ctx, nodeID, max(wrong, time.Millisecond))
			if err == nil && wrong < time.Millisecond { // EXPIRE of 0 removes
				_, err = a.deregisterNode(ctx, nodeID)
			}
			return err
		}
	})
}

func heartbeatRegisters(a *adapter) {
	good := a.methods
	a.heartbeat = func(ctx context.Context, nodeID string, ttl time.Duration) error {
		err := good.heartbeat(ctx, nodeID, ttl)
		if isAnswer(err) {
			a.strike()
			err = errors.Join(good.registerNode(ctx, nodeID, nil), good.heartbeat(ctx, nodeID, ttl))
		}
		return err
	}
}

func noMetadataLeaveTheOld(a *adapter, old *descriptions) {
	good := a.methods
	a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
		if before, known := old.get(nodeID); known && len(metadata) == 0 && len(before) > 0 {
			a.strike()
			metadata = before
		}
		if err := good.registerNode(ctx, nodeID, metadata); err != nil {
			return err
		}
		old.keep(nodeID, metadata)
		return nil
	}
}

// registrations counts how often each node has registered.
type registrations struct {
	mu    sync.Mutex // guards count
	count map[string]int
}

func nodeListedForEachRegistration(a *adapter, r *registrations) {
	good := a.methods
	a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
		_, was, err := good.nodeMetadata(ctx, nodeID)
		if err == nil {
			err = good.registerNode(ctx, nodeID, metadata)
		}
		if err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.count == nil {
			r.count = map[string]int{}
		}
		if !was {
			r.count[nodeID] = 0
		}
		r.count[nodeID]++
		return nil
	}
	a.listNodes = func(ctx context.Context) ([]string, error) {
		nodes, err := good.listNodes(ctx)
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		listed := []string{}
		for _, node := range nodes {
			listed = append(listed, slices.Repeat([]string{node}, max(1, r.count[node]))...)
		}
		return insteadOf(a, nodes, listed), nil
	}
}
