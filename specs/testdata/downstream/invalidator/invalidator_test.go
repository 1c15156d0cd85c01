package invalidator_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.uber.org/mock/gomock"

	"example.com/downstream/invalidator"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks"
)

// cache notes what it is told.
type cache struct{ forgotten []string }

func (c *cache) Forget(key string) { c.forgotten = append(c.forgotten, key) }
func (c *cache) ForgetAll()        { c.forgotten = append(c.forgotten, "all") }

func TestListenForgetsWhatIsToldAndAllWhereSomethingWasLost(t *testing.T) {
	controller := gomock.NewController(t)
	messaging := mocks.NewMockMessaging(controller)
	subscription := mocks.NewMockSubscription(controller)
	changed := func(key string) coordination.Message {
		return coordination.Message{Channel: "invalidate", Pattern: "invalidate", Payload: []byte(key)}
	}
	ctx, cancel := context.WithCancel(t.Context())
	messaging.EXPECT().Subscribe(ctx, "invalidate").Return(subscription, nil)
	gomock.InOrder(
		subscription.EXPECT().Next(ctx).Return(changed("a"), nil).Call,
		subscription.EXPECT().Next(ctx).Return(coordination.Message{}, &coordination.MessagesLostError{Count: 3}).Call,
		subscription.EXPECT().Next(ctx).Return(changed("b"), nil).Call,
		subscription.EXPECT().Next(ctx).DoAndReturn(func(ctx context.Context) (coordination.Message, error) {
			cancel()
			return coordination.Message{}, ctx.Err()
		}).Call,
		subscription.EXPECT().Close().Return(nil).Call,
	)

	var told cache
	if err := invalidator.Listen(ctx, messaging, &told); !errors.Is(err, context.Canceled) {
		t.Errorf("Listen ends with %v", err)
	}
	if want := []string{"all", "a", "all", "b"}; !slices.Equal(told.forgotten, want) {
		t.Errorf("forgotten are %q, want %q", told.forgotten, want)
	}
}

func TestListenSaysThatItCannot(t *testing.T) {
	messaging := mocks.NewMockMessaging(gomock.NewController(t))
	messaging.EXPECT().Subscribe(gomock.Any(), gomock.Any()).Return(nil, coordination.ErrUnavailable)
	if err := invalidator.Listen(t.Context(), messaging, &cache{}); !errors.Is(err, coordination.ErrUnavailable) {
		t.Errorf("Listen ends with %v", err)
	}
}

func TestChangedTellsHowManyKnow(t *testing.T) {
	for _, c := range []struct {
		name string
		acks int
		err  error
		want error
	}{
		{"two nodes", 2, nil, nil},
		{"nobody listens", 0, coordination.ErrNoSubscribers, nil},
		{"nobody answers", 0, coordination.ErrAckTimeout, coordination.ErrAckTimeout},
		{"no backend", 0, coordination.ErrUnavailable, coordination.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			messaging := mocks.NewMockMessaging(gomock.NewController(t))
			messaging.EXPECT().
				PublishWithAck(t.Context(), "invalidate", []byte("key"), gomock.Any()).
				Return(c.acks, c.err)
			told, err := invalidator.Changed(t.Context(), messaging, "key")
			if told != c.acks || !errors.Is(err, c.want) {
				t.Errorf("Changed returns %d, %v", told, err)
			}
		})
	}
}
