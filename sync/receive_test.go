package sync_test

import (
	"context"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("What a node hears", Label("running"), func() {
	It("is applied in its order, with no call of the port", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.beats()
			n.port.took()
			b.tells(b.sets("a", "1"), b.sets("b", "2"), b.operation(dsync.Delete, "a", ""))
			b.tells(b.operation(dsync.InvalidatePattern, "b*", ""))
			b.tells(b.operation(dsync.Clear, "", ""))
			Expect(n.cache.took()).To(Equal([]string{
				"Set a=1 0s", "Set b=2 0s", "Delete a", "InvalidatePattern b*", "Clear"}))
			Expect(n.port.took()).To(BeEmpty())
			Expect(n.Status().Applied).To(Equal(uint64(5)))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("twice changes nothing the second time", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			one, two := b.sets("key", "1"), b.sets("key", "2")
			b.tells(one, two)
			n.cache.took()
			b.tells(one, two)
			b.whispers(one)
			b.tells(two)
			Expect(n.cache.took()).To(BeEmpty())
			Expect(n.Status().Applied).To(Equal(uint64(2)))
			Expect(n.Status().Rejected).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("in the wrong order ends as in the right one", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			one, two := b.sets("key", "1"), b.sets("key", "2")
			b.tells(two)
			b.tells(one)
			Expect(n.cache.held()).To(Equal(map[string]string{"key": "2"}))
			Expect(n.Status().Rejected).To(Equal(uint64(1)))
			n.at(scriptBeat)
			Expect(n.gaps()).To(BeZero())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("of a sender that does not number is applied, and the sender not followed", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			stamp := time.Now().UnixMicro()
			n.port.deliver(dsync.DefaultChannel, fmt.Appendf(nil,
				`{"origin_node":"old","operation_type":"Set","key":"key","value":"dg==","stamp":%d}`, stamp), nil)
			n.port.deliver(dsync.DefaultChannel, []byte(`{"origin_node":"old","operation_type":"Heartbeat"}`), nil)
			synctest.Wait()
			Expect(n.cache.held()).To(Equal(map[string]string{"key": "v"}))
			Expect(n.Status().ActiveNodes).To(Equal([]string{"self"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("moves the node's clock on", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			b.skew = time.Hour
			b.tells(b.sets("key", "theirs"))
			Expect(n.Set(ctx, "key", []byte("ours"), 0)).To(Succeed())
			Expect(n.cache.held()).To(Equal(map[string]string{"key": "ours"}))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("of a leader that has given up has a candidate try at once", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, candidate(nil))
			n.at(scriptBeat)
			Expect(n.port.called("TryAcquireLeadership")).To(HaveLen(1))
			n.port.elects(8)
			n.port.peer("b", younger).beats(leaving, func(l *letter) { l.Released = true })
			Expect(n.port.called("TryAcquireLeadership")).To(HaveLen(2))
			Expect(n.IsLeader()).To(BeTrue())
			Expect(n.finish()).To(Succeed())
		})
	})
})

var _ = Describe("A message that can't be read", Label("running"), func() {
	header := `"version":1,"origin_node":"b","epoch":9007199254740991`
	big := strings.Repeat("n", coordination.MaxNameLen+1)

	DescribeTable("as a whole is counted, told and taken for a loss, and the node goes on",
		func(payload string) {
			virtually(func(ctx context.Context) {
				n := perform(ctx)
				b := n.port.peer("b", younger)
				for _, channel := range []string{dsync.DefaultChannel, inboxOfSelf} {
					n.port.deliver(channel, []byte(payload), nil)
				}
				synctest.Wait()
				Expect(n.Status().Unreadable).To(Equal(uint64(2)))
				Expect(n.Status().Losses).To(Equal(uint64(2)))
				Expect(n.told(dsync.MessageUnreadable)).To(HaveEach(HaveField("Err", HaveOccurred())))
				Expect(n.told(dsync.MessagesLost)).To(HaveEach(HaveField("Count", uint64(1))))
				Expect(n.cache.took()).To(BeEmpty())
				b.tells(b.sets("key", "value"))
				Expect(n.cache.held()).To(Equal(map[string]string{"key": "value"}))
				Expect(n.finish()).To(Succeed())
			})
		},
		Entry("nothing", ``),
		Entry("no JSON", "\xff\x00garbage"),
		Entry("another kind of JSON", `[1,2,3]`),
		Entry("half of one", `{"version":1,"origin_node":"b"`),
		Entry("no origin", `{"version":1,"epoch":1,"seq":1}`),
		Entry("an origin that is too long", `{"origin_node":"`+big+`"}`),
		Entry("a number that is too great", `{`+header+`,"seq":9007199254740992}`),
		Entry("a number that is none", `{`+header+`,"seq":-1}`),
		Entry("a clock before its time", `{`+header+`,"clock":-1}`),
		Entry("a clock that is too great", `{`+header+`,"clock":9007199254740992}`),
		Entry("a clock that is years ahead", `{`+header+`,"clock":2000000000000000}`),
		Entry("a mention of nobody", `{`+header+`,"operation_type":"Heartbeat","seen":[{"epoch":1,"seq":1}]}`),
		Entry("a mention of a number that is too great",
			`{`+header+`,"operation_type":"Heartbeat","seen":[{"node":"c","epoch":1,"seq":9007199254740992}]}`),
		Entry("a request for nothing", `{`+header+`,"request":{"epoch":1,"spans":[]}}`),
		Entry("a request for number 0", `{`+header+`,"request":{"epoch":1,"spans":[[0,1]]}}`),
		Entry("a request from the end to the beginning", `{`+header+`,"request":{"epoch":1,"spans":[[2,1]]}}`),
		Entry("a request for the same twice", `{`+header+`,"request":{"epoch":1,"spans":[[1,2],[2,3]]}}`),
	)

	DescribeTable("in part is counted and told, the rest of it applied, and the part a gap",
		func(spoil func(*letterOperation)) {
			virtually(func(ctx context.Context) {
				n := perform(ctx)
				b := n.port.peer("b", younger)
				bad := b.sets("bad", "1")
				spoil(&bad)
				b.tells(bad, b.sets("good", "1"))
				Expect(n.cache.held()).To(Equal(map[string]string{"good": "1"}))
				Expect(n.Status().Unreadable).To(Equal(uint64(1)))
				Expect(n.Status().Losses).To(BeZero())
				Expect(n.told(dsync.MessageUnreadable)).To(HaveLen(1))
				n.after(100 * time.Millisecond)
				Expect(n.gaps()).To(Equal(gaps{found: 1, missing: 1}))
				Expect(n.requested()).To(Equal([]string{"Publish :b request [[1 1]]"}))
				b.refuses([2]uint64{1, 1})
				n.after(50 * time.Millisecond)
				Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1, cleared: 1}))
				Expect(n.finish()).To(Succeed())
			})
		},
		Entry("an unknown type", func(o *letterOperation) { o.Type = "Increment" }),
		Entry("a heartbeat among operations", func(o *letterOperation) { o.Type = dsync.Heartbeat }),
		Entry("no key", func(o *letterOperation) { o.Key = "" }),
		Entry("a time to live below zero", func(o *letterOperation) { o.TTL = -1 }),
		Entry("a time to live that is too great", func(o *letterOperation) { o.TTL = 1e300 }),
		Entry("no number", func(o *letterOperation) { o.Seq = 0 }),
		Entry("a number after the last", func(o *letterOperation) { o.Seq = 3 }),
		Entry("no stamp", func(o *letterOperation) { o.Stamp = 0 }),
	)

	It("for its version is a gap as far as its numbers go", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			operation := b.sets("key", "value")
			l := b.letter()
			l.Version, l.Operations = 2, []letterOperation{operation}
			b.sends(dsync.DefaultChannel, l)
			Expect(n.Status().Unreadable).To(Equal(uint64(1)))
			Expect(n.Status().ActiveNodes).To(Equal([]string{"b", "self"}))
			Expect(n.cache.took()).To(BeEmpty())
			n.after(100 * time.Millisecond)
			Expect(n.requested()).To(Equal([]string{"Publish :b request [[1 1]]"}))
			b.whispers(operation)
			Expect(n.cache.held()).To(Equal(map[string]string{"key": "value"}))
			Expect(n.gaps()).To(Equal(gaps{found: 1, healed: 1}))
			Expect(n.finish()).To(Succeed())
		})
	})
})

