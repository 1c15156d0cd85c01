package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

// Publish implements coordination.Messaging.
func (c *Coordination) Publish(ctx context.Context, channel string, payload []byte) error {
	if err := c.admit(ctx, "publish",
		coordination.CheckName("publish", "channel", channel),
		coordination.CheckPayload("publish", "payload", payload),
	); err != nil {
		return err
	}
	c.send(channel, payload, nil)
	return nil
}

// PublishWithAck implements coordination.Messaging. It returns ErrNoSubscribers
// also where every subscription that the message went to was closed before it
// took it: there is nobody left who could.
func (c *Coordination) PublishWithAck(
	ctx context.Context, channel string, payload []byte, timeout time.Duration,
) (int, error) {
	const operation = "publish with ack"
	if err := c.admit(ctx, operation,
		coordination.CheckName(operation, "channel", channel),
		coordination.CheckPayload(operation, "payload", payload),
		coordination.CheckTimeout(operation, timeout),
	); err != nil {
		return 0, err
	}
	acks := newAcknowledgements(time.Now().Add(timeout))
	acks.sentTo(c.send(channel, payload, acks))

	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-acks.settled:
	case <-timer.C:
	case <-ctx.Done():
	case <-c.done:
	}
	// Closing the handle settles what its own subscriptions had not taken, so
	// that both may be the case; the handle's end is then the answer.
	if err := c.ready(ctx, operation); err != nil {
		return 0, err
	}
	taken, err := acks.result()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", operation, err)
	}
	return taken, nil
}

// send gives one copy of payload, which all receivers share, to the live
// subscriptions that match, and returns how many they were.
func (c *Coordination) send(channel string, payload []byte, receipt delivery.Receipt) (receivers int) {
	now := time.Now()
	c.published.Add(now)
	return c.space.subscriptions.push(delivery.Message{
		Channel:   channel,
		Payload:   string(payload),
		Timestamp: now,
		Receipt:   receipt,
	})
}

// Subscribe implements coordination.Messaging.
func (c *Coordination) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	if err := c.admit(ctx, "subscribe",
		coordination.CheckName("subscribe", "pattern", pattern),
	); err != nil {
		return nil, err
	}
	subscription := delivery.NewSubscription(pattern, c.buffer, c.received, c.detach)
	if !c.attach(subscription) {
		return nil, closedError("subscribe")
	}
	return subscription, nil
}

// attach makes the subscription live, unless Close has begun meanwhile: it
// would not find the subscription any more. What is attached before is closed.
func (c *Coordination) attach(subscription *delivery.Subscription) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subscriptions == nil {
		return false
	}
	c.subscriptions[subscription] = struct{}{}
	c.space.subscriptions.add(subscription)
	return true
}

func (c *Coordination) detach(subscription *delivery.Subscription) {
	c.space.subscriptions.remove(subscription)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.subscriptions, subscription)
}
