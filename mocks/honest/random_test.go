package honest_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks/honest"
)

// caller makes random calls on a wrapped handle, while others do so too.
type caller struct {
	*rand.Rand
	coordination.DistributedCoordination
}

func TestAnHonestAdapterIsNeverAccused(t *testing.T) {
	const rounds, handles, callers, calls = 8, 3, 3, 300
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(rounds) {
		hub := memory.NewHub()
		var running sync.WaitGroup
		for i := range uint64(handles) {
			handle, err := hub.Open(&memory.Options{Buffer: 4})
			if err != nil {
				t.Fatal(err)
			}
			wrapped := honest.Coordination(t, handle)
			if i == 0 { // of which nobody knows when it is closed
				wrapped = roles(t, handle)
			}
			for j := range uint64(callers) {
				c := caller{rand.New(rand.NewPCG(seed, round<<16|i<<8|j)), wrapped}
				running.Go(func() { c.make(t.Context(), calls) })
			}
		}
		running.Wait()
		if t.Failed() {
			return
		}
	}
}

func roles(t *testing.T, handle coordination.DistributedCoordination) coordination.DistributedCoordination {
	return struct {
		coordination.Messaging
		coordination.KeyStore
		coordination.Membership
		coordination.Leadership
		coordination.Diagnostics
		closer
	}{
		honest.Messaging(t, handle),
		honest.KeyStore(t, handle),
		honest.Membership(t, handle),
		honest.Leadership(t, handle),
		honest.Diagnostics(t, handle),
		handle,
	}
}

type closer interface{ Close() error }

// make makes so many calls, of which one late one may be Close.
func (c caller) make(ctx context.Context, calls int) {
	closing := calls - c.IntN(2*calls/3)
	subscription, _ := c.Subscribe(ctx, c.pattern())
	for i := range calls {
		if i == closing && c.IntN(2) == 0 {
			c.Close()
		}
		short, cancel := context.WithTimeout(ctx, time.Duration(c.IntN(2000))*time.Microsecond)
		if c.IntN(8) == 0 {
			cancel()
		}
		if subscription != nil && c.IntN(4) == 0 {
			subscription.Next(short)
			if c.IntN(16) == 0 {
				subscription.Close()
				subscription.Next(short)
				subscription, _ = c.Subscribe(ctx, c.pattern())
			}
		}
		if c.IntN(32) == 0 {
			var none context.Context
			c.call(none)
		}
		c.call(short)
		cancel()
	}
}

func (c caller) call(ctx context.Context) {
	switch c.IntN(6) {
	case 0, 1: // what tells most of what came before
		c.TryAcquireLeadership(ctx, c.node(), time.Duration(c.IntN(3000))*time.Microsecond)
	case 2:
		c.ReleaseLeadership(ctx, c.node())
	case 3:
		c.Leader(ctx)
	case 4:
		c.Keys(ctx, c.pattern())
	default:
		methods[c.IntN(len(methods))].call(ctx, c.DistributedCoordination, c.node())
	}
}

func (c caller) node() string {
	if c.IntN(16) == 0 {
		return []string{"", "\xff", strings.Repeat("n", coordination.MaxNameLen+1)}[c.IntN(3)]
	}
	return []string{"a", "b", "c"}[c.IntN(3)]
}

func (c caller) pattern() string { return []string{"*", "?", "a", "[ab]", ""}[c.IntN(5)] }
