package sync_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("The port's key store that fails", func() {
	var node *mocked
	BeforeEach(func() { node = nodeOnMock() })

	It("keeps a Set from being told, which returns the error", func(ctx SpecContext) {
		node.port.EXPECT().Set(gomock.Any(), "k", gomock.Any(), gomock.Any()).Return(errPort).Times(2)
		Expect(node.Set(ctx, "k", []byte("v"), 0)).To(MatchError(errPort))
		Expect(node.SetAt(ctx, node.Begin(), "k", []byte("v"), 0)).To(MatchError(errPort))
		Expect(node.Status().Pending).To(BeZero())
		Expect(node.Status().HistoryOperations).To(BeZero())
	})

	It("keeps nothing else from being told, which returns the error", func(ctx SpecContext) {
		node.publishes().Times(4)
		node.port.EXPECT().Delete(gomock.Any(), "k").Return(false, errPort)
		Expect(node.Delete(ctx, "k")).To(MatchError(errPort))
		node.port.EXPECT().Keys(gomock.Any(), "k*").Return(nil, errPort)
		Expect(node.InvalidatePattern(ctx, "k*")).To(MatchError(errPort))
		node.port.EXPECT().Keys(gomock.Any(), "l*").Return([]string{"l"}, nil)
		node.port.EXPECT().DeleteMany(gomock.Any(), "l").Return(0, errPort)
		Expect(node.InvalidatePattern(ctx, "l*")).To(MatchError(errPort))
		node.port.EXPECT().FlushAll(gomock.Any()).Return(errPort)
		Expect(node.Clear(ctx)).To(MatchError(errPort))
		Expect(node.told()).To(HaveLen(4))
		Expect(node.Status().CacheFailures).To(BeEquivalentTo(4))
	})

	It("is asked for no more than it was, since others write there too", func(ctx SpecContext) {
		node.port.EXPECT().Set(gomock.Any(), "k", gomock.Any(), gomock.Any()).Return(errPort)
		set := dsync.Operation{Type: dsync.Set, Key: "k", Origin: "b", Stamp: past(5)}
		Expect(node.ProcessOperation(ctx, set)).To(MatchError(errPort))
		Expect(node.ProcessOperation(ctx, set)).To(Succeed(), "it was applied")
		node.Mend(ctx)
	})
})

var _ = Describe("A Publish that fails", func() {
	It("has its error returned, and leaves the operation standing", func(ctx SpecContext) {
		cache := newNotedCache()
		node := nodeOnMock(on(cache))
		failed := node.publishes().Return(errPort)
		node.publishes().After(failed.Call)
		Expect(node.Set(ctx, "k", []byte("v"), 0)).To(MatchError(errPort))
		Expect(cache.held()).To(Equal(map[string]string{"k": "v"}))
		Expect(node.Status().PublishFailures).To(BeEquivalentTo(1))
		Expect(node.Status().Published).To(BeZero())
		Expect(node.Status().HistoryOperations).To(Equal(1))

		Expect(node.Set(ctx, "l", []byte("v"), 0)).To(Succeed())
		Expect(node.told()[1].Seq).To(BeEquivalentTo(2), "by which the others learn of the first")
	})

	It("has its error returned beside the cache's", func(ctx SpecContext) {
		cache := newNotedCache()
		cache.fails(ill)
		node := nodeOnMock(on(cache))
		node.publishes().Return(errPort)
		err := node.Delete(ctx, "k")
		Expect(err).To(MatchError(errPort))
		Expect(err).To(MatchError(errCache))
	})
})

