package mocks_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks"
)

// announcer is the service under test. It asks for the two roles that it needs,
// not for the whole port.
type announcer struct {
	nodeID     string
	messaging  coordination.Messaging
	leadership coordination.Leadership
}

// announce publishes news if this node leads or can become leader, and stays
// silent otherwise. A leader that cannot publish lets another node try.
func (a *announcer) announce(ctx context.Context, news string) error {
	term, acquired, err := a.leadership.TryAcquireLeadership(ctx, a.nodeID, 10*time.Second)
	if err != nil || !acquired {
		return err
	}
	err = a.messaging.Publish(ctx, "news", fmt.Appendf(nil, "%d: %s", term, news))
	if err != nil {
		_, releaseErr := a.leadership.ReleaseLeadership(ctx, a.nodeID)
		return errors.Join(err, releaseErr)
	}
	return nil
}

// printer stands in for the *testing.T that a test has and an example has not.
type printer struct{}

func (printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (printer) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func Example() {
	ctx := context.Background()
	controller := gomock.NewController(printer{}) // gomock.NewController(t) in a test
	defer controller.Finish()                     // a *testing.T makes this call by itself
	messaging := mocks.NewMockMessaging(controller)
	leadership := mocks.NewMockLeadership(controller)
	service := &announcer{nodeID: "node-1", messaging: messaging, leadership: leadership}

	// A node that leads publishes with its term.
	leadership.EXPECT().
		TryAcquireLeadership(gomock.Any(), "node-1", gomock.Any()).
		DoAndReturn(func(_ context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
			fmt.Println(nodeID, "asks to lead for", ttl)
			return 7, true, nil
		})
	messaging.EXPECT().
		Publish(gomock.Any(), "news", gomock.Any()).
		DoAndReturn(func(_ context.Context, channel string, payload []byte) error {
			fmt.Printf("%s gets %q\n", channel, payload)
			return nil
		})
	fmt.Println("leader:", service.announce(ctx, "all is well"))

	// A node that does not lead stays silent: here, a call of Publish would
	// fail the test.
	leadership.EXPECT().
		TryAcquireLeadership(gomock.Any(), "node-1", gomock.Any()).
		Return(0, false, nil)
	fmt.Println("follower:", service.announce(ctx, "all is well"))

	// A leader whose publishing fails steps down, in this order.
	gomock.InOrder(
		leadership.EXPECT().
			TryAcquireLeadership(gomock.Any(), "node-1", gomock.Any()).
			Return(8, true, nil).Call,
		messaging.EXPECT().
			Publish(gomock.Any(), "news", []byte("8: all is lost")).
			Return(coordination.ErrUnavailable).Call,
		leadership.EXPECT().
			ReleaseLeadership(gomock.Any(), "node-1").
			Return(true, nil).Call,
	)
	err := service.announce(ctx, "all is lost")
	fmt.Println("cut off:", errors.Is(err, coordination.ErrUnavailable))

	// Output:
	// node-1 asks to lead for 10s
	// news gets "7: all is well"
	// leader: <nil>
	// follower: <nil>
	// cut off: true
}
