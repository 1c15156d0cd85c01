package delivery_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
)

func TestRateIsAMeanOverTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rate := delivery.NewRate()
		expect := func(want float64) {
			t.Helper()
			if got := rate.PerSecond(time.Now()); got != want {
				t.Errorf("rate is %v, want %v", got, want)
			}
		}
		expect(0)
		for range 100 {
			rate.Add(time.Now())
		}
		expect(10)
		time.Sleep(5 * time.Second)
		for range 50 {
			rate.Add(time.Now())
		}
		expect(15)
		time.Sleep(5 * time.Second)
		expect(5)
		time.Sleep(5 * time.Second)
		expect(0)
		time.Sleep(24 * time.Hour)
		expect(0)
		rate.Add(time.Now())
		expect(0.1)
	})
}

func TestSteadyRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rate := delivery.NewRate()
		for range 3000 {
			rate.Add(time.Now())
			time.Sleep(10 * time.Millisecond)
		}
		if got := rate.PerSecond(time.Now()); got < 97 || got > 100 {
			t.Errorf("rate is %v, want 100 less at most a step of a quarter second", got)
		}
	})
}

func TestRateCountsEveryConcurrentEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rate := delivery.NewRate()
		for range 50 { // each in another step, whose slot is taken over
			time.Sleep(10 * time.Second)
			var adding sync.WaitGroup
			for range 8 {
				adding.Go(func() {
					for range 250 {
						rate.Add(time.Now())
					}
				})
			}
			adding.Wait()
			if got := rate.PerSecond(time.Now()); got != 200 {
				t.Fatalf("rate is %v, want 200", got)
			}
		}
	})
}
