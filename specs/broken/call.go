package broken

import (
	"context"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// call is a call of any method, for faults that methods have in common. They may
// change the arguments before they let it go on.
type call struct {
	method  string
	ctx     context.Context
	name    string   // of the channel, pattern, key or node
	keys    []string // of DeleteMany
	payload []byte
	length  time.Duration // a time to live or a timeout

	proceed func() error
}

// every has a fault do something about each call of every method but Close and
// Next. Where it returns an error, the method returns nothing else.
func (a *adapter) every(fault func(*call) error) {
	good := a.methods
	do := func(c *call, proceed func() error) error {
		c.proceed = proceed
		return fault(c)
	}
	a.publish = func(ctx context.Context, channel string, payload []byte) error {
		c := &call{method: "Publish", ctx: ctx, name: channel, payload: payload}
		return do(c, func() error { return good.publish(c.ctx, c.name, c.payload) })
	}
	a.publishWithAck = func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
		c := &call{method: "PublishWithAck", ctx: ctx, name: channel, payload: payload, length: timeout}
		return result(do, c, func() (int, error) { return good.publishWithAck(c.ctx, c.name, c.payload, c.length) })
	}
	a.subscribe = func(ctx context.Context, pattern string) (coordination.Subscription, error) {
		c := &call{method: "Subscribe", ctx: ctx, name: pattern}
		return result(do, c, func() (coordination.Subscription, error) { return good.subscribe(c.ctx, c.name) })
	}
	a.get = func(ctx context.Context, key string) ([]byte, bool, error) {
		c := &call{method: "Get", ctx: ctx, name: key}
		return results(do, c, func() ([]byte, bool, error) { return good.get(c.ctx, c.name) })
	}
	a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
		c := &call{method: "Set", ctx: ctx, name: key, payload: value, length: ttl}
		return do(c, func() error { return good.set(c.ctx, c.name, c.payload, c.length) })
	}
	a.keys = func(ctx context.Context, pattern string) ([]string, error) {
		c := &call{method: "Keys", ctx: ctx, name: pattern}
		return result(do, c, func() ([]string, error) { return good.keys(c.ctx, c.name) })
	}
	a.delete = func(ctx context.Context, key string) (bool, error) {
		c := &call{method: "Delete", ctx: ctx, name: key}
		return result(do, c, func() (bool, error) { return good.delete(c.ctx, c.name) })
	}
	a.deleteMany = func(ctx context.Context, keys ...string) (int, error) {
		c := &call{method: "DeleteMany", ctx: ctx, keys: keys}
		return result(do, c, func() (int, error) { return good.deleteMany(c.ctx, c.keys...) })
	}
	a.flushAll = func(ctx context.Context) error {
		c := &call{method: "FlushAll", ctx: ctx}
		return do(c, func() error { return good.flushAll(c.ctx) })
	}
	a.everyOfMembership(good, do)
	a.everyOfLeadership(good, do)
	a.everyOfDiagnostics(good, do)
}

type doer = func(c *call, proceed func() error) error

func (a *adapter) everyOfMembership(good methods, do doer) {
	a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
		c := &call{method: "RegisterNode", ctx: ctx, name: nodeID, payload: metadata}
		return do(c, func() error { return good.registerNode(c.ctx, c.name, c.payload) })
	}
	a.deregisterNode = func(ctx context.Context, nodeID string) (bool, error) {
		c := &call{method: "DeregisterNode", ctx: ctx, name: nodeID}
		return result(do, c, func() (bool, error) { return good.deregisterNode(c.ctx, c.name) })
	}
	a.heartbeat = func(ctx context.Context, nodeID string, ttl time.Duration) error {
		c := &call{method: "Heartbeat", ctx: ctx, name: nodeID, length: ttl}
		return do(c, func() error { return good.heartbeat(c.ctx, c.name, c.length) })
	}
	a.listNodes = func(ctx context.Context) ([]string, error) {
		c := &call{method: "ListNodes", ctx: ctx}
		return result(do, c, func() ([]string, error) { return good.listNodes(c.ctx) })
	}
	a.nodeMetadata = func(ctx context.Context, nodeID string) ([]byte, bool, error) {
		c := &call{method: "NodeMetadata", ctx: ctx, name: nodeID}
		return results(do, c, func() ([]byte, bool, error) { return good.nodeMetadata(c.ctx, c.name) })
	}
}

func (a *adapter) everyOfLeadership(good methods, do doer) {
	a.tryAcquireLeadership = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
		c := &call{method: "TryAcquireLeadership", ctx: ctx, name: nodeID, length: ttl}
		return results(do, c, func() (uint64, bool, error) { return good.tryAcquireLeadership(c.ctx, c.name, c.length) })
	}
	a.releaseLeadership = func(ctx context.Context, nodeID string) (bool, error) {
		c := &call{method: "ReleaseLeadership", ctx: ctx, name: nodeID}
		return result(do, c, func() (bool, error) { return good.releaseLeadership(c.ctx, c.name) })
	}
	a.leader = func(ctx context.Context) (coordination.Leader, bool, error) {
		c := &call{method: "Leader", ctx: ctx}
		return results(do, c, func() (coordination.Leader, bool, error) { return good.leader(c.ctx) })
	}
}

func (a *adapter) everyOfDiagnostics(good methods, do doer) {
	a.healthCheck = func(ctx context.Context) (bool, error) {
		c := &call{method: "HealthCheck", ctx: ctx}
		return result(do, c, func() (bool, error) { return good.healthCheck(c.ctx) })
	}
	a.stats = func(ctx context.Context) (coordination.Stats, error) {
		c := &call{method: "Stats", ctx: ctx}
		return result(do, c, func() (coordination.Stats, error) { return good.stats(c.ctx) })
	}
}

// results makes a call and returns what it gave, or nothing but an error.
func results[A, B any](do doer, c *call, proceed func() (A, B, error)) (a A, b B, err error) {
	err = do(c, func() (err error) {
		a, b, err = proceed()
		return err
	})
	if err != nil {
		var noA A
		var noB B
		return noA, noB, err
	}
	return a, b, nil
}

func result[A any](do doer, c *call, proceed func() (A, error)) (A, error) {
	a, _, err := results(do, c, func() (A, struct{}, error) {
		a, err := proceed()
		return a, struct{}{}, err
	})
	return a, err
}
