package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

// Publish implements coordination.Messaging.
func (c *Coordination) Publish(ctx context.Context, channel string, payload []byte) error {
	const operation = "publish"
	if err := checkMessage(ctx, operation, channel, payload); err != nil {
		return err
	}
	if err := c.begin(ctx, operation); err != nil {
		return err
	}
	_, err := c.send(ctx, channel, nil, payload)
	return c.failure(ctx, operation, err)
}

// send returns to how many frames the server has turned the message: one for
// each subscribed connection, and one for each of its patterns that match. Its
// errors are the client's own.
func (c *Coordination) send(ctx context.Context, channel string, from *origin, payload []byte) (frames int, err error) {
	now := time.Now()
	reply, err := c.do(ctx, c.names.publish(), c.names.channels+channel, encode(now, from, payload))
	if err != nil {
		return 0, err
	}
	c.published.Add(now)
	count, ok := reply.(int64)
	if !ok {
		return 0, fmt.Errorf("unexpected reply %.100v", reply)
	}
	return int(count), nil
}

// Subscribe implements coordination.Messaging.
func (c *Coordination) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	const operation = "subscribe"
	if err := checkName(ctx, operation, "pattern", pattern); err != nil {
		return nil, err
	}
	topic := c.names.topicOf(pattern)
	if c.names.exact == shardChannel && topic.kind == globPattern {
		return nil, fmt.Errorf("%s: pattern %q has wildcards, want an exact channel with Options.ShardedChannels: %w",
			operation, pattern, coordination.ErrInvalidArgument)
	}
	if err := c.begin(ctx, operation); err != nil {
		return nil, err
	}
	subscription := delivery.NewSubscription(pattern, c.buffer, c.received, c.link.detach)
	if err := c.link.join(ctx, &member{topic: topic, subscription: subscription}); err != nil {
		_ = subscription.Close()
		return nil, c.failure(ctx, operation, err)
	}
	return subscription, nil
}

// PublishWithAck implements coordination.Messaging.
func (c *Coordination) PublishWithAck(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
	const operation = "publish with ack"
	if err := checkMessage(ctx, operation, channel, payload); err != nil {
		return 0, err
	}
	if err := coordination.CheckTimeout(operation, timeout); err != nil {
		return 0, err
	}
	if err := c.begin(ctx, operation); err != nil {
		return 0, err
	}
	if err := c.acks.listen(ctx); err != nil {
		return 0, c.failure(ctx, operation, err)
	}
	waiting := c.acks.expect()
	defer c.acks.forget(waiting)
	from := &origin{handle: c.id, number: waiting.number, timeout: uint64(coordination.Millis(timeout))}
	start := time.Now()
	frames, err := c.send(ctx, channel, from, payload)
	waiting.published = time.Since(start)
	if err != nil {
		return 0, c.failure(ctx, operation, err)
	}
	bounded, cancel := context.WithTimeout(ctx, timeout) // from when the server has the message
	defer cancel()
	counts, err := waiting.until(ctx, bounded, frames)
	switch {
	case err != nil:
		return 0, c.failure(ctx, operation, err)
	case counts.taken > 0:
		return counts.taken, nil
	case counts.complete(frames):
		return 0, fmt.Errorf("%s: channel %q: %w", operation, channel, coordination.ErrNoSubscribers)
	default:
		return 0, fmt.Errorf("%s: channel %q: %w", operation, channel, coordination.ErrAckTimeout)
	}
}

func checkMessage(ctx context.Context, operation, channel string, payload []byte) error {
	if err := checkName(ctx, operation, "channel", channel); err != nil {
		return err
	}
	return coordination.CheckPayload(operation, "payload", payload)
}
