package sync_test

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// tellings are the methods that change caches or tell others, with arguments that
// are good.
var tellings = map[string]func(ctx context.Context, node *mocked) error{
	"Set":               func(ctx context.Context, node *mocked) error { return node.Set(ctx, "k", []byte("v"), 0) },
	"SetAt":             func(ctx context.Context, node *mocked) error { return node.SetAt(ctx, node.Begin(), "k", nil, 0) },
	"Delete":            func(ctx context.Context, node *mocked) error { return node.Delete(ctx, "k") },
	"InvalidatePattern": func(ctx context.Context, node *mocked) error { return node.InvalidatePattern(ctx, "k*") },
	"Clear":             func(ctx context.Context, node *mocked) error { return node.Clear(ctx) },
	"NotifyOperation": func(ctx context.Context, node *mocked) error {
		return node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Clear})
	},
	"NotifyOperation of a Heartbeat": func(ctx context.Context, node *mocked) error {
		return node.NotifyOperation(ctx, dsync.Operation{Type: dsync.Heartbeat})
	},
	"ProcessOperation": func(ctx context.Context, node *mocked) error {
		return node.ProcessOperation(ctx, dsync.Operation{Type: dsync.Clear, Origin: "b"})
	},
}

var _ = Describe("A refused operation", func() {
	var cache *notedCache
	var node *mocked
	BeforeEach(func() {
		cache = newNotedCache()
		node = nodeOnMock(on(cache))
	})
	// Nothing is told either, or the mock would have failed the spec.
	nothingHappened := func() {
		GinkgoHelper()
		Expect(cache.noted()).To(BeEmpty())
		Expect(node.Status().Pending).To(BeZero())
		Expect(node.Status().HistoryOperations).To(BeZero())
	}

	for method, call := range tellings {
		Context("by "+method, func() {
			It("names a context that is nil", func() {
				var none context.Context
				err := call(none, node)
				Expect(err).To(MatchError(coordination.ErrInvalidArgument))
				Expect(err).To(MatchError(ContainSubstring("ctx")))
				nothingHappened()
			})

			It("has the error of a context that is done", func(ctx SpecContext) {
				cancelled, cancel := context.WithCancel(ctx)
				cancel()
				Expect(call(cancelled, node)).To(MatchError(context.Canceled))
				expired, cancel := context.WithTimeout(ctx, 0)
				defer cancel()
				Expect(call(expired, node)).To(MatchError(context.DeadlineExceeded))
				nothingHappened()
			})

			It("has ErrClosed as its error after Run has ended", func(ctx SpecContext) {
				node.End()
				Expect(call(ctx, node)).To(MatchError(coordination.ErrClosed))
				nothingHappened()
			})

			if method == "NotifyOperation of a Heartbeat" {
				return // it waits for nobody's cache
			}
			It("has the error of a context that ends while another one is applied", func() {
				virtually(func(ctx context.Context) {
					release := make(chan struct{})
					cache.fails(func(context.Context, string) error { <-release; return nil })
					node := nodeOnMock(on(cache))
					node.publishes()
					first := make(chan error, 1)
					go func() { first <- node.Delete(ctx, "first") }()
					synctest.Wait()

					impatient, cancel := context.WithTimeout(ctx, time.Second)
					defer cancel()
					begun := time.Now()
					Expect(call(impatient, node)).To(MatchError(context.DeadlineExceeded))
					Expect(time.Since(begun)).To(Equal(time.Second))
					Expect(node.Status().Pending).To(Equal(1))
					close(release)
					Expect(<-first).To(Succeed())
					Expect(cache.noted()).To(Equal([]string{"Delete first"}))
					Expect(node.Status().Pending).To(BeZero())
				})
			})
		})
	}

	long := strings.Repeat("k", coordination.MaxNameLen+1)
	DescribeTable("names the argument that is no good, told by the node or to it",
		func(ctx SpecContext, name, _ string, operation dsync.Operation) {
			errs := []error{node.NotifyOperation(ctx, operation)}
			switch operation.Type {
			case dsync.Set:
				if name == "key" || name == "value" || name == "ttl" {
					errs = append(errs, node.Set(ctx, operation.Key, operation.Value, operation.TTL),
						node.SetAt(ctx, node.Begin(), operation.Key, operation.Value, operation.TTL))
				}
			case dsync.Delete:
				if name == "key" {
					errs = append(errs, node.Delete(ctx, operation.Key))
				}
			case dsync.InvalidatePattern:
				errs = append(errs, node.InvalidatePattern(ctx, operation.Key))
			}
			operation.Origin = "b"
			errs = append(errs, node.ProcessOperation(ctx, operation))
			for _, err := range errs {
				Expect(err).To(MatchError(coordination.ErrInvalidArgument))
				Expect(err).To(MatchError(ContainSubstring(" " + name + " ")))
			}
			nothingHappened()
		},
		func(name, what string, operation dsync.Operation) string {
			return fmt.Sprintf("such as the %s of a %s %s", name, operation.Type, what)
		},
		Entry(nil, "type", "that is missing", dsync.Operation{Key: "k"}),
		Entry(nil, "type", "that is unknown", dsync.Operation{Type: "Swap", Key: "k"}),
		Entry(nil, "key", "that is empty", dsync.Operation{Type: dsync.Set}),
		Entry(nil, "key", "that is too long", dsync.Operation{Type: dsync.Set, Key: long}),
		Entry(nil, "key", "that is empty", dsync.Operation{Type: dsync.Delete}),
		Entry(nil, "key", "that is too long", dsync.Operation{Type: dsync.Delete, Key: long}),
		Entry(nil, "pattern", "that is empty", dsync.Operation{Type: dsync.InvalidatePattern}),
		Entry(nil, "pattern", "that is too long", dsync.Operation{Type: dsync.InvalidatePattern, Key: long}),
		Entry(nil, "key", "that is too long", dsync.Operation{Type: dsync.Clear, Key: long}),
		Entry(nil, "value", "that is too long", dsync.Operation{Type: dsync.Set, Key: "k", Value: make([]byte, dsync.MaxValueLen+1)}),
		Entry(nil, "value", "that is too long", dsync.Operation{Type: dsync.Delete, Key: "k", Value: make([]byte, dsync.MaxValueLen+1)}),
		Entry(nil, "ttl", "below zero", dsync.Operation{Type: dsync.Set, Key: "k", TTL: -time.Second}),
		Entry(nil, "ttl", "that is too short", dsync.Operation{Type: dsync.Set, Key: "k", TTL: time.Millisecond - 1}),
		Entry(nil, "id", "that is no UTF-8", dsync.Operation{Type: dsync.Clear, ID: "\xff"}),
		Entry(nil, "id", "that is too long", dsync.Operation{Type: dsync.Clear, ID: long}),
		priorities(),
		Entry(nil, "stamp", "below zero", dsync.Operation{Type: dsync.Clear, Stamp: dsync.Stamp{Wall: -1}}),
		Entry(nil, "stamp", "that no JSON reader takes", dsync.Operation{Type: dsync.Clear, Stamp: dsync.Stamp{Wall: 1 << 53}}),
		Entry(nil, "stamp", "that is years ahead", dsync.Operation{Type: dsync.Clear, Stamp: dsync.Stamp{Wall: 1 << 52}}),
		Entry(nil, "timestamp", "that is years ahead", dsync.Operation{Type: dsync.Clear, Timestamp: time.UnixMicro(1 << 52)}),
		Entry(nil, "timestamp", "that has no form as text", dsync.Operation{Type: dsync.Clear, Timestamp: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}),
		Entry(nil, "timestamp", "before the first year", dsync.Operation{Type: dsync.Clear, Timestamp: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}),
	)

	It("names a lease that is of another node's, or of no Begin", func(ctx SpecContext) {
		for _, lease := range []dsync.Stamp{{}, past(1), nodeOnMock().Begin()} {
			err := node.SetAt(ctx, lease, "k", nil, 0)
			Expect(err).To(MatchError(coordination.ErrInvalidArgument))
			Expect(err).To(MatchError(ContainSubstring("lease")))
		}
		nothingHappened()
	})
})

// priorities are those out of bounds, which only an int of 64 bits can hold.
func priorities() []TableEntry {
	if strconv.IntSize < 64 {
		return nil
	}
	low, high := int64(math.MinInt32)-1, int64(math.MaxInt32)+1
	return []TableEntry{
		Entry(nil, "priority", "that is too low", dsync.Operation{Type: dsync.Clear, Priority: int(low)}),
		Entry(nil, "priority", "that is too high", dsync.Operation{Type: dsync.Clear, Priority: int(high)}),
	}
}
