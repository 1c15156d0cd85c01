package memory_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

// The clock of the publishing benchmarks stops when every subscriber has every
// message. A publisher is faster than a reader, so that it waits for them every
// half buffer, before anything would be dropped.
const window = 4096

var payload = []byte(strings.Repeat("x", 128))

// readers are a number of subscriptions to one pattern, and who reads them.
type readers struct {
	number  int
	awaited atomic.Int64   // how many messages publish waits for
	behind  sync.WaitGroup // the readers that have not received so many
	done    sync.WaitGroup
}

func startReaders(b *testing.B, handle *memory.Coordination, pattern string, number int) *readers {
	b.Helper()
	r := &readers{number: number}
	for range number {
		subscription := subscribe(b, handle, pattern)
		r.done.Go(func() { r.read(b, subscription) })
	}
	b.Cleanup(r.done.Wait)
	return r
}

func (r *readers) read(b *testing.B, subscription coordination.Subscription) {
	received := int64(0)
	for message, err := range coordination.Messages(b.Context(), subscription) {
		if b.Context().Err() != nil {
			return
		}
		if err != nil || len(message.Payload) != len(payload) {
			b.Errorf("received %d bytes, %v", len(message.Payload), err)
			return
		}
		if received++; received == r.awaited.Load() {
			r.behind.Done()
		}
	}
}

func subscribe(b *testing.B, handle *memory.Coordination, pattern string) coordination.Subscription {
	b.Helper()
	subscription, err := handle.Subscribe(b.Context(), pattern)
	if err != nil {
		b.Fatal(err)
	}
	return subscription
}

func publish(b *testing.B, handle *memory.Coordination, channel string, r *readers, messages int) {
	ctx := b.Context()
	for first := 0; first < messages; first += window {
		last := min(first+window, messages)
		r.awaited.Store(int64(last))
		r.behind.Add(r.number)
		for range last - first {
			if err := handle.Publish(ctx, channel, payload); err != nil {
				b.Error(err)
				return
			}
		}
		r.behind.Wait()
	}
}

func BenchmarkPublish1x1(b *testing.B) {
	handle := memory.New()
	r := startReaders(b, handle, "news", 1)
	b.ReportAllocs()
	b.ResetTimer()
	publish(b, handle, "news", r, b.N)
}

func BenchmarkPublish1x100(b *testing.B) {
	handle := memory.New()
	r := startReaders(b, handle, "news", 100)
	b.ReportAllocs()
	b.ResetTimer()
	publish(b, handle, "news", r, b.N)
}

// BenchmarkPublish8x8OwnChannels has eight publishers and eight subscribers, one
// of each on eight channels. The figures are per published message.
func BenchmarkPublish8x8OwnChannels(b *testing.B) {
	const channels = 8
	hub := memory.NewHub()
	var publishers sync.WaitGroup
	start := make(chan struct{})
	for i := range channels {
		handle, _ := hub.Open(nil)
		channel := fmt.Sprintf("news:%d", i)
		r := startReaders(b, handle, channel, 1)
		messages := (b.N + i) / channels
		publishers.Go(func() {
			<-start
			publish(b, handle, channel, r, messages)
		})
	}
	b.ReportAllocs()
	b.ResetTimer()
	close(start)
	publishers.Wait()
}

func BenchmarkPublishGlob(b *testing.B) {
	handle := memory.New()
	r := startReaders(b, handle, "news:*", 1)
	b.ReportAllocs()
	b.ResetTimer()
	publish(b, handle, "news:today", r, b.N)
}

func BenchmarkPublish10kIdleGlobs(b *testing.B) {
	handle := memory.New()
	for i := range 10_000 {
		subscribe(b, handle, fmt.Sprintf("idle:%d:*", i))
	}
	r := startReaders(b, handle, "news:*", 1)
	b.ReportAllocs()
	b.ResetTimer()
	publish(b, handle, "news:today", r, b.N)
}

// BenchmarkPublishSlowReader is the publisher's part alone: nobody reads, and
// the full buffer drops its oldest message each time.
func BenchmarkPublishSlowReader(b *testing.B) {
	handle := memory.New()
	subscribe(b, handle, "news")
	b.ReportAllocs()
	for b.Loop() {
		if err := handle.Publish(b.Context(), "news", payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPublishWithAck(b *testing.B) {
	handle := memory.New()
	startReaders(b, handle, "news", 1)
	b.ReportAllocs()
	for b.Loop() {
		if acks, err := handle.PublishWithAck(b.Context(), "news", payload, time.Minute); acks != 1 || err != nil {
			b.Fatal(acks, err)
		}
	}
}

func BenchmarkSubscribeClose(b *testing.B) {
	handle := memory.New()
	for i := range 10_000 {
		subscribe(b, handle, fmt.Sprintf("idle:%d:*", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = subscribe(b, handle, "news:*").Close()
	}
}

// fill sets keys with an end, as a cache would.
func fill(b *testing.B, handle *memory.Coordination, format string, number int) []string {
	b.Helper()
	keys := make([]string, number)
	for i := range keys {
		keys[i] = fmt.Sprintf(format, i)
		if err := handle.Set(b.Context(), keys[i], payload, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
	return keys
}

func benchmarkKeys(b *testing.B, others int, pattern string, hits int) {
	handle := memory.New()
	fill(b, handle, "cold:%06d", others)
	fill(b, handle, "hot:%06d", 100)
	b.ReportAllocs()
	for b.Loop() {
		if keys, err := handle.Keys(b.Context(), pattern); len(keys) != hits || err != nil {
			b.Fatal(len(keys), err)
		}
	}
}

func BenchmarkKeys100(b *testing.B)           { benchmarkKeys(b, 0, "hot:*", 100) }
func BenchmarkKeys100Among100k(b *testing.B)  { benchmarkKeys(b, 100_000, "hot:*", 100) }
func BenchmarkKeysSuffixOf100k(b *testing.B)  { benchmarkKeys(b, 100_000, "*:000000", 2) }
func BenchmarkKeysLiteralOf100k(b *testing.B) { benchmarkKeys(b, 100_000, "hot:000000", 1) }

func BenchmarkSet100kTTL(b *testing.B) {
	handle := memory.New()
	keys := fill(b, handle, "key:%06d", 100_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := handle.Set(b.Context(), keys[i*7919%len(keys)], payload, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet100kTTL(b *testing.B) {
	handle := memory.New()
	keys := fill(b, handle, "key:%06d", 100_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, found, err := handle.Get(b.Context(), keys[i*7919%len(keys)]); !found || err != nil {
			b.Fatal(found, err)
		}
	}
}

func BenchmarkDeleteMany100(b *testing.B) {
	handle := memory.New()
	fill(b, handle, "cold:%06d", 100_000)
	keys := fill(b, handle, "hot:%06d", 100)
	b.ReportAllocs()
	for b.Loop() {
		if deleted, err := handle.DeleteMany(b.Context(), keys...); deleted != 100 || err != nil {
			b.Fatal(deleted, err)
		}
		b.StopTimer()
		fill(b, handle, "hot:%06d", 100)
		b.StartTimer()
	}
}

func BenchmarkAcquireRelease(b *testing.B) {
	handle := memory.New()
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, acquired, err := handle.TryAcquireLeadership(ctx, "node", time.Minute); !acquired || err != nil {
			b.Fatal(acquired, err)
		}
		if released, err := handle.ReleaseLeadership(ctx, "node"); !released || err != nil {
			b.Fatal(released, err)
		}
	}
}
