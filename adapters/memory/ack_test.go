package memory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

// The cases of PublishWithAck, each with what three subscriptions do and when
// the answer comes.
func TestPublishWithAck(t *testing.T) {
	take := func(s coordination.Subscription) { s.Next(context.Background()) }
	shut := func(s coordination.Subscription) { s.Close() }
	after := func(pause time.Duration, do func(coordination.Subscription)) func(coordination.Subscription) {
		return func(s coordination.Subscription) {
			time.Sleep(pause)
			do(s)
		}
	}
	sleep := func(coordination.Subscription) {}
	const timeout = 10 * time.Second

	for _, c := range []struct {
		name string
		do   []func(coordination.Subscription)
		acks int
		err  error
		at   time.Duration
	}{
		{"nobody is there", nil, 0, coordination.ErrNoSubscribers, 0},
		{"all take it", []func(coordination.Subscription){take, take, after(3*time.Second, take)}, 3, nil, 3 * time.Second},
		{"one does not read", []func(coordination.Subscription){take, take, sleep}, 2, nil, timeout},
		{"one takes it too late", []func(coordination.Subscription){take, after(timeout+1, take)}, 1, nil, timeout},
		{"none reads", []func(coordination.Subscription){sleep, sleep}, 0, coordination.ErrAckTimeout, timeout},
		{"one closes", []func(coordination.Subscription){take, after(time.Second, shut)}, 1, nil, time.Second},
		{"all close", []func(coordination.Subscription){after(2*time.Second, shut), after(time.Second, shut)},
			0, coordination.ErrNoSubscribers, 2 * time.Second},
		{"one closes, one does not read", []func(coordination.Subscription){after(time.Second, shut), sleep},
			0, coordination.ErrAckTimeout, timeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := memory.NewHub()
				publisher, _ := hub.Open(nil)
				subscriber, _ := hub.Open(nil)
				var doing sync.WaitGroup
				for _, do := range c.do {
					subscription, _ := subscriber.Subscribe(t.Context(), "n*")
					doing.Go(func() { do(subscription) })
				}
				synctest.Wait()
				start := time.Now()
				acks, err := publisher.PublishWithAck(t.Context(), "news", []byte("payload"), timeout)
				if acks != c.acks || !errors.Is(err, c.err) || time.Since(start) != c.at {
					t.Errorf("returns %d, %v after %v, want %d, %v after %v", acks, err, time.Since(start), c.acks, c.err, c.at)
				}
				doing.Wait()
			})
		})
	}
}

func TestPublishWithAckGivesUpAtOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(handle *memory.Coordination, cancel func())
		want error
	}{
		{"when its context is cancelled", func(_ *memory.Coordination, cancel func()) { cancel() }, context.Canceled},
		{"when its handle is closed", func(handle *memory.Coordination, _ func()) { handle.Close() }, coordination.ErrClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handle := memory.New()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				first, _ := handle.Subscribe(ctx, "news")
				handle.Subscribe(ctx, "news")
				go first.Next(context.Background())
				time.AfterFunc(time.Second, func() { c.do(handle, cancel) })
				start := time.Now()
				acks, err := handle.PublishWithAck(ctx, "news", nil, time.Hour)
				if acks != 0 || !errors.Is(err, c.want) || time.Since(start) != time.Second {
					t.Errorf("returns %d, %v after %v", acks, err, time.Since(start))
				}
			})
		})
	}
}

// Every acknowledgement is a message that Next has returned, and the other way
// round, while subscriptions come and go.
func TestAcknowledgementsAddUp(t *testing.T) {
	hub := memory.NewHub()
	subscriber, _ := hub.Open(nil)
	var acked, taken atomic.Int64
	var publishing, reading sync.WaitGroup
	done, stop := context.WithCancel(t.Context())
	for i := range 4 {
		reading.Go(func() {
			for done.Err() == nil {
				subscription, _ := subscriber.Subscribe(t.Context(), "n*")
				for range 50 + i {
					if _, err := subscription.Next(done); err == nil {
						taken.Add(1)
					}
				}
				subscription.Close()
			}
		})
	}
	for range 3 {
		publishing.Go(func() {
			publisher, _ := hub.Open(nil)
			for i := range 2000 {
				acks, err := publisher.PublishWithAck(t.Context(), "news", fmt.Append(nil, i), time.Minute)
				if err != nil && !errors.Is(err, coordination.ErrNoSubscribers) {
					t.Error(err)
				}
				acked.Add(int64(acks))
			}
		})
	}
	publishing.Wait()
	stop()
	reading.Wait()
	if acked.Load() != taken.Load() || acked.Load() == 0 {
		t.Errorf("%d acknowledgements of %d messages", acked.Load(), taken.Load())
	}
}
