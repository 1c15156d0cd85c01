package sync

import (
	"sync"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// BenchmarkPropagation is from a Set on one node until the caches of four others
// have it, beside the same message from a bare client until four bare subscribers
// have it. On either side the sender is subscribed too, but not waited for.
func BenchmarkPropagation(b *testing.B) {
	const others = 4
	const goal = 1.5 // port/raw
	s, ctx := newServer(b), b.Context()
	ports := s.ports(1 + others)
	nodes := start(b, newMapCache, ports...)
	set := func() {
		for _, n := range nodes[1:] {
			n.cache.wanted.Store(1)
		}
		must(b, nodes[0].Set(ctx, "session:1", payload, time.Minute))
		for _, n := range nodes[1:] {
			<-n.cache.rings
		}
	}
	message := overheard(b, ports[1], set)
	bare := s.namespace + ":bare"
	var received sync.WaitGroup
	for range others {
		s.hear(bare, func(string) { received.Done() })
	}
	s.hear(bare, func(string) {})
	ways := []func(){set, func() {
		received.Add(others)
		must(b, s.raw.Publish(ctx, bare, message).Err())
		received.Wait()
	}}
	times := make([][]time.Duration, len(ways))
	rounds(b, func(round int) {
		for i := range ways {
			way := (round + i) % len(ways)
			times[way] = append(times[way], took(ways[way]))
		}
	})
	ours, theirs := quantile(times[0], 0.5), quantile(times[1], 0.5)
	micros := func(d time.Duration) float64 { return float64(d) / 1e3 }
	b.ReportMetric(micros(ours), "port-p50-µs")
	b.ReportMetric(micros(theirs), "raw-p50-µs")
	b.ReportMetric(float64(ours)/float64(theirs), "port/raw")
	b.ReportMetric(micros(quantile(times[0], 0.99)), "port-p99-µs")
	b.ReportMetric(micros(quantile(times[1], 0.99)), "raw-p99-µs")
	b.ReportMetric(float64(ours)/float64(theirs)/goal, "of-goal")
}

// overheard returns the message that comes of set.
func overheard(b *testing.B, port coordination.Messaging, set func()) []byte {
	b.Helper()
	subscription, err := port.Subscribe(b.Context(), literal(DefaultChannel))
	must(b, err)
	defer subscription.Close()
	set()
	for {
		message, err := subscription.Next(b.Context())
		must(b, err)
		if sets(string(message.Payload)) > 0 {
			return message.Payload
		}
	}
}
