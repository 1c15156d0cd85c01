package redis

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheBudgetBoundsWhatIsTakenAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		for range 4 {
			if err := b.take(t.Context(), budgetSize/4); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.take(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("more than the budget is taken: %v", err)
		}
		taken := make(chan error)
		go func() { taken <- b.take(t.Context(), budgetSize/4) }()
		synctest.Wait()
		b.give(budgetSize / 4)
		if err := <-taken; err != nil {
			t.Fatal(err)
		}
		for range 4 {
			b.give(budgetSize / 4)
		}
		if err := b.take(t.Context(), 2*budgetSize); err != nil {
			t.Fatalf("what is larger than the budget finds no room in an empty one: %v", err)
		}
	})
}

func TestEachOfManyWhoWaitForTheBudgetGetsItsPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		done := make(chan error)
		for i := range 1000 {
			size := leastSize + i%7*budgetSize/8
			go func() {
				err := b.take(t.Context(), size)
				time.Sleep(time.Millisecond)
				b.give(size)
				done <- err
			}()
		}
		for range 1000 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if b.used != 0 {
			t.Errorf("%d bytes are in use in the end", b.used)
		}
	})
}
