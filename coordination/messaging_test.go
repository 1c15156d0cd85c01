package coordination_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
)

// script is a subscription that returns its steps one after another, and
// ErrClosed from then on. A context that is done takes no step.
type script struct {
	steps  []any // a string is a message, an error is an error
	calls  int
	closed bool
}

func (s *script) Next(ctx context.Context) (coordination.Message, error) {
	s.calls++
	if err := ctx.Err(); err != nil {
		return coordination.Message{}, err
	}
	if len(s.steps) == 0 {
		return coordination.Message{}, fmt.Errorf("next: %w", coordination.ErrClosed)
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	if err, ok := step.(error); ok {
		return coordination.Message{}, err
	}
	return coordination.Message{Channel: "c", Payload: []byte(step.(string))}, nil
}

func (s *script) Close() error {
	s.closed = true
	return nil
}

// read ranges over the subscription and notes what it is given, up to limit
// steps.
func read(ctx context.Context, subscription coordination.Subscription, limit int) []string {
	var seen []string
	for message, err := range coordination.Messages(ctx, subscription) {
		if err != nil {
			seen = append(seen, err.Error())
		} else {
			seen = append(seen, string(message.Payload))
		}
		if len(seen) == limit {
			break
		}
	}
	return seen
}

const noLimit = -1

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("the loop saw %q, want %q", got, want)
	}
}

func TestMessagesYieldsMessagesInOrderAndEndsSilentlyWhenClosed(t *testing.T) {
	expect(t, read(t.Context(), &script{steps: []any{"1", "2", "3"}}, noLimit), "1", "2", "3")
	expect(t, read(t.Context(), &script{}, noLimit))
	expect(t, read(t.Context(), &script{steps: []any{"1", coordination.ErrClosed, "2"}}, noLimit), "1")
}

func TestMessagesGoesOnAfterLostMessages(t *testing.T) {
	lost := &coordination.MessagesLostError{Count: 2}
	wrapped := fmt.Errorf("wrapped: %w", lost)
	subscription := &script{steps: []any{"1", lost, "4", wrapped, lost, "5"}}
	expect(t, read(t.Context(), subscription, noLimit),
		"1", lost.Error(), "4", wrapped.Error(), lost.Error(), "5")
}

func TestMessagesYieldsTheErrorsAsTheyAre(t *testing.T) {
	lost := &coordination.MessagesLostError{Count: 2}
	for _, err := range coordination.Messages(t.Context(), &script{steps: []any{lost}}) {
		if !errors.Is(err, coordination.ErrMessagesLost) {
			t.Errorf("%v does not match ErrMessagesLost", err)
		}
		var found *coordination.MessagesLostError
		if !errors.As(err, &found) || found != lost {
			t.Errorf("%v is not the error of Next", err)
		}
	}
}

func TestMessagesYieldsTheErrorOfItsContextOnceAndEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	subscription := &script{steps: []any{"1", "2", "3"}}
	var seen []string
	var last error
	for message, err := range coordination.Messages(ctx, subscription) {
		seen = append(seen, string(message.Payload))
		last = err
		if len(seen) == 2 {
			cancel()
		}
	}
	expect(t, seen, "1", "2", "")
	if !errors.Is(last, context.Canceled) {
		t.Errorf("the last error is %v, want %v", last, context.Canceled)
	}
	if subscription.calls != 3 {
		t.Errorf("Next was called %d times, want 3", subscription.calls)
	}
	// The cancelled Next took no message, and another context goes on.
	expect(t, read(t.Context(), subscription, noLimit), "3")
}

func TestMessagesYieldsAnyOtherErrorOnceAndEnds(t *testing.T) {
	for _, err := range []error{
		coordination.ErrUnavailable,
		coordination.ErrInvalidArgument,
		context.DeadlineExceeded,
		errors.New("strange"),
	} {
		subscription := &script{steps: []any{"1", err, "2"}}
		expect(t, read(t.Context(), subscription, noLimit), "1", err.Error())
	}
}

func TestMessagesCanBeLeftAndResumed(t *testing.T) {
	lost := &coordination.MessagesLostError{}
	subscription := &script{steps: []any{"1", "2", lost, "3"}}
	expect(t, read(t.Context(), subscription, 1), "1")
	if subscription.calls != 1 {
		t.Errorf("Next was called %d times for one message: leaving the loop lost some", subscription.calls)
	}
	expect(t, read(t.Context(), subscription, 2), "2", lost.Error())
	expect(t, read(t.Context(), subscription, noLimit), "3")
}

func TestMessagesCanRangeOverOneSequenceTwice(t *testing.T) {
	sequence := coordination.Messages(t.Context(), &script{steps: []any{"1", "2", "3"}})
	for message := range sequence {
		expect(t, []string{string(message.Payload)}, "1")
		break
	}
	var rest []string
	for message := range sequence {
		rest = append(rest, string(message.Payload))
	}
	expect(t, rest, "2", "3")
}

func TestMessagesNeverClosesTheSubscription(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for title, subscription := range map[string]*script{
		"left":      {steps: []any{"1", "2"}},
		"ended":     {},
		"failed":    {steps: []any{coordination.ErrUnavailable}},
		"cancelled": {steps: []any{"1"}},
	} {
		ctx := t.Context()
		if title == "cancelled" {
			ctx = cancelled
		}
		read(ctx, subscription, 1)
		if subscription.closed {
			t.Errorf("%s: the subscription was closed", title)
		}
	}
}

func TestMessagesReadsNothingBeforeItIsRangedOver(t *testing.T) {
	subscription := &script{steps: []any{"1"}}
	_ = coordination.Messages(t.Context(), subscription)
	if subscription.calls != 0 {
		t.Errorf("Next was called %d times", subscription.calls)
	}
}
