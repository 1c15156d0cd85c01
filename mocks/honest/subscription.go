package honest

import (
	"context"
	"errors"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Subscription wraps a mock of coordination.Subscription, for code that is given
// one; pattern is what Subscribe would have been given for it.
func Subscription(t T, mock coordination.Subscription, pattern string) coordination.Subscription {
	t.Helper()
	if !exists(t, "Subscription", mock) {
		return nil
	}
	return newSubscription(t, mock, pattern, &life{})
}

type subscription struct {
	*witness
	mock    coordination.Subscription
	pattern string
}

func newSubscription(t T, mock coordination.Subscription, pattern string, handle *life) *subscription {
	w := &witness{t: t, of: "the subscription to " + show(pattern) + ": "}
	w.wrapped.handle, w.wrapped.watched = handle, handle.watched
	return &subscription{w, mock, pattern}
}

func (s *subscription) Next(ctx context.Context) (coordination.Message, error) {
	s.t.Helper()
	c := s.begin(ctx, "Next", nil)
	message, err := s.mock.Next(ctx)
	may := []error{coordination.ErrMessagesLost}
	if c.succeeded(failures{may, errorsOfNext, zeroValues}, err, message) {
		c.judgeMessage(message, s.pattern)
	} else if is(err, coordination.ErrMessagesLost) {
		c.judgeLoss(err)
	}
	return message, err
}

func (c *call) judgeMessage(message coordination.Message, pattern string) {
	c.t.Helper()
	if message.Pattern != pattern {
		c.lie("Pattern is another one", ownPattern)
	}
	switch {
	case !isName(message.Channel):
		c.lie("Channel is empty or too long", legalLengths)
	case !coordination.Match(pattern, message.Channel):
		c.lie("the pattern does not match Channel", onlyMatching)
	}
	switch {
	case message.Payload == nil:
		c.lie("Payload is nil", payloads)
	case len(message.Payload) > coordination.MaxPayloadLen:
		c.lie("Payload is too long", legalLengths)
	}
	if message.Timestamp.After(time.Now()) {
		c.lie("Timestamp is yet to come", stamps)
	}
}

func (c *call) judgeLoss(err error) {
	c.t.Helper()
	var lost *coordination.MessagesLostError
	if !asked(func() bool { return errors.As(err, &lost) }) || lost == nil {
		c.lie("the error is of another type", lostType)
	} else if lost.Count < 0 {
		c.lie("Count is negative", lostCount)
	}
}

func (s *subscription) Close() error {
	s.t.Helper()
	s.wrapped.closing.Store(true)
	err := s.mock.Close()
	s.wrapped.closed.Store(true)
	if err != nil {
		c := call{witness: s.witness, method: "Close", results: []any{err}}
		c.lie("there is an error", subscriptionCloses)
	}
	return err
}
