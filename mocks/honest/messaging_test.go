package honest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks/honest"
)

func TestAcknowledgements(t *testing.T) {
	for _, c := range []struct {
		acks int
		err  error
		lie  string // "" for a truth
	}{
		{1, nil, ""},
		{1000, nil, ""},
		{0, nil, "ErrNoSubscribers where none was there"},
		{-1, nil, "ErrNoSubscribers where none was there"},
		{0, coordination.ErrNoSubscribers, ""},
		{0, coordination.ErrAckTimeout, ""},
		{1, coordination.ErrNoSubscribers, "With an error the number is 0."},
		{2, coordination.ErrAckTimeout, "With an error the number is 0."},
		{-1, coordination.ErrUnavailable, "With an error the number is 0."},
	} {
		t.Run(fmt.Sprint(c.acks, c.err), func(t *testing.T) {
			recorded := &recorder{}
			messaging := honest.Messaging(recorded, &port{acks: &c.acks, err: c.err})
			acks, err := messaging.PublishWithAck(t.Context(), "news", nil, time.Second)
			if acks != c.acks || !errors.Is(err, c.err) {
				t.Errorf("the wrapper returns %d, %v", acks, err)
			}
			recorded.expect(t, c.lie)
		})
	}
}

func TestBadPayloadsAndTimeouts(t *testing.T) {
	recorded := &recorder{}
	handle := honest.Coordination(recorded, &port{})
	long := make([]byte, coordination.MaxPayloadLen+1)
	ctx := t.Context()
	for title, call := range map[string]func(){
		"a long message":              func() { handle.Publish(ctx, "news", long) },
		"a long acknowledged message": func() { handle.PublishWithAck(ctx, "news", long, 1) },
		"no timeout":                  func() { handle.PublishWithAck(ctx, "news", nil, 0) },
		"a long value":                func() { handle.Set(ctx, "key", long, 0) },
		"a short time to live":        func() { handle.Set(ctx, "key", nil, 1) },
		"long metadata":               func() { handle.RegisterNode(ctx, "node", long) },
		"a heartbeat for no time":     func() { handle.Heartbeat(ctx, "node", 0) },
		"a lease of no time":          func() { handle.TryAcquireLeadership(ctx, "node", 0) },
	} {
		t.Run(title, func(t *testing.T) {
			call()
			recorded.expectLie(t, "A bad argument gives [ErrInvalidArgument]")
		})
	}
}

func TestSubscribeOpensASubscription(t *testing.T) {
	for title, none := range map[string]coordination.Subscription{
		"nil":         nil,
		"nil pointer": (*stream)(nil),
	} {
		t.Run(title, func(t *testing.T) {
			recorded := &recorder{}
			messaging := honest.Messaging(recorded, &port{subscription: none})
			subscription, err := messaging.Subscribe(t.Context(), "news")
			if subscription != none || err != nil {
				t.Errorf("the wrapper returns %v, %v", subscription, err)
			}
			recorded.expectLie(t, "Subscribe opens a subscription")
		})
	}
}

var anHourAgo, inAnHour = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)

func TestMessagesAreThoseOfTheSubscription(t *testing.T) {
	honestly := coordination.Message{Channel: "cache:users", Pattern: "cache:*", Payload: []byte{}, Timestamp: anHourAgo}
	but := func(change func(m *coordination.Message)) coordination.Message {
		message := honestly
		change(&message)
		return message
	}
	for title, c := range map[string]struct {
		message coordination.Message
		lie     string
	}{
		"as it should be":   {honestly, ""},
		"without a time":    {but(func(m *coordination.Message) { m.Timestamp = time.Time{} }), ""},
		"of now":            {but(func(m *coordination.Message) { m.Timestamp = time.Now() }), ""},
		"of later":          {but(func(m *coordination.Message) { m.Timestamp = inAnHour }), "where it would lie after the receipt"},
		"of another":        {but(func(m *coordination.Message) { m.Channel = "news" }), "whose pattern does not match"},
		"without channel":   {but(func(m *coordination.Message) { m.Channel = "" }), "any 1 to [MaxNameLen] bytes"},
		"another's pattern": {but(func(m *coordination.Message) { m.Pattern = "cache:users" }), "as Subscribe was given it"},
		"without payload":   {but(func(m *coordination.Message) { m.Payload = nil }), "It is never nil."},
		"overlong": {
			but(func(m *coordination.Message) { m.Payload = make([]byte, coordination.MaxPayloadLen+1) }),
			"any 0 to [MaxPayloadLen] bytes",
		},
	} {
		t.Run(title, func(t *testing.T) {
			recorded := &recorder{}
			messaging := honest.Messaging(recorded, &port{subscription: &stream{message: c.message}})
			subscription, err := messaging.Subscribe(t.Context(), "cache:*")
			if err != nil {
				t.Fatal(err)
			}
			message, err := subscription.Next(t.Context())
			if message.Channel != c.message.Channel || err != nil {
				t.Errorf("the wrapper returns %v, %v", message, err)
			}
			recorded.expect(t, c.lie)
		})
	}
}

func TestErrorsOfNext(t *testing.T) {
	const list = "Errors: ErrMessagesLost, ErrClosed,"
	var nobody *coordination.MessagesLostError
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	var noContext context.Context
	for _, c := range []struct {
		ctx context.Context
		err error
		lie string
	}{
		{t.Context(), &coordination.MessagesLostError{}, ""},
		{t.Context(), fmt.Errorf("wrapped: %w", &coordination.MessagesLostError{Count: 3}), ""},
		{t.Context(), &coordination.MessagesLostError{Count: -1}, "Count is the number of messages"},
		{t.Context(), coordination.ErrMessagesLost, "The error's type is"},
		{t.Context(), nobody, "The error's type is"},
		{t.Context(), errors.Join(coordination.ErrMessagesLost, (*unaskable)(nil)), "The error's type is"},
		{t.Context(), coordination.ErrClosed, ""},
		{t.Context(), coordination.ErrUnavailable, list},
		{t.Context(), coordination.ErrAckTimeout, list},
		{t.Context(), coordination.ErrInvalidArgument, "an argument is outside of what the method takes"},
		{t.Context(), context.Canceled, "The errors of a context are passed through"},
		{cancelled, context.Canceled, ""},
		{cancelled, nil, "A context that is done ends the call"},
		{cancelled, &coordination.MessagesLostError{}, "A context that is done ends the call"},
		{cancelled, coordination.ErrClosed, ""},
		{noContext, coordination.ErrInvalidArgument, ""},
		{noContext, coordination.ErrClosed, "A bad argument gives [ErrInvalidArgument]"},
	} {
		t.Run(fmt.Sprintf("%T %v", c.err, c.err), func(t *testing.T) {
			recorded := &recorder{}
			subscription := honest.Subscription(recorded, &stream{err: c.err}, "news")
			if _, err := subscription.Next(c.ctx); err != c.err { //nolint:errorlint // the very error is passed on
				t.Errorf("the wrapper returns %v", err)
			}
			recorded.expect(t, c.lie)
		})
	}
}

func TestNoMessageComesWithAnError(t *testing.T) {
	recorded := &recorder{}
	answers := &stream{message: coordination.Message{Payload: []byte{}}, err: &coordination.MessagesLostError{}}
	honest.Subscription(recorded, answers, "news").Next(t.Context())
	recorded.expectLie(t, "With an error, all other results are zero values.")
}
