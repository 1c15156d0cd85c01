package sync_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

// suite is the test that runs the specs, for those in virtual time.
var suite *testing.T

func TestSync(t *testing.T) {
	suite = t
	dsync.SetBubbles(t)
	RegisterFailHandler(Fail)
	RunSpecs(t, "DistributedSync")
}

// virtually runs body in virtual time. What body starts must have ended when it
// returns: a goroutine left behind fails the spec.
func virtually(body func(ctx context.Context)) {
	GinkgoHelper()
	synctest.Test(suite, func(*testing.T) {
		defer GinkgoRecover()
		ctx, cancel := context.WithTimeout(context.Background(), 24*time.Hour)
		defer cancel()
		body(ctx)
	})
}
