package sync_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

// treatAsMiss has readers told not to read while something is missed.
func treatAsMiss(_ *dsync.Config, options *dsync.Options) {
	options.Recovery.Suspicion = dsync.TreatAsMiss
}

// misbehaviour is a way in which a call of a cache comes to nothing.
type misbehaviour struct {
	manner string
	call   func(ctx context.Context) error
}

var misbehaviours = []misbehaviour{
	{"returns an error", func(context.Context) error { return errors.New("out of order") }},
	{"panics", func(context.Context) error { panic("out of order") }},
	{"blocks until its context is done", block},
}

func block(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// at has the calls of a cache that begin so come to nothing.
func (m misbehaviour) at(prefix string, c *scriptedCache) {
	c.on(func(ctx context.Context, call string) error {
		if strings.HasPrefix(call, prefix) {
			return m.call(ctx)
		}
		return nil
	})
}

var _ = Describe("A cache that fails at what another node tells", Label("running"), func() {
	for _, misbehaves := range misbehaviours {
		Context("as it "+misbehaves.manner, func() {
			It("is told to forget the key of a Set", func() {
				virtually(func(ctx context.Context) {
					n := perform(ctx, treatAsMiss)
					b := n.port.peer("b", younger)
					b.tells(b.sets("key", "1"))
					misbehaves.at("Set", n.cache)
					b.tells(b.sets("key", "2"))
					n.after(2 * scriptBeat)
					Expect(n.told(dsync.CacheFailed)).To(HaveExactElements(HaveField("Err", MatchError(HavePrefix("cache: ")))))
					Expect(n.Status().CacheFailures).To(Equal(uint64(1)))
					Expect(n.Status().Applied).To(Equal(uint64(2)))
					Expect(n.cache.held()).To(BeEmpty())
					Expect(n.Readable()).To(BeTrue())
					b.beats()
					n.cache.on(nil)
					b.tells(b.sets("key", "3"))
					Expect(n.cache.held()).To(Equal(map[string]string{"key": "3"}))
					Expect(n.finish()).To(Succeed())
				})
			})

			It("is told again, in each interval, until it has forgotten", func() {
				virtually(func(ctx context.Context) {
					n := perform(ctx, treatAsMiss)
					b := n.port.peer("b", younger)
					b.tells(b.sets("key", "1"))
					misbehaves.at("Delete", n.cache)
					b.tells(b.operation(dsync.Delete, "key", ""))
					n.after(5 * scriptBeat)
					Expect(n.Readable()).To(BeFalse())
					Expect(n.Status().CacheFailures).To(Equal(uint64(1)), "what was repaired in vain is no new failure")
					n.cache.on(nil)
					n.after(2 * scriptBeat)
					Expect(n.cache.held()).To(BeEmpty())
					Expect(n.Readable()).To(BeTrue())
					Expect(n.finish()).To(Succeed())
				})
			})

			It("is told to forget everything after an invalidation", func() {
				virtually(func(ctx context.Context) {
					n := perform(ctx, treatAsMiss)
					b := n.port.peer("b", younger)
					b.tells(b.sets("key", "1"), b.sets("other", "1"))
					misbehaves.at("Invalidate", n.cache)
					b.tells(b.operation(dsync.InvalidatePattern, "k*", ""))
					n.after(2 * scriptBeat)
					Expect(n.cache.held()).To(BeEmpty())
					Expect(n.Readable()).To(BeTrue())
					Expect(n.finish()).To(Succeed())
				})
			})

			It("is cleared later where it could not be", func() {
				virtually(func(ctx context.Context) {
					n := perform(ctx, treatAsMiss)
					b := n.port.peer("b", younger)
					b.tells(b.sets("key", "1"))
					misbehaves.at("Clear", n.cache)
					b.tells(b.operation(dsync.Clear, "", ""))
					b.tells(b.sets("newer", "1"))
					n.after(3 * scriptBeat)
					Expect(n.Readable()).To(BeFalse())
					n.cache.on(nil)
					n.after(2 * scriptBeat)
					Expect(n.cache.held()).To(BeEmpty())
					Expect(n.Readable()).To(BeTrue())
					Expect(n.finish()).To(Succeed())
				})
			})

			It("is cleared later where it could not be for a node that was met", func() {
				virtually(func(ctx context.Context) {
					n := perform(ctx, treatAsMiss)
					Expect(n.Set(ctx, "key", []byte("1"), 0)).To(Succeed())
					misbehaves.at("Clear", n.cache)
					n.port.peer("b", older).beats()
					n.after(3 * scriptBeat)
					Expect(n.cache.held()).To(HaveKey("key"))
					Expect(n.Readable()).To(BeFalse())
					n.cache.on(nil)
					n.after(2 * scriptBeat)
					Expect(n.cache.held()).To(BeEmpty())
					Expect(n.finish()).To(Succeed())
				})
			})

			It("has ProcessOperation say so", func() {
				virtually(func(ctx context.Context) {
					n := perform(ctx)
					misbehaves.at("Set", n.cache)
					err := n.ProcessOperation(ctx, dsync.Operation{Type: dsync.Set, Key: "key", Origin: "b"})
					Expect(err).To(MatchError(ContainSubstring("process Set \"key\": cache: ")))
					Expect(n.finish()).To(Succeed())
				})
			})
		})
	}

	It("is cleared where it has more keys to forget than are told apart", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.beats()
			misbehaviours[0].at("", n.cache)
			for i := range 1025 {
				b.tells(b.operation(dsync.Delete, fmt.Sprint(i), ""))
			}
			n.cache.on(nil)
			n.cache.took()
			n.after(scriptBeat)
			Expect(n.cache.took()).To(Equal([]string{"Clear"}))
			b.tells(b.operation(dsync.Delete, "key", ""))
			Expect(n.cache.took()).To(Equal([]string{"Delete key"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("holds up what others tell by an interval at the most for each message", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			misbehaviour{call: block}.at("Set slow", n.cache)
			b.tells(b.sets("slow1", ""), b.sets("slow2", ""), b.sets("slow3", ""))
			b.tells(b.sets("key", "value"))
			n.at(scriptBeat - 1)
			Expect(n.cache.held()).To(BeEmpty())
			n.at(scriptBeat)
			Expect(n.cache.held()).To(Equal(map[string]string{"key": "value"}))
			Expect(n.Status().CacheFailures).To(Equal(uint64(3)))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("holds up an operation of the node's own by an interval at the most", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			misbehaviour{call: block}.at("", n.cache)
			began := time.Now()
			Expect(n.Delete(ctx, "key")).To(MatchError(context.DeadlineExceeded))
			Expect(time.Since(began)).To(Equal(scriptBeat))
			Expect(textsOf(n.port.called("Publish"))).To(ContainElement("Publish 1 Delete key"))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("holds up the end of Run no longer than its context", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			misbehaviour{call: block}.at("", n.cache)
			b.tells(b.sets("key", "value"))
			b.tells(b.sets("key", "value"))
			synctest.Wait()
			began := time.Now()
			Expect(n.finish()).To(Succeed())
			Expect(time.Since(began)).To(BeZero())
		})
	})
})
