// Package suite_test judges the adapter in a Ginkgo suite, with a promise of its own.
package suite_test

import (
	"context"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"example.com/downstream/files"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs"
)

// subject has no power, and real time.
type subject struct{ directory *files.Directory }

func (s subject) Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
	return s.directory.Open(ctx, namespace)
}

var judged int // how often the extra behaviour was shown

var _ = specs.Contract("files", func() specs.Subject { return subject{files.New(GinkgoT().TempDir())} }, specs.Extra{
	ID: "files/other-directory", Group: "directories", Sentence: "shares nothing with another directory",
	Body: func(ctx context.Context, stage *specs.Stage) {
		judged++
		g := NewWithT(stage)
		other, err := files.New(GinkgoT().TempDir()).Open(ctx, "elsewhere")
		g.Expect(err).NotTo(HaveOccurred())
		defer other.Close()
		g.Expect(stage.Open().Set(ctx, "key", nil, 0)).To(Succeed())
		_, found, err := other.Get(ctx, "key")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(found).To(BeFalse())
	},
})

// TestSuite runs the extra behaviour and a few of the contract, by their labels.
func TestSuite(t *testing.T) {
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	suite.LabelFilter = "id:files:other-directory || id:value-1 || id:lease-1"
	RunSpecs(t, "files", suite, reporter)
	if judged != 1 {
		t.Errorf("the extra behaviour was shown %d times", judged)
	}
}
