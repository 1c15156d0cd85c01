package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

func open(capacity int) *delivery.Subscription {
	return delivery.NewSubscription("*", capacity, delivery.NewRate(), func(*delivery.Subscription) {})
}

func push(t *testing.T, s *delivery.Subscription, payloads ...string) {
	t.Helper()
	for _, payload := range payloads {
		if !s.Push(delivery.Message{Channel: "c", Payload: payload}) {
			t.Fatalf("Push of %.20q returns false", payload)
		}
	}
}

// next tells in a word what Next returns within a second.
func next(t *testing.T, s *delivery.Subscription) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	message, err := s.Next(ctx)
	var lost *coordination.MessagesLostError
	switch {
	case errors.As(err, &lost) && errors.Is(err, coordination.ErrMessagesLost):
		return fmt.Sprintf("lost:%d", lost.Count)
	case errors.Is(err, context.DeadlineExceeded):
		return "nothing"
	case errors.Is(err, coordination.ErrClosed):
		return "closed"
	case err != nil:
		return err.Error()
	}
	return string(message.Payload)
}

func expect(t *testing.T, s *delivery.Subscription, wants ...string) {
	t.Helper()
	for i, want := range wants {
		if got := next(t, s); got != want {
			t.Fatalf("Next number %d gives %.20q, want %.20q", i+1, got, want)
		}
	}
}

func TestOverflowDropsTheOldestAndTellsWhereAndHowMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(3)
		push(t, s, "1", "2", "3", "4", "5")
		expect(t, s, "lost:2", "3", "4", "5", "nothing")
		push(t, s, "6", "7", "8")
		expect(t, s, "6")
		push(t, s, "9", "10")
		expect(t, s, "lost:1", "8", "9", "10", "nothing")
	})
}

func TestGapThatWasToldBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(2)
		push(t, s, "1", "2", "3")
		expect(t, s, "lost:1")
		push(t, s, "4")
		expect(t, s, "lost:1", "3", "4", "nothing")
	})
}

func TestLoseMarksTheEndOfTheBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(9)
		push(t, s, "1", "2")
		s.Lose()
		s.Lose()
		push(t, s, "3")
		expect(t, s, "1", "2", "lost:0", "3", "nothing")
		s.Lose()
		expect(t, s, "lost:0", "nothing")
	})
}

func TestGapsThatMeetAreOne(t *testing.T) {
	for _, c := range []struct {
		name     string
		capacity int
		do       func(t *testing.T, s *delivery.Subscription)
		wants    []string
	}{
		{"dropped one by one", 1, func(t *testing.T, s *delivery.Subscription) {
			push(t, s, "1", "2", "3", "4")
		}, []string{"lost:3", "4"}},
		{"dropped before a break", 2, func(t *testing.T, s *delivery.Subscription) {
			push(t, s, "1", "2")
			s.Lose()
			push(t, s, "3", "4")
		}, []string{"lost:0", "3", "4"}},
		{"dropped after a break", 1, func(t *testing.T, s *delivery.Subscription) {
			s.Lose()
			push(t, s, "1", "2")
		}, []string{"lost:0", "2"}},
		{"the last dropped before a break", 1, func(t *testing.T, s *delivery.Subscription) {
			push(t, s, "1")
			s.Lose()
			push(t, s, "2")
		}, []string{"lost:0", "2"}},
		{"not yet met", 3, func(t *testing.T, s *delivery.Subscription) {
			push(t, s, "1", "2", "3")
			s.Lose()
			push(t, s, "4")
		}, []string{"lost:1", "2", "3", "lost:0", "4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(c.capacity)
				c.do(t, s)
				expect(t, s, append(c.wants, "nothing")...)
			})
		})
	}
}

