package coordination

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Messaging is publish and subscribe, at most once: a message reaches the
// subscriptions that are live when it is published, and is not kept for later
// ones.
type Messaging interface {
	// Publish sends payload to every live subscription, on this handle and on
	// its peers, whose pattern matches channel: one copy to each. Messages that
	// one caller publishes one after another arrive in that order. It returns
	// once the backend has taken the message, without waiting for subscribers;
	// it succeeds when there are none, and never waits for a slow one. It is
	// never sent twice: after an error the message arrived once or not at all.
	//
	// Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err().
	Publish(ctx context.Context, channel string, payload []byte) error

	// Subscribe opens a subscription to the channels that pattern matches, as
	// [Match] decides; a pattern without wildcards is one channel. It is live
	// when Subscribe returns: what is published from then on is delivered, what
	// was published before is not. ctx bounds the call, not the subscription.
	// The caller must call Close on it, or on the handle.
	//
	// Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err().
	Subscribe(ctx context.Context, pattern string) (Subscription, error)

	// PublishWithAck does what Publish does and waits, for timeout at the most,
	// until every subscription that it went to has taken the message from Next.
	// It returns how many have: exactly that number where nothing fails, never
	// more under any fault. It returns as soon as all have. A subscription that
	// is closed before it takes the message is waited for no longer, and one that
	// drops it unread from its full buffer until the timeout. timeout is more than
	// zero and counted here, from when the backend has the message.
	//
	// Errors: ErrNoSubscribers where none was there (at once where the backend
	// can know it), or all were closed before they took it; ErrAckTimeout where
	// some are there and none took it in time; ErrInvalidArgument, ErrClosed,
	// ErrUnavailable, ctx.Err(). With an error the number is 0.
	PublishWithAck(ctx context.Context, channel string, payload []byte, timeout time.Duration) (acks int, err error)
}

// Subscription is a stream of messages, pulled one by one. It buffers a bounded
// number of messages for a slow reader and then drops the oldest; it never
// holds back a publisher or another subscription.
type Subscription interface {
	// Next returns the next message, and waits for one as long as ctx allows.
	// Several callers share the messages between them, each message to one.
	// A Next that ends with the error of its context has taken no message.
	//
	// ErrMessagesLost stands where messages were dropped because the buffer
	// was full or because the link to the backend was broken; the call after it
	// returns newer messages. A broken link is told of whether or not anything was
	// lost by it, a backend that was stopped and started included, and until it is
	// back Next waits: ErrUnavailable is no error of Next. ErrClosed is the end: the subscription or its
	// handle was closed, and no message is delivered after that.
	//
	// Errors: ErrMessagesLost, ErrClosed, ErrInvalidArgument (a nil context),
	// ctx.Err().
	Next(ctx context.Context) (Message, error)

	// Close ends the subscription, drops what it had buffered, and wakes every
	// blocked Next with ErrClosed. It is idempotent, does not block on the
	// backend, and returns nil.
	Close() error
}

// Message is what a subscription delivers.
type Message struct {
	// Channel is the channel as the publisher named it.
	Channel string
	// Pattern is the pattern of the subscription, as Subscribe was given it.
	Pattern string
	// Payload holds the published bytes and belongs to the receiver. It is
	// never nil.
	Payload []byte
	// Timestamp is when the message was published, by the publisher's clock:
	// not before the call of Publish. It is zero where that is not known, or
	// where it would lie after the receipt because the clocks disagree.
	Timestamp time.Time
}

// Messages ranges over a subscription. Each step yields a message, or an
// ErrMessagesLost at the place of a gap, after which the sequence goes on. It
// ends silently once the subscription is closed; any other error, such as that
// of ctx, is yielded and ends it. Leaving the loop does not close the
// subscription, and a later range goes on with the next message.
func Messages(ctx context.Context, subscription Subscription) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			message, err := subscription.Next(ctx)
			if errors.Is(err, ErrClosed) {
				return
			}
			if !yield(message, err) || err != nil && !errors.Is(err, ErrMessagesLost) {
				return
			}
		}
	}
}
