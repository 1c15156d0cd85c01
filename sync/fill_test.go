package sync_test

import (
	"context"
	"fmt"
	"runtime"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// rejecting is a ConsensusManager that applies nothing.
type rejecting struct{}

func (rejecting) Decide(dsync.Operation, dsync.Conflict) (bool, string) { return false, "on principle" }

var _ = Describe("Fill", Label("operations"), func() {
	var cache *notedCache
	var node *mocked
	BeforeEach(func() { // on a port that fails the spec if anything is published
		cache = newNotedCache()
		node = nodeOnMock(on(cache), func(options *dsync.Options) { options.Limits.Keys = 3 })
	})
	process := func(ctx context.Context, operation dsync.Operation) {
		GinkgoHelper()
		operation.Origin = "b"
		Expect(node.ProcessOperation(ctx, operation)).To(Succeed())
	}

	It("stores a loaded value on this node, and publishes nothing", func(ctx SpecContext) {
		Expect(node.Fill(ctx, node.Begin(), "k", []byte("v"), time.Minute)).To(Succeed())
		Expect(cache.noted()).To(Equal([]string{"Set k v 1m0s"}))
		Expect(node.Status().Pending).To(BeZero())
		Expect(node.Status().HistoryOperations).To(BeZero())
	})

	It("copies the value", func(ctx SpecContext) {
		value := []byte("v")
		Expect(node.Fill(ctx, node.Begin(), "k", value, 0)).To(Succeed())
		value[0] = 'x'
		Expect(cache.held()).To(Equal(map[string]string{"k": "v"}))
	})

	DescribeTable("refuses a value whose load an operation overtook", func(ctx SpecContext, during dsync.Operation) {
		lease := node.Begin()
		process(ctx, during)
		cache.noted()
		Expect(node.Fill(ctx, lease, "k", []byte("loaded"), 0)).To(MatchError(dsync.ErrRejected))
		Expect(node.FillFunc(ctx, lease, "k", func(context.Context) error { panic("stored") })).To(MatchError(dsync.ErrRejected))
		Expect(cache.noted()).To(BeEmpty())
		Expect(node.Status().Rejected).To(BeEquivalentTo(2))
	},
		Entry("a Delete", dsync.Operation{Type: dsync.Delete, Key: "k"}),
		Entry("a Set", dsync.Operation{Type: dsync.Set, Key: "k"}),
		Entry("an InvalidatePattern that covers the key", dsync.Operation{Type: dsync.InvalidatePattern, Key: "k*"}),
		Entry("a Clear", dsync.Operation{Type: dsync.Clear}),
		Entry("an older Clear that comes late", dsync.Operation{Type: dsync.Clear, Stamp: past(5)}),
	)

	It("refuses a value that is older than a newer operation on its key, whenever that came", func(ctx SpecContext) {
		ahead := dsync.Stamp{Wall: time.Now().Add(time.Hour).UnixMicro()}
		lease := node.Begin()
		process(ctx, dsync.Operation{Type: dsync.Delete, Key: "k", Stamp: ahead})
		Expect(node.Fill(ctx, lease, "k", nil, 0)).To(MatchError(dsync.ErrRejected))
		Expect(node.Fill(ctx, node.Begin(), "k", nil, 0)).To(Succeed())
	})

	It("refuses what the ConsensusManager rejects", func(ctx SpecContext) {
		node := nodeOnMock(on(cache), func(options *dsync.Options) { options.Consensus = rejecting{} })
		err := node.Fill(ctx, node.Begin(), "k", nil, 0)
		Expect(err).To(MatchError(dsync.ErrRejected))
		Expect(err).To(MatchError(ContainSubstring("on principle")))
		Expect(cache.noted()).To(BeEmpty())
	})

	It("has a filled value deleted like any other", func(ctx SpecContext) {
		Expect(node.Fill(ctx, node.Begin(), "k", []byte("v"), 0)).To(Succeed())
		process(ctx, dsync.Operation{Type: dsync.Delete, Key: "k"})
		Expect(cache.held()).To(BeEmpty())
	})

	It("lets no older Set of another node replace a filled value", func(ctx SpecContext) {
		Expect(node.Fill(ctx, node.Begin(), "k", []byte("new"), 0)).To(Succeed())
		process(ctx, dsync.Operation{Type: dsync.Set, Key: "k", Value: []byte("old"), Stamp: past(5)})
		Expect(cache.held()).To(Equal(map[string]string{"k": "new"}))
	})

	It("fills more keys than Limits.Keys, and refuses only loads that as many others overtook", func(ctx SpecContext) {
		slow := node.Begin()
		for i := range 10 {
			Expect(node.Fill(ctx, node.Begin(), fmt.Sprint(i), nil, 0)).To(Succeed())
		}
		Expect(cache.held()).To(HaveLen(10))
		Expect(node.Fill(ctx, slow, "slow", nil, 0)).To(MatchError(dsync.ErrRejected))
		Expect(node.Fill(ctx, node.Begin(), "slow", nil, 0)).To(Succeed())
	})

	It("tells the cache to delete a key whose store failed, panicked, or ended the goroutine", func(ctx SpecContext) {
		for _, fail := range []func(context.Context) error{
			func(context.Context) error { return errCache },
			func(context.Context) error { panic(errCache) },
		} {
			Expect(node.FillFunc(ctx, node.Begin(), "k", fail)).To(MatchError(ContainSubstring(errCache.Error())))
			Expect(cache.noted()).To(Equal([]string{"Delete k"}))
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = node.FillFunc(ctx, node.Begin(), "k", func(context.Context) error { runtime.Goexit(); return nil })
		}()
		<-ended
		node.Mend(ctx)
		Expect(cache.noted()).To(Equal([]string{"Delete k"}))
		Expect(node.Fill(ctx, node.Begin(), "k", nil, 0)).To(Succeed())
	})

	It("calls store with a context that ends with the caller's", func(ctx SpecContext) {
		type key struct{}
		caller, cancel := context.WithCancel(context.WithValue(ctx, key{}, "value"))
		err := node.FillFunc(caller, node.Begin(), "k", func(ctx context.Context) error {
			Expect(ctx.Value(key{})).To(Equal("value"))
			cancel()
			<-ctx.Done()
			return ctx.Err()
		})
		Expect(err).To(MatchError(context.Canceled))
	})

	DescribeTable("refuses bad arguments and changes nothing", func(ctx SpecContext, argument string, fill func(context.Context) error) {
		err := fill(ctx)
		Expect(err).To(MatchError(coordination.ErrInvalidArgument))
		Expect(err).To(MatchError(ContainSubstring(argument)))
		Expect(cache.noted()).To(BeEmpty())
	},
		Entry("a lease that is not of Begin", "lease", func(ctx context.Context) error { return node.Fill(ctx, dsync.Stamp{}, "k", nil, 0) }),
		Entry("the same, for FillFunc", "lease", func(ctx context.Context) error {
			return node.FillFunc(ctx, past(1), "k", func(context.Context) error { return nil })
		}),
		Entry("no key", "key", func(ctx context.Context) error { return node.Fill(ctx, node.Begin(), "", nil, 0) }),
		Entry("no key, for FillFunc", "key", func(ctx context.Context) error {
			return node.FillFunc(ctx, node.Begin(), "", func(context.Context) error { return nil })
		}),
		Entry("no store", "store", func(ctx context.Context) error { return node.FillFunc(ctx, node.Begin(), "k", nil) }),
		Entry("a TTL below zero", "ttl", func(ctx context.Context) error { return node.Fill(ctx, node.Begin(), "k", nil, -1) }),
		Entry("no cache", "Options.Cache", func(ctx context.Context) error {
			shared := nodeOnMock()
			return shared.Fill(ctx, shared.Begin(), "k", nil, 0)
		}),
	)

	It("returns the error of a context that is done, or ends while another operation is applied", func(ctx SpecContext) {
		done, cancel := context.WithCancel(ctx)
		cancel()
		Expect(node.Fill(done, node.Begin(), "k", nil, 0)).To(MatchError(context.Canceled))
		virtually(func(ctx context.Context) {
			node := nodeOnMock(on(cache))
			waiting, stop := context.WithCancel(ctx)
			err := node.FillFunc(ctx, node.Begin(), "k", func(context.Context) error {
				fill := make(chan error)
				go func() { fill <- node.Fill(waiting, node.Begin(), "l", nil, 0) }()
				synctest.Wait()
				stop()
				return <-fill
			})
			Expect(err).To(MatchError(context.Canceled))
		})
	})

	It("returns ErrClosed after Run has ended", func(ctx SpecContext) {
		node.End()
		Expect(node.Fill(ctx, node.Begin(), "k", nil, 0)).To(MatchError(coordination.ErrClosed))
	})
})
