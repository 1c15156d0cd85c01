package specs

import (
	"context"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// peer is a handle whose calls stand in the timeline of its trial.
type peer struct {
	coordination.DistributedCoordination
	name     string
	timeline *timeline
}

// bare returns the handle that the subject opened.
func bare(handle coordination.DistributedCoordination) coordination.DistributedCoordination {
	switch handle := handle.(type) {
	case *peer:
		return handle.DistributedCoordination
	case *tenant:
		return bare(handle.DistributedCoordination)
	default:
		return handle
	}
}

// brief is a name as a timeline shows it.
func brief(name string) string {
	const enough = 40
	if len(name) > enough {
		return fmt.Sprintf("%q… (%d bytes)", name[:enough], len(name))
	}
	return fmt.Sprintf("%q", name)
}

// load is a payload as a timeline shows it. Nothing of it is kept.
func load(payload []byte) string { return brief(string(payload[:min(len(payload), 64)])) }

func (p *peer) call(format string, arguments ...any) func(answer string) {
	return p.timeline.add(p.name, fmt.Sprintf(format, arguments...))
}

// answered puts an answer, or the error in place of it, into words.
func answered(err error, format string, results ...any) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf(format, results...)
}

func (p *peer) Publish(ctx context.Context, channel string, payload []byte) error {
	end := p.call("Publish(%s, %s)", brief(channel), load(payload))
	err := p.DistributedCoordination.Publish(ctx, channel, payload)
	end(answered(err, "ok"))
	return err
}

func (p *peer) PublishWithAck(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
	end := p.call("PublishWithAck(%s, %s, %v)", brief(channel), load(payload), timeout)
	acks, err := p.DistributedCoordination.PublishWithAck(ctx, channel, payload, timeout)
	end(answered(err, "%d", acks))
	return acks, err
}

func (p *peer) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	end := p.call("Subscribe(%s)", brief(pattern))
	subscription, err := p.DistributedCoordination.Subscribe(ctx, pattern)
	end(answered(err, "ok"))
	if err != nil || isNil(subscription) {
		return subscription, err
	}
	return &listener{subscription, p, pattern}, nil
}

func (p *peer) Get(ctx context.Context, key string) ([]byte, bool, error) {
	end := p.call("Get(%s)", brief(key))
	value, found, err := p.DistributedCoordination.Get(ctx, key)
	end(answered(err, "%s, %t", load(value), found))
	return value, found, err
}

func (p *peer) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	end := p.call("Set(%s, %s, %v)", brief(key), load(value), ttl)
	err := p.DistributedCoordination.Set(ctx, key, value, ttl)
	end(answered(err, "ok"))
	return err
}

func (p *peer) Keys(ctx context.Context, pattern string) ([]string, error) {
	end := p.call("Keys(%s)", brief(pattern))
	keys, err := p.DistributedCoordination.Keys(ctx, pattern)
	end(answered(err, "%s", some(keys)))
	return keys, err
}

func (p *peer) Delete(ctx context.Context, key string) (bool, error) {
	end := p.call("Delete(%s)", brief(key))
	there, err := p.DistributedCoordination.Delete(ctx, key)
	end(answered(err, "%t", there))
	return there, err
}

func (p *peer) DeleteMany(ctx context.Context, keys ...string) (int, error) {
	end := p.call("DeleteMany(%s)", some(keys))
	count, err := p.DistributedCoordination.DeleteMany(ctx, keys...)
	end(answered(err, "%d", count))
	return count, err
}

func (p *peer) FlushAll(ctx context.Context) error {
	end := p.call("FlushAll()")
	err := p.DistributedCoordination.FlushAll(ctx)
	end(answered(err, "ok"))
	return err
}

func (p *peer) Close() error {
	end := p.call("Close()")
	err := p.DistributedCoordination.Close()
	end(answered(err, "ok"))
	return err
}

// some are names as a timeline shows them.
func some(names []string) string {
	const enough = 5
	text := ""
	for i, name := range names[:min(len(names), enough)] {
		if i > 0 {
			text += ", "
		}
		text += brief(name)
	}
	if len(names) > enough {
		text += fmt.Sprintf(", … (%d)", len(names))
	}
	return "[" + text + "]"
}

// listener is a subscription whose messages stand in the timeline.
type listener struct {
	coordination.Subscription
	peer    *peer
	pattern string
}

func (l *listener) Next(ctx context.Context) (coordination.Message, error) {
	end := l.peer.call("Next of %s", brief(l.pattern))
	message, err := l.Subscription.Next(ctx)
	end(answered(err, "%s on %s", load(message.Payload), brief(message.Channel)))
	return message, err
}

func (l *listener) Close() error {
	end := l.peer.call("Close of %s", brief(l.pattern))
	err := l.Subscription.Close()
	end(answered(err, "ok"))
	return err
}
