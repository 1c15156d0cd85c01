package broken

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// adapter is a handle as a struct of functions, any of which a fault may put
// another in the place of. What a fault leaves alone works as it should.
type adapter struct {
	methods
	backend     *backend
	namespace   string
	link        *link
	opening     context.Context // that it was opened with
	connections atomic.Int64    // beside that of the link
}

// methods are those of a handle. A copy keeps them as they were.
type methods struct {
	publish        func(ctx context.Context, channel string, payload []byte) error
	publishWithAck func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error)
	subscribe      func(ctx context.Context, pattern string) (coordination.Subscription, error)

	get        func(ctx context.Context, key string) ([]byte, bool, error)
	set        func(ctx context.Context, key string, value []byte, ttl time.Duration) error
	keys       func(ctx context.Context, pattern string) ([]string, error)
	delete     func(ctx context.Context, key string) (bool, error)
	deleteMany func(ctx context.Context, keys ...string) (int, error)
	flushAll   func(ctx context.Context) error

	registerNode   func(ctx context.Context, nodeID string, metadata []byte) error
	deregisterNode func(ctx context.Context, nodeID string) (bool, error)
	heartbeat      func(ctx context.Context, nodeID string, ttl time.Duration) error
	listNodes      func(ctx context.Context) ([]string, error)
	nodeMetadata   func(ctx context.Context, nodeID string) ([]byte, bool, error)

	tryAcquireLeadership func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error)
	releaseLeadership    func(ctx context.Context, nodeID string) (bool, error)
	leader               func(ctx context.Context) (coordination.Leader, bool, error)
	election             func(name string) (coordination.Leadership, error)

	healthCheck func(ctx context.Context) (bool, error)
	stats       func(ctx context.Context) (coordination.Stats, error)
	close       func() error
}

// of returns an adapter that is as good as the handle which it is made of.
func of(b *backend, namespace string, good *handle) *adapter {
	return &adapter{backend: b, namespace: namespace, methods: methods{
		publish: good.Publish, publishWithAck: good.PublishWithAck, subscribe: good.Subscribe,
		get: good.Get, set: good.Set, keys: good.Keys, delete: good.Delete, deleteMany: good.DeleteMany, flushAll: good.FlushAll,
		registerNode: good.RegisterNode, deregisterNode: good.DeregisterNode, heartbeat: good.Heartbeat,
		listNodes: good.ListNodes, nodeMetadata: good.NodeMetadata,
		tryAcquireLeadership: good.TryAcquireLeadership, releaseLeadership: good.ReleaseLeadership, leader: good.Leader, election: good.Election,
		healthCheck: good.HealthCheck, stats: good.Stats, close: good.Close,
	}}
}

// strike says that the fault has just shown itself.
func (a *adapter) strike() { a.backend.strikes.Add(1) }

// instead returns what the fault makes of what would have been right.
func instead[T comparable](a *adapter, right, wrong T) T {
	if right != wrong {
		a.strike()
	}
	return wrong
}

var (
	_ coordination.DistributedCoordination = (*adapter)(nil)
	_ coordination.Elections               = (*adapter)(nil)
)

func (a *adapter) Publish(ctx context.Context, channel string, payload []byte) error {
	return a.publish(ctx, channel, payload)
}

func (a *adapter) PublishWithAck(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
	return a.publishWithAck(ctx, channel, payload, timeout)
}

func (a *adapter) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	return a.subscribe(ctx, pattern)
}

func (a *adapter) Get(ctx context.Context, key string) ([]byte, bool, error) { return a.get(ctx, key) }

func (a *adapter) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return a.set(ctx, key, value, ttl)
}

func (a *adapter) Keys(ctx context.Context, pattern string) ([]string, error) {
	return a.keys(ctx, pattern)
}

func (a *adapter) Delete(ctx context.Context, key string) (bool, error) { return a.delete(ctx, key) }

func (a *adapter) DeleteMany(ctx context.Context, keys ...string) (int, error) {
	return a.deleteMany(ctx, keys...)
}

func (a *adapter) FlushAll(ctx context.Context) error { return a.flushAll(ctx) }

func (a *adapter) RegisterNode(ctx context.Context, nodeID string, metadata []byte) error {
	return a.registerNode(ctx, nodeID, metadata)
}

func (a *adapter) DeregisterNode(ctx context.Context, nodeID string) (bool, error) {
	return a.deregisterNode(ctx, nodeID)
}

func (a *adapter) Heartbeat(ctx context.Context, nodeID string, ttl time.Duration) error {
	return a.heartbeat(ctx, nodeID, ttl)
}

func (a *adapter) ListNodes(ctx context.Context) ([]string, error) { return a.listNodes(ctx) }

func (a *adapter) NodeMetadata(ctx context.Context, nodeID string) ([]byte, bool, error) {
	return a.nodeMetadata(ctx, nodeID)
}

func (a *adapter) TryAcquireLeadership(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
	return a.tryAcquireLeadership(ctx, nodeID, ttl)
}

func (a *adapter) ReleaseLeadership(ctx context.Context, nodeID string) (bool, error) {
	return a.releaseLeadership(ctx, nodeID)
}

func (a *adapter) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	return a.leader(ctx)
}

func (a *adapter) Election(name string) (coordination.Leadership, error) { return a.election(name) }

func (a *adapter) HealthCheck(ctx context.Context) (bool, error) { return a.healthCheck(ctx) }

func (a *adapter) Stats(ctx context.Context) (coordination.Stats, error) { return a.stats(ctx) }

func (a *adapter) Close() error { return a.close() }
