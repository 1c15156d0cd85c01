package sync

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkPublish is Sets of one caller, and of many, until a bare subscriber
// has all of them. The bare client publishes the very messages that the node has
// made of them, one after another as the node does; and, one by one, a message of
// its own for each operation, from as many callers.
func BenchmarkPublish(b *testing.B) {
	b.Run("callers-1", func(b *testing.B) { benchmarkPublish(b, 1, 1000, 0) })
	b.Run("callers-256", func(b *testing.B) { benchmarkPublish(b, 256, 128, 200_000) })
	b.Run("callers-256-one-core", func(b *testing.B) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		benchmarkPublish(b, 256, 128, 200_000)
	})
}

// benchmarkPublish has a goal in operations per second, or none.
func benchmarkPublish(b *testing.B, callers, each int, goal float64) {
	s, ctx := newServer(b), b.Context()
	ports := s.ports(1)
	n, bare, total := start(b, newMapCache, ports...)[0], s.namespace+":bare", callers*each
	keys := make([]string, 32*callers) // of their own, so that none is left out as replaced
	for i := range keys {
		keys[i] = fmt.Sprint("session:", i)
	}
	set := func(caller, i int) error { return n.Set(ctx, keys[32*caller+i%32], payload, time.Minute) }
	single := overheard(b, ports[0], func() { must(b, set(0, 0)) })
	var received tally
	s.hear(s.channel(), received.take)
	s.hear(bare, received.take)

	all := func(publish func(caller, i int) error) {
		var running sync.WaitGroup
		for caller := range callers {
			running.Go(func() {
				for i := range each {
					if err := publish(caller, i); err != nil {
						b.Error(err)
					}
				}
			})
		}
		running.Wait()
	}
	var messages []string // that the node has made in its last round
	ways := []func(){
		func() { all(set) },
		func() {
			for _, message := range messages {
				must(b, s.raw.Publish(ctx, bare, message).Err())
			}
		},
		func() { all(func(int, int) error { return s.raw.Publish(ctx, bare, single).Err() }) },
	}
	const warmUp = 2 // rounds in which heap and connections grow to what they then stay at
	times := make([][]time.Duration, len(ways))
	rounds(b, func(round int) {
		for i := range ways {
			way := (max(round-1, 0) + i) % len(ways) // in the first round the node comes first
			received.expect(total)
			duration := took(func() {
				ways[way]()
				received.wait(b)
			})
			if round >= warmUp {
				times[way] = append(times[way], duration)
			}
			if way == 0 {
				messages = received.messages
			}
		}
	})
	ours, same, oneByOne := quantile(times[0], 0.5), quantile(times[1], 0.5), quantile(times[2], 0.5)
	b.ReportMetric(perSecond(total, ours), "port-ops/s")
	b.ReportMetric(perSecond(total, same), "raw-ops/s")
	b.ReportMetric(float64(ours)/float64(same), "port/raw")
	b.ReportMetric(perSecond(total, oneByOne), "raw-one-by-one-ops/s")
	b.ReportMetric(float64(total)/float64(len(messages)), "ops/message")
	if goal > 0 {
		b.ReportMetric(goal/perSecond(total, ours), "of-goal")
	}
}

// sets is how many values there are in a message, without reading it.
func sets(message string) int { return strings.Count(message, `"operation_type":"Set"`) }

// tally counts the operations in messages.
type tally struct {
	missing  atomic.Int64
	complete chan struct{}
	messages []string
}

// expect begins anew.
func (t *tally) expect(operations int) {
	t.messages, t.complete = nil, make(chan struct{})
	t.missing.Store(int64(operations))
}

func (t *tally) take(message string) {
	if count := sets(message); count > 0 { // 0 is a heartbeat's
		t.messages = append(t.messages, message)
		if t.missing.Add(int64(-count)) == 0 {
			close(t.complete)
		}
	}
}

func (t *tally) wait(b *testing.B) {
	b.Helper()
	select {
	case <-t.complete:
	case <-time.After(time.Minute):
		b.Fatalf("%d operations did not arrive", t.missing.Load())
	}
}
