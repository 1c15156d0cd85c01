package sync

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
)

// BenchmarkMemory is what a node holds when everything that Limits bound is full,
// at the defaults, with keys of some 30 bytes. The cache keeps nothing, as what
// that holds is not ours.
func BenchmarkMemory(b *testing.B) {
	const goal = 16.0 // MiB
	var held []float64
	rounds(b, func(int) {
		before := heap()
		n := fullNode(b)
		after := heap()
		runtime.KeepAlive(n)
		held = append(held, float64(int64(after)-int64(before))/(1<<20))
	})
	slices.Sort(held)
	b.ReportMetric(held[len(held)/2], "MiB")
	b.ReportMetric(held[len(held)/2]/goal, "of-goal")
}

// heap is what is in use, in bytes.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // pools give up what they hold in the second one
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// fullNode returns a node that has reached each of its limits.
func fullNode(b *testing.B) *DistributedSync {
	b.Helper()
	ctx := b.Context()
	s, err := New(DefaultConfig("full"), memory.New(), &Options{Cache: &mapCache{}})
	must(b, err)
	limits := s.options.Limits
	other := func(i int, operation Operation) {
		operation.Origin, operation.Epoch = fmt.Sprintf("0b8f4f6e-6f0f-4d7c-9c43-%012d", i%limits.Origins), s.self.epoch+1
		operation.Seq = uint64(i/limits.Origins+1) * 2 // so that each one has a hole before it
		must(b, s.ProcessOperation(ctx, operation))
	}
	for i := range limits.Keys {
		other(i, Operation{Type: Set, Key: fmt.Sprintf("session:of:some:user:%09d", i)})
	}
	for i := range limits.Patterns {
		other(limits.Keys+i, Operation{Type: InvalidatePattern, Key: fmt.Sprintf("user:%d:*", i)})
	}
	own := func(i, size int) Operation {
		key := fmt.Sprintf("session:of:this:node:%09d", i)
		return Operation{Type: Set, Key: key, Value: make([]byte, size-operationOverhead-len(key)), TTL: time.Hour}
	}
	for i := range limits.HistoryOperations {
		operation := own(i, limits.HistoryBytes/limits.HistoryOperations)
		must(b, s.Set(ctx, operation.Key, operation.Value, operation.TTL))
	}
	fillQueue(ctx, b, s, func(i int) Operation {
		return own(limits.HistoryOperations+i, limits.QueueBytes/limits.QueueOperations+32)
	})
	operations, bytes := s.outbox.history.held()
	if operations != limits.HistoryOperations || bytes != limits.HistoryBytes ||
		len(s.table.keys) != limits.Keys || len(s.table.ranges) != limits.Patterns || len(s.peers.origins) != limits.Origins {
		b.Fatalf("history of %d operations, %d bytes; table of %d keys, %d patterns; %d origins",
			operations, bytes, len(s.table.keys), len(s.table.ranges), len(s.peers.origins))
	}
	return s
}

// fillQueue adds operations that nobody sends, until there is no place.
func fillQueue(ctx context.Context, b *testing.B, s *DistributedSync, operation func(i int) Operation) {
	b.Helper()
	for i := 0; ; i++ {
		next := operation(i)
		next.Origin, next.Epoch = s.self.node, s.self.epoch
		if changed, _ := s.outbox.tryReserve(next.size()); changed != nil {
			return
		}
		_, err := s.decide(ctx, next, next.size(), true)
		must(b, err)
	}
}
