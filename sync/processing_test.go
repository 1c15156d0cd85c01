package sync_test

import (
	"context"
	"errors"
	"math"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("ProcessOperation", Label("running"), func() {
	set := func(value string) dsync.Operation {
		return dsync.Operation{Type: dsync.Set, Key: "key", Value: []byte(value), Origin: "b"}
	}

	It("applies an operation, before Run as well, with no call of the port", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			Expect(n.ProcessOperation(ctx, set("value"))).To(Succeed())
			Expect(n.cache.took()).To(Equal([]string{"Set key=value 0s"}))
			Expect(n.Status().Applied).To(Equal(uint64(1)))
			Expect(n.port.took()).To(BeEmpty())
		})
	})

	It("takes one without Stamp for as old as its Timestamp, and without that for new", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			Expect(n.ProcessOperation(ctx, set("new"))).To(Succeed())
			old := set("old")
			old.Timestamp = time.Now().Add(-time.Second)
			Expect(n.ProcessOperation(ctx, old)).To(Succeed())
			Expect(n.cache.held()).To(HaveKeyWithValue("key", "new"))
			stamped := set("stamped")
			stamped.Timestamp = old.Timestamp
			stamped.Stamp.Wall = time.Now().Add(time.Second).UnixMicro()
			Expect(n.ProcessOperation(ctx, stamped)).To(Succeed())
			Expect(n.cache.held()).To(HaveKeyWithValue("key", "stamped"))
			Expect(n.ProcessOperation(ctx, set("newest"))).To(Succeed())
			Expect(n.cache.held()).To(HaveKeyWithValue("key", "newest"))
		})
	})

	It("has the greater Priority win a tie", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			at := time.Now()
			for _, priority := range []int{1, 3, 2} {
				operation := set(string(rune('0' + priority)))
				operation.Timestamp, operation.Priority = at, priority
				Expect(n.ProcessOperation(ctx, operation)).To(Succeed())
			}
			Expect(n.cache.held()).To(HaveKeyWithValue("key", "3"))
		})
	})

	It("follows the numbers of one that has them", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			operation := set("value")
			operation.Epoch, operation.Seq = younger, 3
			Expect(n.ProcessOperation(ctx, operation)).To(Succeed())
			Expect(n.ProcessOperation(ctx, operation)).To(Succeed())
			Expect(n.Status().Applied).To(Equal(uint64(1)))
			n.after(grace)
			Expect(n.requested()).To(Equal([]string{"Publish :b request [[1 2]]"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("takes a Heartbeat for a sign of life", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			heartbeat := dsync.Operation{Type: dsync.Heartbeat, Origin: "b", Epoch: younger, Seq: 1, Timestamp: time.Now()}
			for range 20 {
				Expect(n.ProcessOperation(ctx, heartbeat)).To(Succeed())
			}
			Expect(n.Status().ActiveNodes).To(Equal([]string{"b", "self"}))
			n.after(grace)
			Expect(n.requested()).To(Equal([]string{"Publish :b request [[1 1]]"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("changes nothing for an operation of the node's own", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.isDeaf(true)
			for _, epoch := range []uint64{0, n.epoch()} {
				Expect(n.ProcessOperation(ctx, dsync.Operation{
					Type: dsync.Set, Key: "key", Origin: "self", Epoch: epoch, Seq: epoch})).To(Succeed())
				Expect(n.ProcessOperation(ctx, dsync.Operation{
					Type: dsync.Heartbeat, Origin: "self", Epoch: epoch})).To(Succeed())
			}
			Expect(n.cache.took()).To(BeEmpty())
			Expect(n.Status().Lag).To(BeZero())
			Expect(n.Status().DuplicateNodeID).To(BeFalse())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("applies one of a namesake's", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			operation := set("value")
			operation.Origin, operation.Epoch, operation.Seq = "self", younger, 1
			Expect(n.ProcessOperation(ctx, operation)).To(Succeed())
			Expect(n.cache.held()).To(HaveKey("key"))
			Expect(n.finish()).To(Succeed())
		})
	})

	DescribeTable("refuses what nobody can have meant, and changes nothing",
		func(spoil func(*dsync.Operation)) {
			virtually(func(ctx context.Context) {
				n := newScriptedNode(newScriptedPort())
				operation := set("value")
				spoil(&operation)
				Expect(n.ProcessOperation(ctx, operation)).To(MatchError(coordination.ErrInvalidArgument))
				Expect(n.cache.took()).To(BeEmpty())
				Expect(n.Status()).To(Equal(newScriptedNode(newScriptedPort()).Status()))
			})
		},
		Entry("an unknown type", func(o *dsync.Operation) { o.Type = "Increment" }),
		Entry("no key", func(o *dsync.Operation) { o.Key = "" }),
		Entry("no origin", func(o *dsync.Operation) { o.Origin = "" }),
		Entry("an origin that is no UTF-8", func(o *dsync.Operation) { o.Origin = "\xff" }),
		Entry("an epoch without a number", func(o *dsync.Operation) { o.Epoch = 1 }),
		Entry("a number without an epoch", func(o *dsync.Operation) { o.Seq = 1 }),
		Entry("a number that is too great", func(o *dsync.Operation) { o.Epoch, o.Seq = 1, 1<<53 }),
		Entry("a stamp before its time", func(o *dsync.Operation) { o.Stamp.Wall = -1 }),
		Entry("a stamp that is too great", func(o *dsync.Operation) { o.Stamp.Wall = math.MaxInt64 }),
		Entry("a stamp that is years ahead", func(o *dsync.Operation) { o.Stamp.Wall = time.Now().AddDate(11, 0, 0).UnixMicro() }),
		Entry("a timestamp that is years ahead", func(o *dsync.Operation) { o.Timestamp = time.Now().AddDate(11, 0, 0) }),
		Entry("a timestamp before its time", func(o *dsync.Operation) { o.Timestamp = time.Unix(-1, 0) }),
	)

	It("refuses a nil context, and one that is done", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			var none context.Context
			Expect(n.ProcessOperation(none, set("value"))).To(MatchError(coordination.ErrInvalidArgument))
			done, cancel := context.WithCancel(ctx)
			cancel()
			Expect(n.ProcessOperation(done, set("value"))).To(MatchError(context.Canceled))
			Expect(n.cache.took()).To(BeEmpty())
		})
	})

	It("waits for the cache no longer than its context, and can then be called again", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			goOn := make(chan struct{})
			n.cache.on(func(context.Context, string) error {
				<-goOn
				return errors.New("out of order")
			})
			go func() { _ = n.Delete(ctx, "other") }()
			synctest.Wait()
			operation := set("value")
			operation.Epoch, operation.Seq = younger, 1
			waiting, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			Expect(n.ProcessOperation(waiting, operation)).To(MatchError(context.DeadlineExceeded))
			n.cache.on(nil)
			close(goOn)
			Expect(n.ProcessOperation(ctx, operation)).To(Succeed())
			Expect(n.cache.held()).To(HaveKey("key"), "its number was not taken before")
		})
	})
})
