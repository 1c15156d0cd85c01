package honest_test

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks"
	"github.com/riptidecrawler/coordkit/mocks/honest"
)

// printer stands in for the *testing.T that a test has and an example has not.
type printer struct{}

func (printer) Helper()                           {}
func (printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (printer) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// reload is the code under test: it has all nodes read their settings again.
func reload(ctx context.Context, messaging coordination.Messaging) (nodes int) {
	nodes, _ = messaging.PublishWithAck(ctx, "reload", nil, time.Second)
	return nodes
}

func Example() {
	ctx := context.Background()
	var t printer // a *testing.T in a test
	controller := gomock.NewController(t)
	messaging := mocks.NewMockMessaging(controller)

	// The code under test gets the wrapper; the mock is for what is expected.
	wrapped := honest.Messaging(t, messaging)

	messaging.EXPECT().
		PublishWithAck(gomock.Any(), "reload", gomock.Any(), gomock.Any()).
		Return(2, nil)
	fmt.Println("nodes:", reload(ctx, wrapped))

	// No adapter answers this, so the test proves nothing, and fails.
	messaging.EXPECT().
		PublishWithAck(gomock.Any(), "reload", gomock.Any(), gomock.Any()).
		Return(2, coordination.ErrAckTimeout)
	fmt.Println("nodes:", reload(ctx, wrapped))

	// Output:
	// nodes: 2
	// honest: PublishWithAck(ctx, "reload", nil, 1s) answered (2, coordination: no acknowledgement in time)
	// 	something came along with the error
	// 	promise: With an error the number is 0.
	// nodes: 2
}

func ExampleLeadership() {
	ctx := context.Background()
	var t printer // a *testing.T in a test
	mock := mocks.NewMockLeadership(gomock.NewController(t))
	leadership := honest.Leadership(t, mock)

	// An answer must fit those before it, too.
	for _, term := range []uint64{7, 7, 4} {
		mock.EXPECT().
			TryAcquireLeadership(gomock.Any(), "node-1", gomock.Any()).
			Return(term, true, nil)
		term, _, _ = leadership.TryAcquireLeadership(ctx, "node-1", 10*time.Second)
		fmt.Println("term:", term)
	}

	// Output:
	// term: 7
	// term: 7
	// honest: TryAcquireLeadership(ctx, "node-1", 10s) answered (4, true, nil)
	// 	the term falls: an answer before was 7
	// 	promise: Each new acquisition has a term strictly greater than every term before it in the namespace, also after a release or an expiry.
	// term: 4
}
