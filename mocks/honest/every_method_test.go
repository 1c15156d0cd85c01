package honest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks/honest"
)

// method is a call of a method with good arguments but for the name, and what
// the port answers to it honestly and with an error that nothing may come with.
type method struct {
	name     string
	own      []error // its sentinels beside those of every method
	call     func(ctx context.Context, handle coordination.DistributedCoordination, name string) error
	truth    port
	dirty    *port // nil where it returns nothing but an error
	nameless bool  // takes no name
}

var (
	one     = 1
	methods = []method{
		{
			name: "Publish",
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				return handle.Publish(ctx, name, nil)
			},
		},
		{
			name: "Subscribe", truth: port{subscription: &stream{}}, dirty: &port{subscription: (*stream)(nil)},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				_, err := handle.Subscribe(ctx, name)
				return err
			},
		},
		{
			name: "PublishWithAck", dirty: &port{acks: &one},
			own: []error{coordination.ErrNoSubscribers, coordination.ErrAckTimeout},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				_, err := handle.PublishWithAck(ctx, name, nil, 1)
				return err
			},
		},
		{
			name: "Get", dirty: &port{value: []byte{}},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				_, _, err := handle.Get(ctx, name)
				return err
			},
		},
		{
			name: "Set",
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				return handle.Set(ctx, name, nil, 0)
			},
		},
		{
			name: "Keys", truth: port{keys: []string{}}, dirty: &port{keys: []string{}},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				_, err := handle.Keys(ctx, name)
				return err
			},
		},
		{
			name: "Delete", dirty: &port{removed: true},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				_, err := handle.Delete(ctx, name)
				return err
			},
		},
		{
			name: "DeleteMany", dirty: &port{deleted: &one},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				_, err := handle.DeleteMany(ctx, "key", name)
				return err
			},
		},
		{
			name: "FlushAll", nameless: true,
			call: func(ctx context.Context, handle coordination.DistributedCoordination, _ string) error {
				return handle.FlushAll(ctx)
			},
		},
		{
			name: "RegisterNode",
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				return handle.RegisterNode(ctx, name, nil)
			},
		},
		{
			name: "DeregisterNode", dirty: &port{removed: true},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				_, err := handle.DeregisterNode(ctx, name)
				return err
			},
		},
		{
			name: "Heartbeat", own: []error{coordination.ErrNotRegistered},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				return handle.Heartbeat(ctx, name, time.Second)
			},
		},
		{
			name: "ListNodes", nameless: true, truth: port{nodes: []string{}}, dirty: &port{nodes: []string{}},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, _ string) error {
				_, err := handle.ListNodes(ctx)
				return err
			},
		},
		{
			name: "NodeMetadata", dirty: &port{found: true},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				_, _, err := handle.NodeMetadata(ctx, name)
				return err
			},
		},
		{
			name: "TryAcquireLeadership", dirty: &port{term: 1},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				_, _, err := handle.TryAcquireLeadership(ctx, name, time.Second)
				return err
			},
		},
		{
			name: "ReleaseLeadership", dirty: &port{removed: true},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, name string) error {
				_, err := handle.ReleaseLeadership(ctx, name)
				return err
			},
		},
		{
			name: "Leader", nameless: true, dirty: &port{leader: coordination.Leader{Remaining: 1}},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, _ string) error {
				_, _, err := handle.Leader(ctx)
				return err
			},
		},
		{
			name: "HealthCheck", nameless: true, dirty: &port{found: true},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, _ string) error {
				_, err := handle.HealthCheck(ctx)
				return err
			},
		},
		{
			name: "Stats", nameless: true, dirty: &port{stats: &coordination.Stats{Metadata: map[string]string{}}},
			call: func(ctx context.Context, handle coordination.DistributedCoordination, _ string) error {
				_, err := handle.Stats(ctx)
				return err
			},
		},
	}
)

// stage is a wrapped port on which one method is called.
type stage struct {
	t      *testing.T
	method method
	port   *port
	*recorder
	handle coordination.DistributedCoordination
}

func eachMethod(t *testing.T, play func(s *stage)) {
	for _, m := range methods {
		t.Run(m.name, func(t *testing.T) {
			answers := m.truth
			s := &stage{t: t, method: m, port: &answers, recorder: &recorder{}}
			s.handle = honest.Coordination(s.recorder, s.port)
			play(s)
		})
	}
}

// answers calls the method, to which the port answers err, or honestly without.
func (s *stage) answers(ctx context.Context, name string, err error) {
	s.t.Helper()
	during := s.port.during
	*s.port = s.method.truth
	if err != nil {
		*s.port = port{}
	}
	s.port.err, s.port.during = err, during
	if got := s.method.call(ctx, s.handle, name); got != err { //nolint:errorlint // the very error is passed on
		s.t.Errorf("the wrapper returns %v, want %v", got, err)
	}
}

