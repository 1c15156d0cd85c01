package sync_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// weir is a port that lets no message through until it is opened.
type weir struct {
	coordination.DistributedCoordination
	refuses bool // at once, instead of making the caller wait
	opened  chan struct{}
	hub     *memory.Hub
}

func newWeir(refuses bool) *weir {
	hub := memory.NewHub()
	handle, err := hub.Open(nil)
	Expect(err).NotTo(HaveOccurred())
	return &weir{DistributedCoordination: handle, refuses: refuses, opened: make(chan struct{}), hub: hub}
}

var errRefused = errors.New("refused")

func (w *weir) Publish(ctx context.Context, channel string, payload []byte) error {
	if w.refuses {
		return errRefused
	}
	select {
	case <-w.opened:
		return w.DistributedCoordination.Publish(ctx, channel, payload)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// forgetful is a cache that keeps nothing.
type forgetful struct{}

func (forgetful) Set(context.Context, string, []byte, time.Duration) error { return nil }
func (forgetful) Delete(context.Context, string) error                     { return nil }
func (forgetful) InvalidatePattern(context.Context, string) error          { return nil }
func (forgetful) Clear(context.Context) error                              { return nil }

// flooded returns a node that publishes through port.
func flooded(port coordination.DistributedCoordination, limits dsync.Limits) *dsync.DistributedSync {
	GinkgoHelper()
	node, err := dsync.New(dsync.DefaultConfig("node-1"), port, &dsync.Options{Cache: forgetful{}, Limits: limits, PublishTimeout: patient})
	Expect(err).NotTo(HaveOccurred())
	return node
}

// flood has many callers set a value of their own each, all at once, and give up
// after patience. It calls meanwhile once all of them wait or have returned, and
// returns their errors.
func flood(ctx context.Context, node *dsync.DistributedSync, callers, size int, patience time.Duration, meanwhile func()) []error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	errs := make([]error, callers)
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() { errs[i] = node.Set(ctx, fmt.Sprint("key ", i), make([]byte, size), 0) })
	}
	synctest.Wait()
	meanwhile()
	running.Wait()
	return errs
}

var _ = Describe("A flood of callers", Label("bounds"), func() {
	DescribeTable("is kept waiting where the queue is full", func(size, atMost int) {
		virtually(func(ctx context.Context) {
			node := flooded(newWeir(false), dsync.Limits{QueueOperations: 100, QueueBytes: 64 << 10})
			expectFull := func() {
				GinkgoHelper()
				Expect(node.Status().Pending).To(Equal(atMost))
			}
			flood(ctx, node, 2000, size, time.Second, expectFull)
			expectFull() // what has a place keeps it
			flood(ctx, node, 2000, size, time.Second, expectFull)
		})
	},
		Entry("of operations", 128, 100),
		Entry("of bytes", 4<<10-256-8, 16),
	)

	It("ends for each with the error of its context", func() {
		virtually(func(ctx context.Context) {
			node := flooded(newWeir(false), dsync.Limits{QueueOperations: 100})
			began := time.Now()
			Expect(flood(ctx, node, 2000, 128, time.Second, func() {})).To(HaveEach(MatchError(context.DeadlineExceeded)))
			Expect(time.Since(began)).To(Equal(time.Second))
		})
	})

	It("loses none of what had a place once the port takes messages again", func() {
		virtually(func(ctx context.Context) {
			port := newWeir(false)
			node := flooded(port, dsync.Limits{QueueOperations: 100})
			flood(ctx, node, 2000, 128, time.Second, func() {})
			close(port.opened)
			Expect(flood(ctx, node, 2000, 128, time.Second, func() {})).To(HaveEach(Succeed()))
			status := node.Status()
			Expect(status.Pending).To(BeZero())
			Expect(status.Published).To(BeNumerically(">=", 2000))
		})
	})

	DescribeTable("leaves no more in memory than the limits say", func(refuses bool, because error) {
		virtually(func(ctx context.Context) {
			node := flooded(newWeir(refuses), dsync.Limits{})
			before := inUse()
			for range 20 { // 160 MiB
				Expect(flood(ctx, node, 1000, 8<<10, time.Second, func() {})).To(HaveEach(MatchError(because)))
			}
			Expect(int64(inUse()) - int64(before)).To(BeNumerically("<", 8<<20))
			runtime.KeepAlive(node)
		})
	},
		Entry("where the port blocks", false, context.DeadlineExceeded),
		Entry("where the port refuses", true, errRefused),
	)
})

// inUse is how much of the heap is reachable, in bytes.
func inUse() uint64 {
	runtime.GC()
	runtime.GC() // pools give up what they hold in the second one
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
