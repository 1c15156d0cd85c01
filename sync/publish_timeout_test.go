package sync_test

import (
	"context"
	"runtime"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// publishWithin sets Options.PublishTimeout.
func publishWithin(timeout time.Duration) setting {
	return func(_ *dsync.Config, options *dsync.Options) { options.PublishTimeout = timeout }
}

var _ = Describe("A backend that does not answer", Label("running"), func() {
	const timeout = 200 * time.Millisecond

	It("holds up an operation for PublishTimeout; it stands, and is sent when the backend answers", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, publishWithin(timeout))
			n.port.hangs("Publish")
			began := time.Now()
			err := n.Delete(ctx, "key")
			Expect(err).To(MatchError(dsync.ErrDelayed))
			Expect(err).To(MatchError(context.DeadlineExceeded))
			Expect(time.Since(began)).To(Equal(timeout))
			Expect(n.cache.took()).To(Equal([]string{"Delete key"}))
			Expect(n.Status().Pending).To(Equal(1))
			n.port.on("Publish", nil)
			n.at(2 * scriptBeat)
			Expect(n.Status().Pending).To(BeZero())
			Expect(textsOf(n.port.called("Publish"))).To(ContainElement("Publish 1 Delete key"))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("holds up an operation no longer than the caller's context", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, publishWithin(timeout))
			n.port.hangs("Publish")
			short, cancel := context.WithTimeout(ctx, timeout/4)
			defer cancel()
			began := time.Now()
			Expect(n.Delete(short, "key")).To(MatchError(dsync.ErrDelayed))
			Expect(time.Since(began)).To(Equal(timeout / 4))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("holds up an operation that finds the queue full for PublishTimeout; it changes nothing", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, publishWithin(timeout), func(_ *dsync.Config, options *dsync.Options) {
				options.Limits.QueueOperations = 1
			})
			n.port.hangs("Publish")
			Expect(n.Delete(ctx, "first")).To(MatchError(dsync.ErrDelayed))
			n.cache.took()
			began := time.Now()
			err := n.Delete(ctx, "second")
			Expect(err).To(MatchError(dsync.ErrQueueFull))
			Expect(err).NotTo(MatchError(dsync.ErrDelayed))
			Expect(time.Since(began)).To(Equal(timeout))
			Expect(n.cache.took()).To(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("does not use up PublishTimeout while the cache takes its time", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, publishWithin(timeout))
			misbehaviour{call: func(context.Context) error { time.Sleep(2 * timeout); return nil }}.at("Delete", n.cache)
			Expect(n.Delete(ctx, "key")).To(Succeed())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that fails is reported as ErrDelayed with its error", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, publishWithin(timeout))
			n.port.fails(coordination.ErrUnavailable, "Publish")
			err := n.Delete(ctx, "key")
			Expect(err).To(MatchError(dsync.ErrDelayed))
			Expect(err).To(MatchError(coordination.ErrUnavailable))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that was closed is reported as such", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, publishWithin(timeout))
			n.port.fails(coordination.ErrClosed, "Publish")
			err := n.Delete(ctx, "key")
			Expect(err).To(MatchError(coordination.ErrClosed))
			Expect(err).NotTo(MatchError(dsync.ErrDelayed))
			_ = n.finish()
		})
	})
})

var _ = Describe("A negative PublishTimeout", Label("running"), func() {
	It("returns at once, and Run sends what is queued", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, publishWithin(-1))
			n.port.on("Publish", func(context.Context) error {
				time.Sleep(70 * time.Millisecond)
				return nil
			})
			began := time.Now()
			for _, key := range []string{"a", "b", "c"} {
				Expect(n.Delete(ctx, key)).To(Succeed())
			}
			Expect(time.Since(began)).To(BeZero())
			n.after(200 * time.Millisecond)
			Expect(n.Status().Pending).To(BeZero())
			Expect(n.Status().Published).To(Equal(uint64(3)))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("sends nothing twice when a heartbeat is sent between", func() {
		virtually(func(ctx context.Context) {
			const publishing = 70 * time.Millisecond
			n := perform(ctx, publishWithin(-1))
			n.port.on("Publish", func(context.Context) error {
				time.Sleep(publishing)
				return nil
			})
			n.at(scriptBeat - publishing/2)
			Expect(n.Delete(ctx, "a")).To(Succeed())
			n.at(scriptBeat - publishing/4)
			Expect(n.Delete(ctx, "b")).To(Succeed()) // which the heartbeat sends, that is next in line
			n.at(scriptBeat + 4*publishing)
			Expect(textsOf(n.port.called("Publish"))[1:]).To(Equal([]string{"Publish 1 Delete a", "Publish 2 Delete b", "Publish heartbeat 2 last 2"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("returns ErrQueueFull at once when the queue is full", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, publishWithin(-1), func(_ *dsync.Config, options *dsync.Options) {
				options.Limits.QueueOperations = 1
			})
			n.port.hangs("Publish")
			Expect(n.Delete(ctx, "first")).To(Succeed())
			began := time.Now()
			Expect(n.Delete(ctx, "second")).To(MatchError(dsync.ErrQueueFull))
			Expect(time.Since(began)).To(BeZero())
			n.port.on("Publish", nil)
			n.after(2 * scriptBeat)
			Expect(n.Status().Published).To(Equal(uint64(1)))
			Expect(n.finish()).To(Succeed())
		})
	})
})

var _ = Describe("A mock that ends a goroutine", Label("running"), func() {
	DescribeTable("ends Run with an error", func(method string) {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			n.port.on(method, func(context.Context) error { runtime.Goexit(); return nil })
			n.runs(ctx)
			n.after(scriptBeat)
			Expect(n.ended).To(Receive(MatchError(ContainSubstring("runtime.Goexit"))))
		})
	},
		Entry("that subscribes", "Subscribe"),
		Entry("that publishes", "Publish"),
		Entry("that registers", "RegisterNode"),
		Entry("that sends heartbeats", "Heartbeat"),
	)

	It("ends Run also when it is the observer", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort(), func(_ *dsync.Config, options *dsync.Options) {
				options.Observe = func(dsync.Event) { runtime.Goexit() }
			})
			n.port.fails(coordination.ErrUnavailable, "Publish")
			n.runs(ctx)
			n.after(scriptBeat)
			Expect(n.ended).To(Receive(MatchError(ContainSubstring("runtime.Goexit"))))
		})
	})
})

var _ = Describe("Values that callers hand over", Label("operations"), func() {
	It("are copied", func(ctx SpecContext) {
		cache := newNotedCache()
		node := nodeOnMock(on(cache))
		node.publishes()
		value := []byte("told")
		Expect(node.Set(ctx, "a", value, 0)).To(Succeed())
		Expect(node.ProcessOperation(ctx, dsync.Operation{Type: dsync.Set, Key: "b", Value: value, Origin: "b"})).To(Succeed())
		copy(value, "xxxx")
		Expect(cache.held()).To(Equal(map[string]string{"a": "told", "b": "told"}))
		Expect(string(node.told()[0].Value)).To(Equal("told"))
	})
})
