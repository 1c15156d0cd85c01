package broken

import (
	"context"
	"errors"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// confusion is how a fault takes a name in one namespace for a name in another:
// that name, if it does.
type confusion func(namespace, name, other string) (string, bool)

// allOne takes all namespaces for one.
func allOne(_, name, _ string) (string, bool) { return name, true }

// twin is a handle in another namespace, and what a name is called there.
type twin struct {
	coordination.DistributedCoordination
	name string
}

// twins returns those that a name has by a confusion.
func (a *adapter) twins(confused confusion, name string) (twins []twin) {
	for _, namespace := range a.backend.namespaces() {
		if namespace == a.namespace {
			continue
		}
		if other, ok := confused(a.namespace, name, namespace); ok && other != "" {
			a.strike()
			twins = append(twins, twin{a.backend.in(namespace), other})
		}
	}
	return twins
}

// confusedKeys is a fault by which what happens to a key happens to its twins.
func confusedKeys(confused confusion) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		good := a.methods
		a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
			err := good.set(ctx, key, value, ttl)
			for _, twin := range a.unless(err, confused, key) {
				err = errors.Join(err, twin.Set(ctx, twin.name, value, ttl))
			}
			return err
		}
		remove := func(ctx context.Context, err error, keys ...string) error {
			for _, key := range keys {
				for _, twin := range a.unless(err, confused, key) {
					_, err = twin.Delete(ctx, twin.name)
				}
			}
			return err
		}
		a.delete = func(ctx context.Context, key string) (bool, error) {
			was, err := good.delete(ctx, key)
			return was, remove(ctx, err, key)
		}
		a.deleteMany = func(ctx context.Context, keys ...string) (int, error) {
			count, err := good.deleteMany(ctx, keys...)
			return count, remove(ctx, err, keys...)
		}
		a.flushAll = func(ctx context.Context) error {
			keys, err := good.keys(ctx, "*")
			if err != nil {
				return err
			}
			return remove(ctx, good.flushAll(ctx), keys...)
		}
	})
}

// unless returns the twins of a name where there was no error.
func (a *adapter) unless(err error, confused confusion, name string) []twin {
	if err != nil {
		return nil
	}
	return a.twins(confused, name)
}

// confusedNodes does so for nodes.
func confusedNodes(confused confusion) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		good := a.methods
		a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
			err := good.registerNode(ctx, nodeID, metadata)
			for _, twin := range a.unless(err, confused, nodeID) {
				err = errors.Join(err, twin.RegisterNode(ctx, twin.name, metadata))
			}
			return err
		}
		a.deregisterNode = func(ctx context.Context, nodeID string) (bool, error) {
			was, err := good.deregisterNode(ctx, nodeID)
			for _, twin := range a.unless(err, confused, nodeID) {
				_, err = twin.DeregisterNode(ctx, twin.name)
			}
			return was, err
		}
		a.heartbeat = func(ctx context.Context, nodeID string, ttl time.Duration) error {
			err := good.heartbeat(ctx, nodeID, ttl)
			for _, twin := range a.unless(err, confused, nodeID) {
				err = errors.Join(err, twin.Heartbeat(ctx, twin.name, ttl))
			}
			return err
		}
	})
}

// confusedChannels does so for channels.
func confusedChannels(confused confusion) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		good := a.methods
		a.publish = func(ctx context.Context, channel string, payload []byte) error {
			err := good.publish(ctx, channel, payload)
			for _, twin := range a.unless(err, confused, channel) {
				err = errors.Join(err, twin.Publish(ctx, twin.name, payload))
			}
			return err
		}
	})
}

// confusedAcks is a fault by which a message that is to be acknowledged goes to
// the twins of its channel as well, and their subscriptions count.
func confusedAcks(confused confusion) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		good := a.methods
		a.publishWithAck = func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
			sum, err := good.publishWithAck(ctx, channel, payload, timeout)
			if err != nil && !errors.Is(err, coordination.ErrNoSubscribers) && !errors.Is(err, coordination.ErrAckTimeout) {
				return 0, err
			}
			for _, twin := range a.twins(confused, channel) {
				acks, other := twin.PublishWithAck(ctx, twin.name, payload, timeout)
				if sum += acks; errors.Is(other, coordination.ErrAckTimeout) {
					err = other
				}
			}
			if sum > 0 {
				return sum, nil
			}
			return 0, err
		}
	})
}

// oneLeader has the handle stand for a lease that is the same in all namespaces.
func oneLeader(a *adapter) {
	good := a.methods
	elsewhere := func() (leader coordination.Leader, found bool) {
		for _, twin := range a.twins(allOne, "leader") {
			if leader, found, _ = twin.Leader(context.Background()); found {
				break
			}
		}
		return leader, found
	}
	a.tryAcquireLeadership = func(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
		term, acquired, err := good.tryAcquireLeadership(ctx, nodeID, ttl)
		if !acquired {
			return term, acquired, err
		}
		if _, taken := elsewhere(); taken {
			_, err = good.releaseLeadership(ctx, nodeID)
			return 0, false, err
		}
		return term, acquired, nil
	}
	a.tells(func(leader coordination.Leader, found bool) (coordination.Leader, bool) {
		if found {
			return leader, found
		}
		return elsewhere()
	})
}