var _ = Describe("A subscription", Label("running"), func() {
	It("that lost messages goes on, and is told and counted", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			b := n.port.peer("b", younger)
			n.port.deliver(dsync.DefaultChannel, nil, &coordination.MessagesLostError{Count: 7})
			n.port.deliver(dsync.DefaultChannel, nil, fmt.Errorf("wrapped: %w", coordination.ErrMessagesLost))
			b.tells(b.sets("key", "value"))
			Expect(n.told(dsync.MessagesLost)).To(Equal([]dsync.Event{
				{Kind: dsync.MessagesLost, Count: 7}, {Kind: dsync.MessagesLost}}))
			Expect(n.Status().Losses).To(Equal(uint64(2)))
			Expect(n.cache.held()).To(HaveKey("key"))
			Expect(n.port.called("Subscribe")).To(HaveLen(2))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that ends is opened anew after a pause, which counts as a loss", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			n.port.took()
			n.port.deliver(inboxOfSelf, nil, coordination.ErrUnavailable)
			n.at(scriptBeat/5 - 1)
			Expect(n.port.took()).To(BeEmpty())
			n.at(scriptBeat / 5)
			Expect(n.port.took()).To(Equal([]string{"Close " + inboxOfSelf, "Subscribe " + inboxOfSelf}))
			Expect(n.told()).To(Equal([]dsync.Event{{Kind: dsync.Resubscribed}, {Kind: dsync.MessagesLost}}))
			Expect(n.Status().Resubscribed).To(Equal(uint64(1)))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that can't be opened is tried for again and again, a second apart at the most", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort(), func(config *dsync.Config, _ *dsync.Options) {
				config.HeartbeatInterval = time.Minute
			})
			n.port.fails(coordination.ErrUnavailable, "Subscribe")
			n.runs(ctx)
			n.at(10*time.Second + time.Millisecond)
			Expect(n.port.called("Subscribe")).To(HaveLen(2 * 11))
			n.port.fails(nil, "Subscribe")
			n.at(11 * time.Second)
			Expect(n.port.called("Publish")).To(HaveLen(1))
			Expect(n.told(dsync.SubscribeFailed)).To(HaveLen(2*11), "each is told")
			Expect(n.told(dsync.SubscribeFailed)).To(HaveEach(HaveField("Err", MatchError(coordination.ErrUnavailable))))
			Expect(n.told()).To(HaveLen(2*11), "there was none before that could have been lost")
			Expect(n.finish()).To(Succeed())
		})
	})

	It("that hangs as it is opened is given up after an interval", func() {
		virtually(func(ctx context.Context) {
			n := newScriptedNode(newScriptedPort())
			n.port.hangs("Subscribe")
			n.runs(ctx)
			n.at(scriptBeat)
			Expect(n.told(dsync.SubscribeFailed)).To(Equal([]dsync.Event{
				{Kind: dsync.SubscribeFailed, Err: context.DeadlineExceeded},
				{Kind: dsync.SubscribeFailed, Err: context.DeadlineExceeded}}))
			n.port.on("Subscribe", nil)
			n.at(2 * scriptBeat)
			Expect(n.port.called("Publish")).NotTo(BeEmpty())
			Expect(n.finish()).To(Succeed())
		})
	})

	It("is for one channel, whatever its name is", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx, func(config *dsync.Config, options *dsync.Options) {
				config.NodeID, options.Channel = `node?`, `a*[b]\`
			})
			Expect(textsOf(n.port.called("Subscribe"))).To(ConsistOf(
				`Subscribe a\*\[b]\\`, `Subscribe a\*\[b]\\:node\?`))
			Expect(n.finish()).To(Succeed())
		})
	})
})
