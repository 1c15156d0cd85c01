package honest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks"
	"github.com/riptidecrawler/coordkit/mocks/honest"
)

func TestNothingIsNotWrapped(t *testing.T) {
	recorded := &recorder{}
	for name, wrapNothing := range map[string]func(){
		"Messaging":    func() { wrap(recorded, honest.Messaging, (*port)(nil)) },
		"KeyStore":     func() { wrap(recorded, honest.KeyStore, (*port)(nil)) },
		"Membership":   func() { wrap(recorded, honest.Membership, (*port)(nil)) },
		"Leadership":   func() { wrap(recorded, honest.Leadership, (*port)(nil)) },
		"Diagnostics":  func() { wrap(recorded, honest.Diagnostics, (*port)(nil)) },
		"Coordination": func() { wrap(recorded, honest.Coordination, (*port)(nil)) },
		"Subscription": func() {
			wrap(recorded, func(t honest.T, none coordination.Subscription) coordination.Subscription {
				return honest.Subscription(t, none, "news")
			}, (*stream)(nil))
		},
	} {
		recorded.fatal = nil
		wrapNothing()
		for i, want := range []string{": there is nothing to wrap, but nil", ": there is nothing to wrap, but a nil *honest_test."} {
			if len(recorded.fatal) != 2 || !strings.HasPrefix(recorded.fatal[i], "honest."+name+want) {
				t.Errorf("the test is failed with %q, want %q", recorded.fatal, "honest."+name+want)
			}
		}
	}
}

// wrap wraps nil, and then a nil pointer.
func wrap[Role any](t honest.T, constructor func(t honest.T, none Role) Role, pointer any) {
	var none Role
	constructor(t, none)
	constructor(t, pointer.(Role))
}

func TestAPanicPassesThrough(t *testing.T) {
	eachMethod(t, func(s *stage) {
		*s.port = port{during: func() { panic("as it was told") }}
		defer func() {
			if cause := recover(); cause != "as it was told" {
				t.Errorf("the panic is %v", cause)
			}
			s.expectSilence(t)
			s.port.during = nil
			s.truth(t.Context(), "name", nil) // and on it goes
		}()
		s.method.call(t.Context(), s.handle, "name")
	})
}

// unexpected is a gomock reporter that ends the goroutine as a *testing.T does.
type unexpected struct {
	*testing.T
	calls int
}

func (u *unexpected) Errorf(string, ...any) { u.calls++ }
func (u *unexpected) Fatalf(string, ...any) {
	u.calls++
	u.SkipNow() // which needs no other test to fail
}

func TestAnUnexpectedCallEndsItsGoroutine(t *testing.T) {
	for _, m := range methods {
		recorded := &recorder{}
		reporter := &unexpected{}
		returned := false
		t.Run(m.name, func(t *testing.T) {
			reporter.T = t
			controller := gomock.NewController(reporter)
			handle := honest.Coordination(recorded, mocks.NewMockDistributedCoordination(controller))
			m.call(t.Context(), handle, "name")
			returned = true
		})
		if returned || reporter.calls != 1 {
			t.Errorf("%s returned: %v, gomock failed the test %d times", m.name, returned, reporter.calls)
		}
		recorded.expectSilence(t)
	}
}

