package sync_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("Run", Label("running"), func() {
	It("trial", func() {
		virtually(func(ctx context.Context) {
			n := perform(ctx)
			GinkgoWriter.Println(n.port.took())
			n.at(scriptBeat)
			GinkgoWriter.Println(n.port.took())
			Expect(n.finish()).To(Succeed())
			GinkgoWriter.Println(n.port.took())
			GinkgoWriter.Println(n.told())
		})
	})
})