func (s *stage) truth(ctx context.Context, name string, err error) {
	s.t.Helper()
	s.answers(ctx, name, err)
	s.expectSilence(s.t)
}

func (s *stage) lie(ctx context.Context, name string, err error, promise string) {
	s.t.Helper()
	s.answers(ctx, name, err)
	s.expectLie(s.t, promise)
}

func TestErrorsAreThoseOfTheMethod(t *testing.T) {
	var nobody *coordination.MessagesLostError
	eachMethod(t, func(s *stage) {
		ctx := t.Context()
		s.truth(ctx, "name", nil)
		s.truth(ctx, "name", coordination.ErrUnavailable)
		s.truth(ctx, "name", fmt.Errorf("wrapped: %w: %w", coordination.ErrUnavailable, context.DeadlineExceeded))
		for _, sentinel := range []error{
			coordination.ErrMessagesLost, coordination.ErrNoSubscribers, coordination.ErrAckTimeout,
			coordination.ErrNotRegistered, errors.New("strange"), nobody, (*unaskable)(nil),
		} {
			if slices.Contains(s.method.own, sentinel) {
				s.truth(ctx, "name", sentinel)
			} else {
				s.lie(ctx, "name", sentinel, "Errors: ")
			}
		}
		s.lie(ctx, "name", coordination.ErrInvalidArgument, "an argument is outside of what the method takes")
		s.lie(ctx, "name", coordination.ErrClosed, "the handle or the subscription has been closed")
	})
}

// unaskable is an error that panics when it is asked for its cause.
type unaskable struct{ cause error }

func (u *unaskable) Error() string { return u.cause.Error() }
func (u *unaskable) Unwrap() error { return u.cause }

func TestBadArgumentsOweErrInvalidArgument(t *testing.T) {
	const promise = "A bad argument gives [ErrInvalidArgument]"
	done, cancel := context.WithCancel(t.Context())
	cancel()
	var noContext context.Context
	long := strings.Repeat("n", coordination.MaxNameLen+1)
	eachMethod(t, func(s *stage) {
		for range 2 { // before Close and after
			for _, err := range []error{nil, coordination.ErrClosed, context.Canceled} {
				s.lie(noContext, "name", err, promise)
				if !s.method.nameless {
					s.lie(done, "", err, promise)
					s.lie(done, long, err, promise)
				}
			}
			s.truth(noContext, "name", coordination.ErrInvalidArgument)
			if !s.method.nameless {
				s.truth(done, "", coordination.ErrInvalidArgument)
				s.truth(done, long, fmt.Errorf("wrapped: %w", coordination.ErrInvalidArgument))
			}
			s.handle.Close()
		}
	})
}

func TestAContextThatIsDoneOwesItsError(t *testing.T) {
	const promise = "A context that is done ends the call promptly"
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancelLate()
	eachMethod(t, func(s *stage) {
		for _, err := range []error{nil, coordination.ErrUnavailable, context.DeadlineExceeded} {
			s.lie(cancelled, "name", err, promise)
		}
		s.lie(late, "name", context.Canceled, promise)
		s.truth(cancelled, "name", context.Canceled)
		s.truth(late, "name", fmt.Errorf("wrapped: %w", context.DeadlineExceeded))
	})
}

func TestAContextThatIsNotDoneEndsNothing(t *testing.T) {
	const promise = "The errors of a context are passed through as they are."
	eachMethod(t, func(s *stage) {
		s.lie(t.Context(), "name", context.Canceled, promise)
		s.lie(t.Context(), "name", context.DeadlineExceeded, promise)

		// One that is done meanwhile may end the call or not.
		for _, err := range []error{nil, context.Canceled} {
			ctx, cancel := context.WithCancel(t.Context())
			s.port.during = cancel
			s.truth(ctx, "name", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		s.port.during = cancel
		s.lie(ctx, "name", context.DeadlineExceeded, promise)
		s.port.during = nil
	})
}

// slowTimer is a context whose deadline has passed, and whose timer has not
// fired yet.
type slowTimer struct{ context.Context }

func (slowTimer) Deadline() (time.Time, bool) { return time.Now(), true }

func TestADeadlineMayPassBeforeItsTimerFires(t *testing.T) {
	eachMethod(t, func(s *stage) {
		s.truth(slowTimer{t.Context()}, "name", context.DeadlineExceeded)
	})
}

func TestNothingComesWithAnError(t *testing.T) {
	eachMethod(t, func(s *stage) {
		if s.method.dirty == nil {
			return
		}
		*s.port = *s.method.dirty
		s.port.err = coordination.ErrUnavailable
		s.method.call(t.Context(), s.handle, "name")
		promise := "With an error, all other results are zero values."
		if s.method.name == "PublishWithAck" {
			promise = "With an error the number is 0."
		}
		s.expectLie(t, promise)
	})
}