func TestArgumentsArePassedOn(t *testing.T) {
	ctx := context.WithValue(t.Context(), unexpected{}, 1)
	mock := mocks.NewMockDistributedCoordination(gomock.NewController(t))
	handle := honest.Coordination(t, mock)
	payload := []byte("payload")
	calls := mock.EXPECT()

	calls.Publish(ctx, "name", payload).Return(nil)
	handle.Publish(ctx, "name", payload)
	calls.PublishWithAck(ctx, "name", payload, time.Second).Return(1, nil)
	handle.PublishWithAck(ctx, "name", payload, time.Second)
	calls.Get(ctx, "name").Return(nil, false, nil)
	handle.Get(ctx, "name")
	calls.Set(ctx, "name", payload, time.Second).Return(nil)
	handle.Set(ctx, "name", payload, time.Second)
	calls.Keys(ctx, "name").Return([]string{}, nil)
	handle.Keys(ctx, "name")
	calls.Delete(ctx, "name").Return(true, nil)
	handle.Delete(ctx, "name")
	calls.DeleteMany(ctx, "name", "other").Return(2, nil)
	handle.DeleteMany(ctx, "name", "other")
	calls.FlushAll(ctx).Return(nil)
	handle.FlushAll(ctx)
	calls.RegisterNode(ctx, "name", payload).Return(nil)
	handle.RegisterNode(ctx, "name", payload)
	calls.DeregisterNode(ctx, "name").Return(true, nil)
	handle.DeregisterNode(ctx, "name")
	calls.Heartbeat(ctx, "name", time.Second).Return(nil)
	handle.Heartbeat(ctx, "name", time.Second)
	calls.ListNodes(ctx).Return([]string{}, nil)
	handle.ListNodes(ctx)
	calls.NodeMetadata(ctx, "name").Return([]byte{}, true, nil)
	handle.NodeMetadata(ctx, "name")
	calls.TryAcquireLeadership(ctx, "name", time.Second).Return(1, true, nil)
	handle.TryAcquireLeadership(ctx, "name", time.Second)
	calls.ReleaseLeadership(ctx, "name").Return(true, nil)
	handle.ReleaseLeadership(ctx, "name")
	calls.Leader(ctx).Return(coordination.Leader{}, false, nil)
	handle.Leader(ctx)
	calls.HealthCheck(ctx).Return(true, nil)
	handle.HealthCheck(ctx)
	calls.Stats(ctx).Return(coordination.Stats{Metadata: named()}, nil)
	handle.Stats(ctx)

	stream := mocks.NewMockSubscription(gomock.NewController(t))
	stream.EXPECT().Next(ctx).Return(coordination.Message{Channel: "name", Pattern: "name", Payload: payload}, nil)
	stream.EXPECT().Close().Return(nil)
	calls.Subscribe(ctx, "name").Return(stream, nil)
	subscription, _ := handle.Subscribe(ctx, "name")
	subscription.Next(ctx)
	subscription.Close()
	calls.Close().Return(nil)
	handle.Close()
}

func TestAFailureIsLegible(t *testing.T) {
	long := strings.Repeat("n", 1000)
	list := strings.Split(strings.Repeat("n", 1000), "")
	recorded := &recorder{}
	for _, c := range []struct {
		answers port
		call    func(handle coordination.DistributedCoordination)
		want    string
	}{
		{
			port{value: []byte("hello\n")}, func(handle coordination.DistributedCoordination) { handle.Get(t.Context(), "motd") },
			`honest: Get(ctx, "motd") answered ("hello\n", false, nil)` +
				"\n\ta value came along although found is false" +
				"\n\tpromise: Get returns the value of key, and whether it is there.",
		},
		{
			port{found: true}, func(handle coordination.DistributedCoordination) { handle.Get(nil, long) }, //nolint:staticcheck // what it refuses
			`honest: Get(nil, "` + long[:100] + `"... of 1000 bytes) answered (nil, true, nil)`,
		},
		{
			port{keys: list}, func(handle coordination.DistributedCoordination) { handle.Keys(t.Context(), "*") },
			`honest: Keys(ctx, "*") answered (["n" "n" "n" "n" "n" "n" "n" "n" ...] of 1000, nil)`,
		},
		{
			port{err: (*unaskable)(nil)}, func(handle coordination.DistributedCoordination) { handle.DeleteMany(t.Context(), "a", "b") },
			`honest: DeleteMany(ctx, ["a" "b"]) answered (0, a nil *honest_test.unaskable)`,
		},
		{
			port{subscription: (*stream)(nil)}, func(handle coordination.DistributedCoordination) { handle.Subscribe(t.Context(), "news") },
			`honest: Subscribe(ctx, "news") answered (a nil *honest_test.stream, nil)`,
		},
		{
			port{found: true, leader: coordination.Leader{NodeID: "node", Term: 7}},
			func(handle coordination.DistributedCoordination) { handle.Leader(t.Context()) },
			`honest: Leader(ctx) answered ({NodeID: "node", Term: 7, Remaining: 0s}, true, nil)`,
		},
	} {
		c.call(honest.Coordination(recorded, &c.answers))
		if lies := recorded.take(); len(lies) != 1 || !strings.HasPrefix(lies[0], c.want) {
			t.Errorf("the failure reads %q, want %q", lies, c.want)
		}
	}
}
