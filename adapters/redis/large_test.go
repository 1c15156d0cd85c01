package redis_test

import (
	"runtime"
	"slices"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// longestStep returns for how long the longest step of a walk held the server, and the
// median.
func longestStep(t *testing.T, client *goredis.Client) (longest, median time.Duration) {
	t.Helper()
	entries, err := client.SlowLogGet(t.Context(), 100_000).Result()
	if err != nil {
		t.Fatal(err)
	}
	held := make([]time.Duration, 0, len(entries))
	for _, e := range entries {
		if e.Args[0] == "scan" || e.Args[0] == "unlink" {
			held = append(held, e.Duration)
		}
	}
	if len(held) < 500 {
		t.Fatalf("only %d steps are in the slow log", len(held))
	}
	slices.Sort(held)
	return held[len(held)-1], held[len(held)/2]
}

// expectBriefSteps walks until no step has held the server for more than 10 ms, at most
// ten times. The server shares its processor with others, so that a step can last longer
// than it needs; never less long.
func expectBriefSteps(t *testing.T, client *goredis.Client, name string, walk func()) {
	t.Helper()
	for range 10 {
		client.SlowLogReset(t.Context())
		start := time.Now()
		walk()
		took := time.Since(start)
		longest, median := longestStep(t, client)
		t.Logf("%s took %v in steps of %v, %v at most", name, took, median, longest)
		if longest <= 10*time.Millisecond {
			return
		}
	}
	t.Errorf("a step of %s holds the server for more than 10 ms", name)
}

func TestAMillionKeysAreListedAndFlushedInBriefSteps(t *testing.T) {
	backend := private(t, "--enable-debug-command", "local", "--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000")
	handle := open(t, backend.URL(), nil)
	client := raw(t, backend.Address)
	const count = 1_000_000
	populate := func() {
		if err := client.Do(t.Context(), "debug", "populate", count, "riptide:k:key").Err(); err != nil {
			t.Fatal(err)
		}
	}
	populate()
	expectBriefSteps(t, client, "Keys", func() {
		if keys, err := handle.Keys(t.Context(), "key:*"); err != nil || len(keys) != count {
			t.Fatalf("Keys returns %d keys, %v", len(keys), err)
		}
	})
	// The server can't match a class as Match does, so that it returns every key.
	for _, pattern := range []string{"key:12345?", "key:[1]2345?"} {
		if peak := peakOf(func() {
			if keys, err := handle.Keys(t.Context(), pattern); err != nil || len(keys) != 10 {
				t.Errorf("Keys(%q) returns %q, %v", pattern, keys, err)
			}
		}); peak > 16<<20 {
			t.Errorf("for an answer of ten keys Keys(%q) holds up to %d bytes", pattern, peak)
		}
	}
	expectBriefSteps(t, client, "FlushAll", func() {
		populate()
		if err := handle.FlushAll(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	if left := client.DBSize(t.Context()).Val(); left != 0 {
		t.Errorf("%d keys are left", left)
	}
}

// peakOf returns by how much the memory in use has grown at most during a call.
func peakOf(call func()) (peak int64) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	go func() {
		defer close(done)
		call()
	}()
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case <-done:
			tick.Stop()
			return peak
		case <-tick.C:
			runtime.GC() // what is garbage does not count
			runtime.ReadMemStats(&now)
			peak = max(peak, int64(now.HeapAlloc)-int64(before.HeapAlloc))
		}
	}
}
