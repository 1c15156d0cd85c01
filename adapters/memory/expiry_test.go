package memory

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func (e *entries) sizes() [2]int { return [2]int{e.byName.Len(), e.byEnd.Len()} }

func checkSizes(t *testing.T, e *entries, names, ends int) {
	t.Helper()
	if got, want := e.sizes(), [2]int{names, ends}; got != want {
		t.Errorf("holds %v names and ends, want %v", got, want)
	}
}

func TestSweepLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handle := New()
		set := func(format string, number int, ttl time.Duration) {
			for i := range number {
				if err := handle.Set(t.Context(), fmt.Sprintf(format, i), nil, ttl); err != nil {
					t.Fatal(err)
				}
			}
		}
		set("ended:%d", 1000, time.Second)
		set("kept:%d", 10, 0)
		set("replaced:%d", 10, time.Second)
		set("replaced:%d", 10, 0)
		checkSizes(t, handle.space.keys.entries, 1020, 1000)

		time.Sleep(time.Second)
		set("new:%d", 1000/sweepLen, time.Hour)
		checkSizes(t, handle.space.keys.entries, 20+1000/sweepLen, 1000/sweepLen)
		if _, err := handle.DeleteMany(t.Context()); err != nil {
			t.Fatal(err)
		}

		time.Sleep(time.Hour)
		for range 1000 / sweepLen / sweepLen {
			handle.Delete(t.Context(), "none")
		}
		handle.Delete(t.Context(), "none")
		checkSizes(t, handle.space.keys.entries, 20, 0)
		handle.FlushAll(t.Context())
		checkSizes(t, handle.space.keys.entries, 0, 0)
	})
}

func TestMembersThatEndedLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handle := New()
		for i := range 1000 {
			handle.RegisterNode(t.Context(), fmt.Sprint(i), nil)
			if i%2 == 0 {
				handle.Heartbeat(t.Context(), fmt.Sprint(i), time.Hour)
			}
		}
		checkSizes(t, handle.space.members.entries, 1000, 1000)
		time.Sleep(time.Minute)
		handle.Heartbeat(t.Context(), "none", time.Hour)
		checkSizes(t, handle.space.members.entries, 500, 500)
		time.Sleep(time.Hour)
		handle.NodeMetadata(t.Context(), "none")
		checkSizes(t, handle.space.members.entries, 0, 0)
	})
}

// The entries against a map.
func TestEntriesAgainstAModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	e, model := newEntries(), make(map[string]entry)
	now := time.Now()
	for range 50_000 {
		now = now.Add(time.Duration(random.IntN(3)) * time.Millisecond)
		name := fmt.Sprint(random.IntN(200))
		was, there := model[name]
		there = there && was.live(now)
		switch random.IntN(5) {
		case 0:
			added := entry{value: fmt.Sprint(now)}
			if random.IntN(3) > 0 {
				added.end = now.Add(time.Duration(random.IntN(300)) * time.Millisecond)
			}
			e.set(name, added)
			model[name] = added
		case 1:
			if got := e.remove(name, now); got != there {
				t.Fatalf("remove says %v, want %v", got, there)
			}
			delete(model, name)
		case 2:
			e.sweep(now, random.IntN(3))
		default:
			if got, ok := e.get(name, now); ok != there || ok && got != was {
				t.Fatalf("get says %v, %v, want %v, %v", got, ok, was, there)
			}
		}
	}
	e.sweep(now, math.MaxInt)
	names, ends := 0, 0
	for _, kept := range model {
		if kept.live(now) {
			names++
			if !kept.end.IsZero() {
				ends++
			}
		}
	}
	checkSizes(t, e, names, ends)
}

func TestEndOfTheLongestTimes(t *testing.T) {
	now := time.Now()
	for _, ttl := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 / 2} {
		if end := endOf(now, ttl); !end.After(now.AddDate(140, 0, 0)) {
			t.Errorf("%v from now is %v", ttl, end)
		}
	}
	if got := endOf(now, time.Millisecond+1).Sub(now); got != 2*time.Millisecond {
		t.Errorf("a time is rounded to %v", got)
	}
}
