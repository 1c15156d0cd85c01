package coordination_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

var _ = Describe("Claims", func() {
	It("gives a name to one user at a time", func() {
		var claims coordination.Claims
		release, err := claims.Claim("a")
		Expect(err).NotTo(HaveOccurred())
		_, err = claims.Claim("a")
		Expect(err).To(MatchError(coordination.ErrClaimed))
		Expect(err).To(MatchError(ContainSubstring(`name "a"`)))
		_, err = claims.Claim("b")
		Expect(err).NotTo(HaveOccurred())
		release()
		again, err := claims.Claim("a")
		Expect(err).NotTo(HaveOccurred())
		release() // which is over
		_, err = claims.Claim("a")
		Expect(err).To(MatchError(coordination.ErrClaimed))
		again()
	})
})