var _ = Describe("A cache that fails", func() {
	var cache *notedCache
	var node *mocked
	BeforeEach(func() {
		cache = newNotedCache()
		node = nodeOnMock(on(cache), func(options *dsync.Options) { options.Recovery.Suspicion = dsync.TreatAsMiss })
		node.Prove()
	})
	// once fails each call that begins so, the first time.
	once := func(call string, fail func() error) {
		done := false
		cache.fails(func(_ context.Context, called string) error {
			if done || !strings.HasPrefix(called, call) {
				return nil
			}
			done = true
			return fail()
		})
	}
	process := func(ctx context.Context, operation dsync.Operation) error {
		operation.Origin = "b"
		return node.ProcessOperation(ctx, operation)
	}
	failures := map[string]func() error{
		"by an error": func() error { return errCache },
		"by a panic":  func() error { panic(errCache) },
	}

	for how, fail := range failures {
		Context(how, func() {
			It("keeps a Set from being told, and is to forget the key", func(ctx SpecContext) {
				once("Set", fail)
				err := node.Set(ctx, "k", []byte("v"), 0)
				Expect(err).To(MatchError(ContainSubstring("cache")))
				Expect(err).To(MatchError(ContainSubstring(errCache.Error())))
				Expect(cache.noted()).To(Equal([]string{"Set k v 0s", "Delete k"}))
				Expect(node.Status().CacheFailures).To(BeEquivalentTo(1))
				Expect(node.Status().Pending).To(BeZero())
				Expect(node.Readable()).To(BeTrue())
			})

			It("keeps nothing else from being told, and is to forget what it may hold by mistake", func(ctx SpecContext) {
				node.publishes().Times(3)
				once("Delete", fail)
				Expect(node.Delete(ctx, "k")).To(MatchError(ContainSubstring(errCache.Error())))
				once("InvalidatePattern", fail)
				Expect(node.InvalidatePattern(ctx, "k*")).To(MatchError(ContainSubstring(errCache.Error())))
				once("Clear", fail)
				Expect(node.Clear(ctx)).To(MatchError(ContainSubstring(errCache.Error())))
				Expect(cache.noted()).To(Equal([]string{
					"Delete k", "Delete k", "InvalidatePattern k*", "Clear", "Clear", "Clear",
				}))
				Expect(node.told()).To(HaveLen(3))
				Expect(node.Readable()).To(BeTrue())
			})

			It("has its failure returned by ProcessOperation, and the operation counts as applied", func(ctx SpecContext) {
				set := dsync.Operation{Type: dsync.Set, Key: "k", Value: []byte("v"), Stamp: past(5)}
				once("Set", fail)
				Expect(process(ctx, set)).To(MatchError(ContainSubstring(errCache.Error())))
				Expect(process(ctx, set)).To(Succeed())
				Expect(cache.noted()).To(Equal([]string{"Set k v 0s", "Delete k"}))
				Expect(node.Status().Applied).To(BeEquivalentTo(1))
			})
		})
	}

	It("is waited for no longer than a heartbeat interval, and then is to forget", func() {
		virtually(func(ctx context.Context) {
			cache.fails(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
			node = nodeOnMock(on(cache))
			node.publishes()
			begun := time.Now()
			Expect(node.Delete(ctx, "k")).To(MatchError(context.DeadlineExceeded))
			Expect(process(ctx, dsync.Operation{Type: dsync.Set, Key: "l"})).To(MatchError(context.DeadlineExceeded))
			Expect(node.Set(ctx, "m", nil, 0)).To(MatchError(context.DeadlineExceeded))
			Expect(time.Since(begun)).To(Equal(3 * dsync.DefaultHeartbeatInterval))
			cache.fails(nil)
			cache.noted()
			node.Mend(ctx)
			Expect(cache.noted()).To(ConsistOf("Delete k", "Delete l", "Delete m"))
		})
	})

	It("is asked to forget until it has", func(ctx SpecContext) {
		cache.fails(ill)
		for _, key := range []string{"k", "l"} {
			Expect(process(ctx, dsync.Operation{Type: dsync.Set, Key: key})).To(MatchError(errCache))
		}
		cache.noted()
		Expect(node.Readable()).To(BeFalse())
		node.Mend(ctx)
		Expect(cache.noted()).To(HaveLen(1), "one failure is enough for now")
		cache.fails(nil)
		node.Mend(ctx)
		Expect(cache.noted()).To(ConsistOf("Delete k", "Delete l"))
		Expect(node.Readable()).To(BeTrue())
		node.Mend(ctx)
		Expect(cache.noted()).To(BeEmpty())
	})

	It("is asked to forget everything until it has, where that is what it failed at", func(ctx SpecContext) {
		cache.fails(ill)
		Expect(process(ctx, dsync.Operation{Type: dsync.Set, Key: "k"})).To(MatchError(errCache))
		Expect(process(ctx, dsync.Operation{Type: dsync.InvalidatePattern, Key: "x*"})).To(MatchError(errCache))
		Expect(process(ctx, dsync.Operation{Type: dsync.Set, Key: "k"})).To(MatchError(errCache))
		cache.noted()
		node.Mend(ctx)
		Expect(cache.noted()).To(Equal([]string{"Clear"}))
		cache.fails(nil)
		Expect(process(ctx, dsync.Operation{Type: dsync.Set, Key: "l"})).To(Succeed())
		Expect(node.Readable()).To(BeFalse(), "it has not cleared yet")
		cache.noted()
		node.Mend(ctx)
		Expect(cache.noted()).To(Equal([]string{"Clear"}))
		Expect(node.Readable()).To(BeTrue())
	})

	It("need not forget a key any more that was set or deleted since", func(ctx SpecContext) {
		cache.fails(ill)
		for _, key := range []string{"k", "l", "m", "[n]"} {
			Expect(process(ctx, dsync.Operation{Type: dsync.Delete, Key: key})).To(MatchError(errCache))
		}
		cache.fails(nil)
		Expect(process(ctx, dsync.Operation{Type: dsync.Set, Key: "k"})).To(Succeed())
		Expect(process(ctx, dsync.Operation{Type: dsync.Delete, Key: "l"})).To(Succeed())
		Expect(process(ctx, dsync.Operation{Type: dsync.InvalidatePattern, Key: "[n]"})).To(Succeed())
		Expect(node.Readable()).To(BeFalse())
		cache.noted()
		node.Mend(ctx)
		Expect(cache.noted()).To(ConsistOf("Delete m", "Delete [n]"), "of which the pattern matches none")
		Expect(node.Readable()).To(BeTrue())
	})

	It("need not forget anything any more that was cleared since", func(ctx SpecContext) {
		cache.fails(ill)
		Expect(process(ctx, dsync.Operation{Type: dsync.Delete, Key: "k"})).To(MatchError(errCache))
		cache.fails(nil)
		Expect(process(ctx, dsync.Operation{Type: dsync.Clear})).To(Succeed())
		Expect(node.Readable()).To(BeTrue())
		cache.noted()
		node.Mend(ctx)
		Expect(cache.noted()).To(BeEmpty())
	})

	It("is to forget everything where the keys are too many to be told apart", func(ctx SpecContext) {
		cache.fails(ill)
		for i := range 1025 {
			Expect(process(ctx, dsync.Operation{Type: dsync.Delete, Key: fmt.Sprint(i)})).To(MatchError(errCache))
		}
		cache.fails(nil)
		cache.noted()
		node.Mend(ctx)
		Expect(cache.noted()).To(Equal([]string{"Clear"}))
	})

	It("does not wait to be mended longer than the context allows", func(ctx SpecContext) {
		cache.fails(ill)
		Expect(process(ctx, dsync.Operation{Type: dsync.Delete, Key: "k"})).To(MatchError(errCache))
		cache.noted()
		done, cancel := context.WithCancel(ctx)
		cancel()
		node.Mend(done)
		Expect(cache.noted()).To(BeEmpty())
	})
})

var _ = Describe("Operations that are lost for good", func() {
	var cache *notedCache
	BeforeEach(func() { cache = newNotedCache() })
	// after has a node hold a key, with settings, and gives up what is older than
	// floor.
	after := func(ctx context.Context, floor dsync.Stamp, set func(*dsync.Recovery)) *mocked {
		node := nodeOnMock(on(cache), func(options *dsync.Options) { set(&options.Recovery) })
		Expect(node.ProcessOperation(ctx, dsync.Operation{Type: dsync.Set, Key: "k", Value: []byte("v"), Origin: "b", Stamp: past(5)})).To(Succeed())
		cache.noted()
		Expect(node.WriteOff(ctx, floor)).To(BeTrue())
		return node
	}
	at := func(stamp dsync.Stamp) dsync.Operation {
		return dsync.Operation{Type: dsync.Set, Key: "l", Value: []byte("v"), Origin: "b", Stamp: stamp}
	}

	It("have the cache cleared, and what is as old refused", func(ctx SpecContext) {
		node := after(ctx, past(7), func(*dsync.Recovery) {})
		Expect(node.Status().CacheClears).To(BeEquivalentTo(1))
		Expect(node.ProcessOperation(ctx, at(past(6)))).To(Succeed())
		Expect(cache.noted()).To(Equal([]string{"Clear", "Delete l"}))
		Expect(node.ProcessOperation(ctx, at(past(8)))).To(Succeed())
		Expect(cache.held()).To(Equal(map[string]string{"l": "v"}))
	})

	It("have the cache reloaded, where the user can, and what is as old refused", func(ctx SpecContext) {
		reloads := 0
		node := after(ctx, past(7), func(recovery *dsync.Recovery) {
			recovery.Fallback = dsync.FallbackReload
			recovery.Reload = func(ctx context.Context) error {
				_, limited := ctx.Deadline()
				Expect(limited).To(BeTrue())
				reloads++
				return nil
			}
		})
		Expect(reloads).To(Equal(1))
		Expect(node.Status().CacheClears).To(BeZero())
		Expect(cache.noted()).To(BeEmpty())
		Expect(node.ProcessOperation(ctx, at(past(6)))).To(Succeed())
		Expect(cache.noted()).To(Equal([]string{"Delete l"}))
	})

	for how, reload := range map[string]func(context.Context) error{
		"fails":  func(context.Context) error { return errors.New("no") },
		"panics": func(context.Context) error { panic("no") },
	} {
		It("have the cache cleared where the reload "+how, func(ctx SpecContext) {
			node := after(ctx, past(7), func(recovery *dsync.Recovery) {
				recovery.Fallback, recovery.Reload = dsync.FallbackReload, reload
			})
			Expect(node.Status().CacheClears).To(BeEquivalentTo(1))
			Expect(cache.noted()).To(Equal([]string{"Clear"}))
		})
	}

	It("make nothing undone of a newer Clear", func(ctx SpecContext) {
		node := nodeOnMock(on(cache))
		Expect(node.ProcessOperation(ctx, dsync.Operation{Type: dsync.Clear, Origin: "b", Stamp: past(9)})).To(Succeed())
		Expect(node.WriteOff(ctx, past(5))).To(BeTrue())
		cache.noted()
		Expect(node.ProcessOperation(ctx, dsync.Operation{Type: dsync.Clear, Origin: "b", Stamp: past(7)})).To(Succeed())
		Expect(node.ProcessOperation(ctx, at(past(8)))).To(Succeed())
		Expect(cache.noted()).To(Equal([]string{"Delete l"}))
	})

	It("are ignored where that is wanted", func(ctx SpecContext) {
		node := after(ctx, past(7), func(recovery *dsync.Recovery) { recovery.Fallback = dsync.FallbackIgnore })
		Expect(node.ProcessOperation(ctx, at(past(6)))).To(Succeed())
		Expect(cache.noted()).To(Equal([]string{"Set l v 0s"}))
	})
})
