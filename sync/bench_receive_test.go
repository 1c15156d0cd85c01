package sync

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

// BenchmarkReceive is messages of 64 operations of another node's, from the
// subscription to the cache, on one core: read, put in order, decided on, applied.
func BenchmarkReceive(b *testing.B) {
	const goal = 200_000.0 // operations per second
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	hub := memory.NewHub()
	inbox := &prepared{DistributedCoordination: open(b, hub), messages: make(chan [][]byte, 1)}
	n := start(b, newMapCache, inbox)[0]
	from := newPress(b, 10_000)
	inbox.messages <- from.greeting()
	var times []time.Duration
	var count int
	rounds(b, func(int) {
		messages := from.print(500)
		count = 500 * from.batch
		n.cache.wanted.Store(int64(count))
		times = append(times, took(func() {
			inbox.messages <- messages
			<-n.cache.rings
		}))
	})
	if status := n.Status(); status.Applied != uint64(count*len(times)) || status.GapsFound != 0 {
		b.Fatalf("%+v", status)
	}
	b.ReportMetric(perSecond(count, quantile(times, 0.5)), "ops/s")
	b.ReportMetric(goal/perSecond(count, quantile(times, 0.5)), "of-goal")
}

// open opens a handle on hub.
func open(b *testing.B, hub *memory.Hub) *memory.Coordination {
	b.Helper()
	handle, err := hub.Open(nil)
	must(b, err)
	return handle
}

// prepared is a port whose subscribers receive the messages that were prepared
// for them, beside their own heartbeats.
type prepared struct {
	coordination.DistributedCoordination
	messages chan [][]byte
}

func (p *prepared) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	subscription, err := p.DistributedCoordination.Subscribe(ctx, pattern)
	if err != nil || pattern != literal(DefaultChannel) {
		return subscription, err
	}
	return &preparedSubscription{Subscription: subscription, from: p.messages}, nil
}

type preparedSubscription struct {
	coordination.Subscription
	from  <-chan [][]byte
	ready [][]byte
}

func (s *preparedSubscription) Next(ctx context.Context) (coordination.Message, error) {
	for len(s.ready) == 0 {
		select {
		case s.ready = <-s.from:
		case <-ctx.Done():
			return coordination.Message{}, ctx.Err()
		}
	}
	next := s.ready[0]
	s.ready = s.ready[1:]
	return coordination.Message{Channel: DefaultChannel, Pattern: DefaultChannel, Payload: next, Timestamp: time.Now()}, nil
}

// press is a node that keeps what it has to say, in full messages.
type press struct {
	b       *testing.B
	node    *DistributedSync
	keys    []string
	next    int // of keys
	batch   int // operations in a message
	printed [][]byte
}

// pressPort hands what is published to a press.
type pressPort struct {
	coordination.DistributedCoordination
	press *press
}

func (p pressPort) Publish(_ context.Context, _ string, payload []byte) error {
	p.press.printed = append(p.press.printed, bytes.Clone(payload))
	return nil
}

// newPress returns one that sets as many keys in turn.
func newPress(b *testing.B, keys int) *press {
	b.Helper()
	p := &press{b: b}
	for i := range keys {
		p.keys = append(p.keys, fmt.Sprint("session:", i))
	}
	node, err := New(DefaultConfig("press"), pressPort{memory.New(), p}, &Options{Cache: &mapCache{}})
	must(b, err)
	p.node, p.batch = node, node.options.Limits.BatchOperations
	return p
}

// greeting is a heartbeat. Who has heard it knows the node, and misses none of
// what follows.
func (p *press) greeting() [][]byte {
	p.printed = nil
	must(p.b, p.node.NotifyOperation(p.b.Context(), Operation{Type: Heartbeat}))
	return p.printed
}

// print returns the next messages.
func (p *press) print(count int) [][]byte {
	p.printed = nil
	ctx := p.b.Context()
	for range count {
		for range p.batch {
			operation := Operation{Type: Set, Key: p.keys[p.next], Value: payload, TTL: time.Minute, Origin: p.node.self.node, Epoch: p.node.self.epoch}
			p.next = (p.next + 1) % len(p.keys)
			size := operation.size()
			must(p.b, p.node.outbox.reserve(ctx, size))
			_, err := p.node.decide(ctx, operation, size, true)
			must(p.b, err)
		}
		p.node.outbox.sendNext(ctx)
	}
	if len(p.printed) != count {
		p.b.Fatalf("%d messages instead of %d", len(p.printed), count)
	}
	return p.printed
}
