package honest

import (
	"context"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Messaging wraps a mock of coordination.Messaging, and the subscriptions that
// its Subscribe returns.
func Messaging(t T, mock coordination.Messaging) coordination.Messaging {
	t.Helper()
	if !exists(t, "Messaging", mock) {
		return nil
	}
	return &messaging{&witness{t: t}, mock}
}

type messaging struct {
	*witness
	mock coordination.Messaging
}

func (m *messaging) Publish(ctx context.Context, channel string, payload []byte) error {
	m.t.Helper()
	c := m.begin(ctx, "Publish", []any{channel, payload},
		coordination.CheckName("publish", "channel", channel),
		coordination.CheckPayload("publish", "payload", payload))
	err := m.mock.Publish(ctx, channel, payload)
	c.succeeded(failures{unavailable, mostErrors, zeroValues}, err)
	return err
}

func (m *messaging) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	m.t.Helper()
	c := m.begin(ctx, "Subscribe", []any{pattern},
		coordination.CheckName("subscribe", "pattern", pattern))
	opened, err := m.mock.Subscribe(ctx, pattern)
	none := opened == nil || isNil(opened)
	if c.succeeded(failures{unavailable, mostErrors, zeroValues}, err, opened) && none {
		c.lie("there is no subscription", subscribes)
	}
	if none {
		return opened, err
	}
	return newSubscription(m.t, opened, pattern, &m.wrapped), err
}

func (m *messaging) PublishWithAck(
	ctx context.Context, channel string, payload []byte, timeout time.Duration,
) (int, error) {
	m.t.Helper()
	const operation = "publish with ack"
	c := m.begin(ctx, "PublishWithAck", []any{channel, payload, timeout},
		coordination.CheckName(operation, "channel", channel),
		coordination.CheckPayload(operation, "payload", payload),
		coordination.CheckTimeout(operation, timeout))
	acks, err := m.mock.PublishWithAck(ctx, channel, payload, timeout)
	may := []error{coordination.ErrNoSubscribers, coordination.ErrAckTimeout, coordination.ErrUnavailable}
	if c.succeeded(failures{may, errorsOfPublishWithAck, acksWithError}, err, acks) && acks < 1 {
		c.lie("nobody has taken the message, and there is no error", errorsOfPublishWithAck)
	}
	return acks, err
}
