package honest_test

import (
	"errors"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks/honest"
)

const isTheEnd = "ErrClosed is the end: the subscription or its handle was closed, and no message is delivered after that."

// opened is a subscription of a wrapped port, to "news".
type opened struct {
	coordination.Subscription
	*recorder
	handle  coordination.DistributedCoordination
	answers *stream
}

func open(t *testing.T) opened {
	t.Helper()
	o := opened{recorder: &recorder{}, answers: &stream{}}
	o.handle = honest.Coordination(o.recorder, &port{subscription: o.answers})
	subscription, err := o.handle.Subscribe(t.Context(), "news")
	if err != nil {
		t.Fatal(err)
	}
	o.Subscription = subscription
	return o
}

func (o opened) next(t *testing.T, err error) {
	t.Helper()
	o.answers.message, o.answers.err = coordination.Message{}, err
	if err == nil {
		o.answers.message = coordination.Message{Channel: "news", Pattern: "news", Payload: []byte("all is well")}
	}
	if _, got := o.Next(t.Context()); !errors.Is(got, err) {
		t.Errorf("the wrapper returns %v, want %v", got, err)
	}
}

func TestNoMessageComesAfterTheEnd(t *testing.T) {
	for title, end := range map[string]func(o opened){
		"of the subscription": func(o opened) { o.Close() },
		"of the handle":       func(o opened) { o.handle.Close() },
	} {
		t.Run(title, func(t *testing.T) {
			o := open(t)
			o.next(t, nil)
			o.next(t, &coordination.MessagesLostError{})
			o.expectSilence(t)
			end(o)
			o.next(t, nil)
			o.expectLie(t, isTheEnd)
			o.next(t, &coordination.MessagesLostError{})
			o.expectLie(t, isTheEnd)
			o.next(t, coordination.ErrClosed)
			o.expectSilence(t)
			o.next(t, nil)
			o.expectLie(t, isTheEnd)
		})
	}
}

func TestNoMessageComesAfterErrClosed(t *testing.T) {
	recorded := &recorder{}
	answers := &stream{err: coordination.ErrClosed}
	o := opened{Subscription: honest.Subscription(recorded, answers, "news"), recorder: recorded, answers: answers}
	o.next(t, coordination.ErrClosed) // it was closed elsewhere
	o.next(t, coordination.ErrClosed)
	o.expectSilence(t)
	o.next(t, nil)
	o.expectLie(t, isTheEnd)
}

func TestErrClosedComesFromNextAfterACloseAlone(t *testing.T) {
	o := open(t)
	o.next(t, coordination.ErrClosed)
	o.expectLie(t, "ErrClosed says that the handle or the subscription has been closed.")
	o.next(t, nil)
	o.expectSilence(t)
}

func TestANextThatCloseOvertakesMayEndEitherWay(t *testing.T) {
	for _, err := range []error{nil, coordination.ErrClosed} {
		o := open(t)
		o.answers.during = func() { o.Close() }
		o.next(t, err)
		o.expectSilence(t)
		o = open(t)
		o.answers.during = func() { o.handle.Close() }
		o.next(t, err)
		o.expectSilence(t)
	}
}

func TestACloseTouchesNoOtherSubscription(t *testing.T) {
	o := open(t)
	other, _ := o.handle.Subscribe(t.Context(), "news")
	other.Close()
	o.next(t, nil)
	o.expectSilence(t)
	o.next(t, coordination.ErrClosed)
	o.expectLie(t, "has been closed")
}

func TestASubscriptionMayOutliveTheFirstErrClosedOfARole(t *testing.T) {
	// The handle is perhaps being closed this moment, one thing after another.
	recorded := &recorder{}
	answers := &port{subscription: &stream{
		message: coordination.Message{Channel: "news", Pattern: "news", Payload: []byte{}},
	}}
	messaging := honest.Messaging(recorded, answers)
	subscription, _ := messaging.Subscribe(t.Context(), "news")
	answers.err = coordination.ErrClosed
	messaging.Publish(t.Context(), "news", nil)
	subscription.Next(t.Context())
	recorded.expectSilence(t)
}

func TestClosingASubscriptionReturnsNil(t *testing.T) {
	o := open(t)
	o.Close()
	o.Close()
	o.expectSilence(t)
	o.answers.closing = errors.New("failed")
	if err := o.Close(); !errors.Is(err, o.answers.closing) {
		t.Errorf("the wrapper returns %v", err)
	}
	o.expectLie(t, "It is idempotent, does not block on the backend, and returns nil.")
}