// The buffer against a list of what each Next has to return.
func TestBufferAgainstAModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(50) {
			random := rand.New(rand.NewPCG(seed, 0))
			capacity := 1 + random.IntN(100)
			s := open(capacity)
			var model []string // payloads, and "lost:N" where N messages or unknown are missing
			held := 0
			for i := range 2000 {
				switch action := random.IntN(100); {
				case action < 2:
					s.Lose()
					model = mergeGap(append(model, "lost:0"))
				case action < 55:
					payload := strconv.Itoa(i)
					push(t, s, payload)
					if held == capacity {
						model = dropFirst(model)
						held--
					}
					model = append(model, payload)
					held++
				case len(model) > 0:
					expect(t, s, model[0])
					if !strings.HasPrefix(model[0], "lost:") {
						held--
					}
					model = model[1:]
				}
			}
			expect(t, s, append(model, "nothing")...)
		}
	})
}

// mergeGap merges a gap at the end with one before it.
func mergeGap(model []string) []string {
	if n := len(model); n >= 2 && strings.HasPrefix(model[n-2], "lost:") {
		return append(model[:n-2], "lost:0")
	}
	return model
}

// dropFirst drops the first payload and merges the gaps around it.
func dropFirst(model []string) []string {
	lost, unknown := 1, false
	add := func() {
		if len(model) > 0 && strings.HasPrefix(model[0], "lost:") {
			count, _ := strconv.Atoi(strings.TrimPrefix(model[0], "lost:"))
			lost += count
			unknown = unknown || count == 0
			model = model[1:]
		}
	}
	add()
	model = model[1:]
	add()
	if unknown {
		lost = 0
	}
	return append([]string{fmt.Sprintf("lost:%d", lost)}, model...)
}

func TestBufferIsBoundedInBytes(t *testing.T) {
	quarter := strings.Repeat("x", delivery.MaxBuffered/4)
	s := open(0)
	push(t, s, "1", quarter, quarter, quarter)
	push(t, s, quarter)
	expect(t, s, "lost:1", quarter)
	push(t, s, "2", quarter)
	expect(t, s, "lost:1", quarter, quarter, "2", quarter)
}

func TestNewestMessageIsHeldHoweverLarge(t *testing.T) {
	large := strings.Repeat("x", delivery.MaxBuffered+1)
	s := open(0)
	push(t, s, "1", "2", large)
	expect(t, s, "lost:2", large)
	push(t, s, "3", "4")
	expect(t, s, "3", "4")
}

func TestDefaultBuffer(t *testing.T) {
	s := open(0)
	for i := range delivery.DefaultBuffer + 7 {
		push(t, s, strconv.Itoa(i))
	}
	expect(t, s, "lost:7", "7")
}

func TestEachReceiverOwnsItsBytes(t *testing.T) {
	first, second := open(0), open(0)
	for _, payload := range []string{"abc", ""} {
		push(t, first, payload)
		push(t, second, payload)
		a, _ := first.Next(t.Context())
		for i := range a.Payload {
			a.Payload[i] = 'x'
		}
		b, _ := second.Next(t.Context())
		if string(b.Payload) != payload || b.Payload == nil || a.Payload == nil {
			t.Errorf("received %#v and %#v of %q", a.Payload, b.Payload, payload)
		}
	}
}

func TestMessageIsWhatWasPushed(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name       string
		at, wanted time.Time
	}{
		{"published before", now, now},
		{"unknown", time.Time{}, time.Time{}},
		{"published later, by another clock", now.Add(time.Hour), time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := delivery.NewSubscription("c*", 0, delivery.NewRate(), nil)
			s.Push(delivery.Message{Channel: "c1", Payload: "p", Timestamp: c.at})
			message, err := s.Next(t.Context())
			if err != nil || message.Channel != "c1" || message.Pattern != "c*" || string(message.Payload) != "p" {
				t.Errorf("received %+v, %v", message, err)
			}
			if message.Timestamp != c.wanted {
				t.Errorf("timestamp is %v, want %v", message.Timestamp, c.wanted)
			}
		})
	}
}

func TestNilContext(t *testing.T) {
	s := open(0)
	push(t, s, "1")
	var ctx context.Context
	if _, err := s.Next(ctx); !errors.Is(err, coordination.ErrInvalidArgument) {
		t.Errorf("error is %v", err)
	}
	expect(t, s, "1")
}
