package redis_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
)

func TestCallsOnAServerThatPausesForLongEndWithTheirContexts(t *testing.T) {
	server := private(t)
	client := raw(t, server.Address)
	handle := open(t, server.URL(), &redis.Options{LinkTimeout: time.Minute})
	if _, err := handle.Subscribe(within(t), "news"); err != nil {
		t.Fatal(err)
	}
	do(t, client, "client", "pause", 3000, "all")
	var running sync.WaitGroup
	for name, call := range calls {
		running.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			began := time.Now()
			if err := call(ctx, handle); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s = %v, want the error of its context", name, err)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%s took %v", name, took)
			}
		})
	}
	running.Wait()
	recovers(t, handle)
}
