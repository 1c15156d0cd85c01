package redis

import (
	"context"
	"errors"
	"slices"
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
		if !b.tryTake(budgetSize) {
			t.Error("not all of the budget was given back")
		}
	})
}

func TestALargeCommandIsNotPassedOverBySmallOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		for range maxPending {
			if err := b.take(t.Context(), leastSize); err != nil {
				t.Fatal(err)
			}
		}
		var order []string
		done := make(chan struct{})
		queue := func(name string, size int) {
			go func() {
				if err := b.take(t.Context(), size); err != nil {
					t.Error(err)
				}
				order = append(order, name) // one at a time: the room fits one of them
				b.give(size)
				done <- struct{}{}
			}()
			synctest.Wait()
		}
		queue("large", 2*budgetSize)
		queue("small", leastSize)
		for range maxPending {
			if b.tryTake(leastSize) {
				t.Fatal("a command passed those that wait")
			}
			b.give(leastSize)
			synctest.Wait()
		}
		<-done
		<-done
		if !slices.Equal(order, []string{"large", "small"}) {
			t.Errorf("they were served in the order %v", order)
		}
	})
}

func TestASmallCommandThatFitsDoesNotSleepAfterALargeOneGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		if err := b.take(t.Context(), budgetSize/2); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		large, small := make(chan error), make(chan error, 1)
		go func() { large <- b.take(ctx, budgetSize) }()
		synctest.Wait()
		go func() { small <- b.take(t.Context(), leastSize) }()
		synctest.Wait()
		cancel()
		if err := <-large; !errors.Is(err, context.Canceled) {
			t.Errorf("take = %v", err)
		}
		synctest.Wait()
		select {
		case err := <-small:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("the small one still waits")
		}
	})
}
