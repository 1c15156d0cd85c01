package honest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks/honest"
)

func TestAfterCloseComesErrClosedAlone(t *testing.T) {
	const promise = "After Close every method gives [ErrClosed]."
	done, cancel := context.WithCancel(t.Context())
	cancel()
	eachMethod(t, func(s *stage) {
		s.handle.Close()
		s.lie(t.Context(), "name", nil, promise)
		s.lie(t.Context(), "name", coordination.ErrUnavailable, promise)
		s.lie(done, "name", context.Canceled, promise)
		s.truth(t.Context(), "name", coordination.ErrClosed)
		s.truth(done, "name", coordination.ErrClosed)
	})
}

func TestACallThatCloseOvertakesMayEndEitherWay(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	eachMethod(t, func(s *stage) {
		for _, ctx := range []context.Context{t.Context(), done} {
			for _, err := range []error{ctx.Err(), coordination.ErrClosed} {
				s.handle = honest.Coordination(s.recorder, s.port)
				s.port.during = func() {
					s.port.during = nil
					s.handle.Close()
				}
				s.truth(ctx, "name", err)
			}
		}
	})
}

func TestARoleBelievesThatItWasClosedElsewhereOnceAndForAll(t *testing.T) {
	eachMethod(t, func(s *stage) {
		s.handle = struct {
			coordination.Messaging
			coordination.KeyStore
			coordination.Membership
			coordination.Leadership
			coordination.Diagnostics
			nobody
		}{
			Messaging:   honest.Messaging(s.recorder, s.port),
			KeyStore:    honest.KeyStore(s.recorder, s.port),
			Membership:  honest.Membership(s.recorder, s.port),
			Leadership:  honest.Leadership(s.recorder, s.port),
			Diagnostics: honest.Diagnostics(s.recorder, s.port),
		}
		s.truth(t.Context(), "name", nil)
		s.truth(t.Context(), "name", coordination.ErrClosed)
		s.truth(t.Context(), "name", coordination.ErrClosed)
		s.lie(t.Context(), "name", nil, "After Close every method gives [ErrClosed].")
	})
}

type nobody struct{}

func (nobody) Close() error { return nil }

func TestALieAboutTheEndDoesNotMakeItOne(t *testing.T) {
	eachMethod(t, func(s *stage) {
		s.lie(t.Context(), "name", coordination.ErrClosed, "has been closed")
		s.truth(t.Context(), "name", nil)
	})
}

func TestCloseAgainReturnsNil(t *testing.T) {
	failed := errors.New("failed")
	recorded := &recorder{}
	answers := &port{closing: failed}
	handle := honest.Coordination(recorded, answers)
	if err := handle.Close(); !errors.Is(err, failed) {
		t.Errorf("Close returns %v, want %v", err, failed)
	}
	recorded.expectSilence(t)
	handle.Close()
	recorded.expectLie(t, "It is idempotent and returns nil when called again.")
	answers.closing = nil
	handle.Close()
	recorded.expectSilence(t)
}
