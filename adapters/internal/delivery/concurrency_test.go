package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

func TestCancelledNextLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(0)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := s.Next(ctx)
			ended <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("a waiting Next ends with %v", err)
		}
		push(t, s, "1", "2")
		if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Next with a cancelled context ends with %v", err)
		}
		expect(t, s, "1", "2", "nothing")
	})
}

// A Next that has been woken for a message and finds its context cancelled has
// to wake another for it.
func TestCancelledNextPassesItsWakeOn(t *testing.T) {
	for range 500 {
		synctest.Test(t, func(t *testing.T) {
			s := open(0)
			ctx, cancel := context.WithCancel(t.Context())
			taken := make(chan string, 2)
			take := func(ctx context.Context) {
				if message, err := s.Next(ctx); err == nil {
					taken <- string(message.Payload)
				}
			}
			go take(ctx)
			synctest.Wait()
			go take(t.Context())
			synctest.Wait()

			push(t, s, "1")
			cancel()
			synctest.Wait()
			select {
			case <-taken:
			default:
				t.Error("nobody was woken for the message")
			}
			s.Close()
		})
	}
}

func TestSeveralNextsShareTheMessages(t *testing.T) {
	const readers, messages = 8, 10_000
	s := open(messages)
	var received [messages]atomic.Int64
	var reading sync.WaitGroup
	var total atomic.Int64
	for range readers {
		reading.Go(func() {
			for message, err := range coordination.Messages(t.Context(), s) {
				var number int
				fmt.Sscan(string(message.Payload), &number)
				if err != nil || received[number].Add(1) != 1 {
					t.Errorf("received message %d again, or %v", number, err)
				}
				if total.Add(1) == messages {
					s.Close()
				}
			}
		})
	}
	for i := range messages {
		push(t, s, fmt.Sprint(i))
	}
	reading.Wait()
	if total.Load() != messages {
		t.Errorf("received %d messages", total.Load())
	}
}

func TestCloseWakesEveryNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(0)
		ended := make(chan error, 3)
		for range 3 {
			go func() {
				_, err := s.Next(t.Context())
				ended <- err
			}()
		}
		synctest.Wait()
		s.Close()
		for range 3 {
			if err := <-ended; !errors.Is(err, coordination.ErrClosed) {
				t.Errorf("Next ends with %v", err)
			}
		}
	})
}

func TestNothingAfterClose(t *testing.T) {
	detached := 0
	s := delivery.NewSubscription("*", 0, delivery.NewRate(), func(*delivery.Subscription) { detached++ })
	push(t, s, "1")
	for range 2 {
		if err := s.Close(); err != nil || detached != 1 {
			t.Errorf("Close returns %v, has detached %d times", err, detached)
		}
		expect(t, s, "closed")
	}
	s.Lose()
	if s.Push(delivery.Message{Payload: "2"}) {
		t.Error("Push returns true")
	}
	expect(t, s, "closed")
}

// receipts notes what it is told.
type receipts struct {
	mu               sync.Mutex
	taken, abandoned []*delivery.Subscription
}

func (r *receipts) Taken(s *delivery.Subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken = append(r.taken, s)
}

func (r *receipts) Abandoned(s *delivery.Subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.abandoned = append(r.abandoned, s)
}

func TestReceipt(t *testing.T) {
	var r receipts
	taking, closing, full := open(0), open(0), open(1)
	for _, s := range []*delivery.Subscription{taking, closing, full} {
		s.Push(delivery.Message{Payload: "1", Receipt: &r})
	}
	if len(r.taken) != 0 || len(r.abandoned) != 0 {
		t.Errorf("told %v and %v before Next", r.taken, r.abandoned)
	}
	expect(t, taking, "1")
	closing.Close()
	push(t, full, "2")
	taking.Close()
	full.Close()
	if !slices.Equal(r.taken, []*delivery.Subscription{taking}) ||
		!slices.Equal(r.abandoned, []*delivery.Subscription{closing}) {
		t.Errorf("told %v and %v", r.taken, r.abandoned)
	}
}

// What is received and what is told to be lost is all that was pushed, in the
// order of each pusher, whatever happens at the same time.
func TestStress(t *testing.T) {
	const pushers, each = 4, 5000
	s := open(64)
	var running sync.WaitGroup
	for p := range pushers {
		running.Go(func() {
			for i := range each {
				push(t, s, fmt.Sprint(p, i))
			}
		})
	}
	running.Go(func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for {
			_, err := s.Next(ctx)
			if errors.Is(err, coordination.ErrClosed) {
				return
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Next with a cancelled context ends with %v", err)
			}
		}
	})

	last := [pushers]int{}
	received, lost := 0, 0
	for message, err := range coordination.Messages(t.Context(), s) {
		var gap *coordination.MessagesLostError
		switch {
		case errors.As(err, &gap) && gap.Count > 0:
			lost += gap.Count
			continue
		case err != nil:
			t.Fatal(err)
		}
		var p, i int
		fmt.Sscan(string(message.Payload), &p, &i)
		if i < last[p] {
			t.Errorf("received %d of pusher %d after %d", i, p, last[p])
		}
		last[p] = i
		received++
		if received+lost >= pushers*each {
			s.Close()
		}
	}
	running.Wait()
	if received+lost != pushers*each {
		t.Errorf("received %d and lost %d of %d", received, lost, pushers*each)
	}
}
