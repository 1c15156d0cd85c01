package honest_test

import (
	"context"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks/honest"
	"github.com/riptidecrawler/coordkit/specs"
)

// An adapter that keeps the contract is never accused of breaking it: whatever
// the contract does with one, it does here through the wrapper.
var (
	accusations = &recorder{}
	_           = specs.Contract("memory, wrapped", func() specs.Subject { return wrapped{memory.NewHub()} })
	_           = AfterEach(func() { Expect(accusations.take()).To(BeEmpty(), "what an honest adapter is accused of") })
)

type wrapped struct{ hub *memory.Hub }

func (w wrapped) Open(_ context.Context, namespace string) (coordination.DistributedCoordination, error) {
	handle, err := w.hub.Open(&memory.Options{Namespace: namespace})
	if err != nil {
		return nil, err
	}
	return honest.Coordination(accusations, handle), nil
}

func (wrapped) Suite() *testing.T { return suite }

// suite is the test that runs the specs.
var suite *testing.T

func TestContract(t *testing.T) {
	suite = t
	RegisterFailHandler(Fail)
	RunSpecs(t, "The contract, through wrappers")
}
