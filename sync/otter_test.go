package sync_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

var _ = Describe("The otter cache of the examples", func() {
	// in runs body with a cache in virtual time.
	in := func(body func(ctx context.Context, cache otterCache)) {
		GinkgoHelper()
		virtually(func(ctx context.Context) {
			cache := newOtterCache(64 << 20)
			defer cache.Close()
			body(ctx, cache)
		})
	}
	holds := func(cache otterCache, key string) bool {
		_, found := cache.Get(key)
		return found
	}

	It("keeps a value until its time to live ends, and no longer", func() {
		in(func(ctx context.Context, cache otterCache) {
			Expect(cache.Set(ctx, "a", []byte("1"), 1500*time.Millisecond)).To(Succeed())
			time.Sleep(1500*time.Millisecond - time.Nanosecond)
			value, found := cache.Get("a")
			Expect(found).To(BeTrue())
			Expect(value).To(Equal([]byte("1")))
			time.Sleep(time.Nanosecond)
			Expect(holds(cache, "a")).To(BeFalse())
		})
	})

	It("counts the time to live of the newest write", func() {
		in(func(ctx context.Context, cache otterCache) {
			Expect(cache.Set(ctx, "longer", []byte("1"), time.Second)).To(Succeed())
			Expect(cache.Set(ctx, "longer", []byte("2"), 0)).To(Succeed())
			Expect(cache.Set(ctx, "shorter", []byte("1"), 0)).To(Succeed())
			Expect(cache.Set(ctx, "shorter", []byte("2"), time.Second)).To(Succeed())
			time.Sleep(time.Second)
			Expect(holds(cache, "longer")).To(BeTrue())
			Expect(holds(cache, "shorter")).To(BeFalse())
		})
	})

	It("keeps an empty value", func() {
		in(func(ctx context.Context, cache otterCache) {
			Expect(cache.Set(ctx, "a", []byte{}, 0)).To(Succeed())
			Expect(holds(cache, "a")).To(BeTrue())
		})
	})

	It("forgets the one key that it is told to, or none", func() {
		in(func(ctx context.Context, cache otterCache) {
			for _, key := range []string{"a", "b"} {
				Expect(cache.Set(ctx, key, nil, 0)).To(Succeed())
			}
			Expect(cache.Delete(ctx, "a")).To(Succeed())
			Expect(cache.Delete(ctx, "missing")).To(Succeed())
			Expect(holds(cache, "a")).To(BeFalse())
			Expect(holds(cache, "b")).To(BeTrue())
		})
	})

	It("forgets every key that a pattern matches and no other", func() {
		in(func(ctx context.Context, cache otterCache) {
			keys := make([]string, 5_000)
			random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 0))
			for i := range keys {
				keys[i] = fmt.Sprintf("%c:%d", 'a'+rune(random.IntN(4)), i)
				Expect(cache.Set(ctx, keys[i], nil, 0)).To(Succeed())
			}
			for _, pattern := range []string{"missing", keys[7], "a:*", "[bc]:*1", "?:?"} {
				Expect(cache.InvalidatePattern(ctx, pattern)).To(Succeed())
				kept := keys[:0]
				for _, key := range keys {
					gone := coordination.Match(pattern, key)
					Expect(holds(cache, key)).NotTo(Equal(gone), "%s after %s", key, pattern)
					if !gone {
						kept = append(kept, key)
					}
				}
				keys = kept
			}
		})
	})

	It("ends the search for a pattern with its context", func() {
		in(func(ctx context.Context, cache otterCache) {
			Expect(cache.Set(ctx, "a", nil, 0)).To(Succeed())
			done, cancel := context.WithCancel(ctx)
			cancel()
			Expect(cache.InvalidatePattern(done, "*")).To(MatchError(context.Canceled))
		})
	})

	It("forgets everything", func() {
		in(func(ctx context.Context, cache otterCache) {
			for i := range 5_000 {
				Expect(cache.Set(ctx, fmt.Sprint(i), nil, 0)).To(Succeed())
			}
			Expect(cache.Clear(ctx)).To(Succeed())
			for i := range 5_000 {
				Expect(holds(cache, fmt.Sprint(i))).To(BeFalse())
			}
		})
	})

	It("is read while it is written, and what a reader sees was written", func(ctx SpecContext) {
		cache := newOtterCache(1 << 20)
		defer cache.Close()
		var readers sync.WaitGroup
		defer readers.Wait()
		done := make(chan struct{})
		defer close(done)
		wrong := make(chan string, 1)
		for range 4 {
			readers.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					if value, found := cache.Get("a"); found && len(value) != 64 {
						select {
						case wrong <- string(value):
						default:
						}
					}
				}
			})
		}
		value := make([]byte, 64)
		for i := range 10_000 {
			Expect(cache.Set(ctx, "a", value, time.Duration(i%2)*time.Hour)).To(Succeed())
			if i%10 == 0 {
				Expect(cache.InvalidatePattern(ctx, "a*")).To(Succeed())
			}
		}
		Expect(wrong).NotTo(Receive())
	})
})
