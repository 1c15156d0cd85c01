package sync_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// eavesdropper keeps the stamp of the operation that it was asked about last.
type eavesdropper struct{ heard dsync.Stamp }

func (e *eavesdropper) Decide(operation dsync.Operation, conflict dsync.Conflict) (apply bool, reason string) {
	e.heard = operation.Stamp
	return dsync.LastWriterWins{}.Decide(operation, conflict)
}

var _ = Describe("What looks right at first sight", func() {
	It("refuses a channel that is too long for a pattern once its wildcards are quoted", func() {
		for _, channel := range []string{strings.Repeat("*", coordination.MaxNameLen/2), strings.Repeat("x", coordination.MaxNameLen-6)} {
			_, err := dsync.New(dsync.DefaultConfig("node-1"), memory.New(), &dsync.Options{Channel: channel})
			Expect(err).To(MatchError(coordination.ErrInvalidArgument))
			Expect(err).To(MatchError(ContainSubstring("Channel")))
		}
		_, err := dsync.New(dsync.DefaultConfig("node-1"), memory.New(),
			&dsync.Options{Channel: strings.Repeat("x", coordination.MaxNameLen-7)})
		Expect(err).NotTo(HaveOccurred())
	})

	It("refuses a stamp of this node that Begin has not given as a lease", func(ctx SpecContext) {
		var consensus eavesdropper
		node, err := dsync.New(dsync.DefaultConfig("node-1"), memory.New(), &dsync.Options{Consensus: &consensus})
		Expect(err).NotTo(HaveOccurred())
		Expect(node.Set(ctx, "a", []byte("1"), 0)).To(Succeed())
		Expect(consensus.heard.Node).To(Equal("node-1"))
		Expect(node.SetAt(ctx, consensus.heard, "b", nil, 0)).To(MatchError(coordination.ErrInvalidArgument))
		Expect(node.SetAt(ctx, node.Begin(), "b", nil, 0)).To(Succeed())
	})
})
