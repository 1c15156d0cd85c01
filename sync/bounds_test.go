package sync_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// What a single caller or message could do to all.
var _ = Describe("A node", func() {
	decade := 10 * 365 * 24 * time.Hour

	It("refuses a stamp that is years ahead, of its callers and of others, whose clocks do not move it", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			before := n.Begin()
			poison := time.Now().Add(decade + time.Hour).UnixMicro()
			for _, operation := range []dsync.Operation{
				{Type: dsync.Delete, Key: "key", Stamp: dsync.Stamp{Wall: poison}},
				{Type: dsync.Delete, Key: "key", Timestamp: time.UnixMicro(poison)},
			} {
				operation.Origin = "b"
				Expect(n.ProcessOperation(ctx, operation)).To(MatchError(coordination.ErrInvalidArgument))
			}
			Expect(n.NotifyOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "key", Stamp: dsync.Stamp{Wall: poison}})).
				To(MatchError(coordination.ErrInvalidArgument))
			for _, message := range []string{
				fmt.Sprintf(`{"version":1,"origin_node":"x","clock":%d}`, poison),
				fmt.Sprintf(`{"version":1,"origin_node":"x","operation_type":"Clear","stamp":%d}`, poison),
			} {
				n.port.deliver(dsync.DefaultChannel, []byte(message), nil)
			}
			n.after(scriptBeat)
			Expect(n.Status().Unreadable).To(Equal(uint64(2)))
			Expect(n.Begin().Wall - before.Wall).To(BeNumerically("<", (time.Minute).Microseconds()))
			Expect(n.finish()).To(Succeed())
		})
	})

	It("believes a clock that is ten years ahead, and goes on from there", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			ahead := dsync.Stamp{Wall: time.Now().Add(decade).UnixMicro(), Logical: 1<<32 - 1}
			Expect(n.ProcessOperation(ctx, dsync.Operation{Type: dsync.Delete, Key: "key", Origin: "b", Stamp: ahead})).To(Succeed())
			Expect(n.Set(ctx, "key", []byte("newer"), 0)).To(Succeed())
			Expect(n.cache.held()).To(HaveKeyWithValue("key", "newer"))
			Expect(n.finish()).To(Succeed())
		})
	})

	DescribeTable("takes a message of more parts than any node sends for unreadable", func(field, part string) {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			message := fmt.Sprintf(`{"version":1,"origin_node":"x","epoch":1,"operation_type":%q,%q:[%s]}`,
				map[string]string{"seen": "Heartbeat"}[field], field, strings.TrimSuffix(strings.Repeat(part+",", 5000), ","))
			Expect(json.Valid([]byte(message))).To(BeTrue())
			n.port.deliver(dsync.DefaultChannel, []byte(message), nil)
			n.after(scriptBeat)
			Expect(n.Status().Unreadable).To(Equal(uint64(1)))
			Expect(n.Status().KnownNodes).To(HaveLen(1))
			Expect(n.finish()).To(Succeed())
		})
	},
		Entry("operations", "operations", `{}`),
		Entry("nodes that were seen", "seen", `{"node":"y","epoch":1,"seq":1}`),
	)
})

var _ = DescribeTable("New refuses a limit that no message could keep:", func(name string, limits dsync.Limits) {
	node := nodeOnMock()
	_, err := dsync.New(dsync.DefaultConfig("a"), node.port, &dsync.Options{Limits: limits})
	Expect(err).To(MatchError(coordination.ErrInvalidArgument))
	Expect(err).To(MatchError(ContainSubstring(name)))
},
	Entry("operations in a batch", "BatchOperations", dsync.Limits{BatchOperations: 4097}),
	Entry("origins", "Origins", dsync.Limits{Origins: 4097}),
)
