package specs

import (
	"context"
	"errors"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// method is a method of the port. What all methods owe alike is specified for
// each of them by this table; only Next, which belongs to a subscription, is
// not in it.
type method struct {
	name string

	// The names of the arguments that it takes beside the context, "" for one
	// that it does not have: a name of something, a payload, a length of time.
	named, loaded, timed string

	// valid are arguments with which the method changes what a scene holds,
	// where it changes anything at all. leads says that it does so only for a
	// handle that leads with the node ID "node".
	valid arguments
	leads bool

	call func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error
}

// arguments are what a method is called with.
type arguments struct {
	name    string
	payload []byte
	length  time.Duration
}

// changed is a payload that is not in a scene.
var changed = []byte("changed")

var methods = []method{
	{
		name: "Publish", named: "channel", loaded: "payload",
		valid: arguments{name: "channel", payload: changed},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			return handle.Publish(ctx, with.name, with.payload)
		},
	},
	{
		name: "PublishWithAck", named: "channel", loaded: "payload", timed: "timeout",
		valid: arguments{name: "channel", payload: changed, length: time.Hour},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			acks, err := handle.PublishWithAck(ctx, with.name, with.payload, with.length)
			return beside(err, acks)
		},
	},
	{
		name: "Subscribe", named: "pattern",
		valid: arguments{name: "elsewhere"},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			subscription, err := handle.Subscribe(ctx, with.name)
			if err != nil {
				return beside(err, subscription != nil)
			}
			return subscription.Close()
		},
	},
	{
		name: "Get", named: "key",
		valid: arguments{name: "key"},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			value, found, err := handle.Get(ctx, with.name)
			return beside(err, value, found)
		},
	},
	{
		name: "Set", named: "key", loaded: "value", timed: "ttl",
		valid: arguments{name: "key", payload: changed, length: time.Hour},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			return handle.Set(ctx, with.name, with.payload, with.length)
		},
	},
	{
		name: "Keys", named: "pattern",
		valid: arguments{name: "*"},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			keys, err := handle.Keys(ctx, with.name)
			return beside(err, keys)
		},
	},
	{
		name: "Delete", named: "key",
		valid: arguments{name: "key"},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			there, err := handle.Delete(ctx, with.name)
			return beside(err, there)
		},
	},
	{
		name: "DeleteMany", named: "keys[1]",
		valid: arguments{name: "other key"},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			count, err := handle.DeleteMany(ctx, "key", with.name)
			return beside(err, count)
		},
	},
	{
		name: "FlushAll",
		call: func(ctx context.Context, handle coordination.DistributedCoordination, _ arguments) error {
			return handle.FlushAll(ctx)
		},
	},
	{
		name: "RegisterNode", named: "nodeID", loaded: "metadata",
		valid: arguments{name: "node", payload: changed},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			return handle.RegisterNode(ctx, with.name, with.payload)
		},
	},
	{
		name: "DeregisterNode", named: "nodeID",
		valid: arguments{name: "node"},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			member, err := handle.DeregisterNode(ctx, with.name)
			return beside(err, member)
		},
	},
	{
		name: "Heartbeat", named: "nodeID", timed: "ttl",
		valid: arguments{name: "node", length: 5 * time.Millisecond},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			return handle.Heartbeat(ctx, with.name, with.length)
		},
	},
	{
		name: "ListNodes",
		call: func(ctx context.Context, handle coordination.DistributedCoordination, _ arguments) error {
			nodes, err := handle.ListNodes(ctx)
			return beside(err, nodes)
		},
	},
	{
		name: "NodeMetadata", named: "nodeID",
		valid: arguments{name: "node"},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			metadata, found, err := handle.NodeMetadata(ctx, with.name)
			return beside(err, metadata, found)
		},
	},
	{
		name: "TryAcquireLeadership", named: "nodeID", timed: "ttl",
		valid: arguments{name: "node", length: time.Hour},
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			term, acquired, err := handle.TryAcquireLeadership(ctx, with.name, with.length)
			return beside(err, term, acquired)
		},
	},
	{
		name: "ReleaseLeadership", named: "nodeID",
		valid: arguments{name: "node"}, leads: true,
		call: func(ctx context.Context, handle coordination.DistributedCoordination, with arguments) error {
			released, err := handle.ReleaseLeadership(ctx, with.name)
			return beside(err, released)
		},
	},
	{
		name: "Leader",
		call: func(ctx context.Context, handle coordination.DistributedCoordination, _ arguments) error {
			leader, led, err := handle.Leader(ctx)
			return beside(err, leader, led)
		},
	},
	{
		name: "HealthCheck",
		call: func(ctx context.Context, handle coordination.DistributedCoordination, _ arguments) error {
			healthy, err := handle.HealthCheck(ctx)
			return beside(err, healthy)
		},
	},
	{
		name: "Stats",
		call: func(ctx context.Context, handle coordination.DistributedCoordination, _ arguments) error {
			stats, err := handle.Stats(ctx)
			return beside(err, stats)
		},
	},
}

// do calls the method with its valid arguments.
func (m method) do(ctx context.Context, handle coordination.DistributedCoordination) error {
	return m.call(ctx, handle, m.valid)
}

// answers returns nil where the error is none, or is an answer to valid
// arguments: that of a method that has found no subscription or no member.
func answers(err error) error {
	for _, answer := range []error{coordination.ErrNoSubscribers, coordination.ErrAckTimeout, coordination.ErrNotRegistered} {
		if errors.Is(err, answer) {
			return nil
		}
	}
	return err
}
