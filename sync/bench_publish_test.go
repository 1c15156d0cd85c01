package sync

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkPublish is Sets of one caller, and of many, until a bare subscriber
// has all of them. The bare client publishes the very messages that the node has
// made of them, one after another as the node does; and, for what many callers
// would do without the node, a message of its own for each operation.
func BenchmarkPublish(b *testing.B) {
	for _, of := range []struct {
		callers, each int
		goal          float64 // operations per second
	}{
		{1, 1000, 0},
		{256, 128, 200_000},
	} {
		b.Run(fmt.Sprintf("callers-%d", of.callers), func(b *testing.B) {
			benchmarkPublish(b, of.callers, of.each, of.goal)
		})
	}
}

func benchmarkPublish(b *testing.B, callers, each int, goal float64) {
	s, ctx := newServer(b), b.Context()
	n := start(b, newMapCache, s.ports(1)...)[0]
	count := callers * each
	keys := make([]string, count) // all different: nothing is left out as replaced
	for i := range keys {
		keys[i] = fmt.Sprint("session:", i)
	}
	bare := s.namespace + ":bare"
	got := newCounter(count)
	s.hear(s.channel(), got.take)
	s.hear(bare, got.take)

	all := func(publish func(key string) error) {
		var running sync.WaitGroup
		for caller := range callers {
			running.Go(func() {
				for _, key := range keys[caller*each:][:each] {
					if err := publish(key); err != nil {
						b.Error(err)
					}
				}
			})
		}
		running.Wait()
		got.wait(b)
	}
	var messages, singles []string // of the last round of the node's
	ways := []func(){
		func() { all(func(key string) error { return n.Set(ctx, key, payload, time.Minute) }) },
		func() {
			for _, message := range messages {
				must(b, s.raw.Publish(ctx, bare, message).Err())
			}
			got.wait(b)
		},
		func() {
			single := singles[0]
			all(func(string) error { return s.raw.Publish(ctx, bare, single).Err() })
		},
	}
	times := make([][]time.Duration, len(ways))
	rounds(b, func(round int) {
		for i := range ways {
			way := (round + i) % len(ways)
			if round == 0 {
				way = i // the node first: the others need its messages
			}
			got.reset()
			times[way] = append(times[way], took(ways[way]))
			if way == 0 {
				messages = got.messages()
				if len(singles) == 0 {
					got.reset()
					got.want.Store(1)
					must(b, n.Set(ctx, keys[0], payload, time.Minute))
					got.wait(b)
					singles = got.messages()
				}
			}
		}
	})
	ours, same, each1 := quantile(times[0], 0.5), quantile(times[1], 0.5), quantile(times[2], 0.5)
	b.ReportMetric(perSecond(count, ours), "port-ops/s")
	b.ReportMetric(perSecond(count, same), "raw-ops/s")
	b.ReportMetric(float64(ours)/float64(same), "port/raw")
	b.ReportMetric(perSecond(count, each1), "raw-one-by-one-ops/s")
	b.ReportMetric(float64(count)/float64(len(messages)), "ops/message")
	if goal > 0 {
		b.ReportMetric(goal/perSecond(count, ours), "of-goal")
	}
}

// counter counts the operations in messages, without reading these.
type counter struct {
	full int
	want atomic.Int64
	done chan struct{}

	mu   sync.Mutex // guards what follows
	seen []string
}

func newCounter(full int) *counter { return &counter{full: full, done: make(chan struct{}, 1)} }

func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = nil
	c.want.Store(int64(c.full))
}

// sets is how many values there are in a message.
func sets(message string) int { return strings.Count(message, `"operation_type":"Set"`) }

func (c *counter) take(message string) {
	count := sets(message)
	if count == 0 {
		return // a heartbeat
	}
	c.mu.Lock()
	c.seen = append(c.seen, message)
	c.mu.Unlock()
	if c.want.Add(int64(-count)) == 0 {
		c.done <- struct{}{}
	}
}

func (c *counter) messages() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

func (c *counter) wait(b *testing.B) {
	b.Helper()
	select {
	case <-c.done:
	case <-time.After(time.Minute):
		b.Fatalf("%d operations did not arrive", c.want.Load())
	}
}
