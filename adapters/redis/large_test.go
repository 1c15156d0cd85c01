package redis_test

import (
	"runtime"
	"slices"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// expectBriefSteps reads the slow log and expects that none of the steps holds the
// server for more than 10 ms. One in a hundred may: the server's process shares the
// machine with others.
func expectBriefSteps(t *testing.T, client *goredis.Client) {
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
	t.Logf("%d steps: median %v, longest %v", len(held), held[len(held)/2], held[len(held)-1])
	if longest := held[len(held)*99/100]; longest > 10*time.Millisecond {
		t.Errorf("a step holds the server for %v", longest)
	}
}

func TestAMillionKeysAreListedAndFlushedInBriefSteps(t *testing.T) {
	backend := private(t, "--enable-debug-command", "local", "--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000")
	handle := open(t, backend.URL(), nil)
	client := raw(t, backend.Address)
	const count = 1_000_000
	if err := client.Do(t.Context(), "debug", "populate", count, "riptide:k:key").Err(); err != nil {
		t.Fatal(err)
	}
	client.SlowLogReset(t.Context())
	start := time.Now()
	keys, err := handle.Keys(t.Context(), "key:*")
	if err != nil || len(keys) != count {
		t.Fatalf("Keys returns %d keys, %v", len(keys), err)
	}
	t.Logf("Keys of all took %v", time.Since(start))
	expectBriefSteps(t, client)

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if keys, err = handle.Keys(t.Context(), "key:12345?"); err != nil || len(keys) != 10 {
		t.Fatalf("Keys returns %q, %v", keys, err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("after an answer of ten keys the heap holds %d bytes more", grown)
	}

	client.SlowLogReset(t.Context())
	start = time.Now()
	if err := handle.FlushAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("FlushAll took %v", time.Since(start))
	expectBriefSteps(t, client)
	if left := client.DBSize(t.Context()).Val(); left != 0 {
		t.Errorf("%d keys are left", left)
	}
}
