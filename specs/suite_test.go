package specs_test

import (
	"context"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// suite is the test that runs the specs, for those in virtual time.
var suite *testing.T

func TestContract(t *testing.T) {
	suite = t
	goredis.SetLogger(silence{}) // it reports every link that a spec cuts
	RegisterFailHandler(Fail)
	RunSpecs(t, "The contract of DistributedCoordination")
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
