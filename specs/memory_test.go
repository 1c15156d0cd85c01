package specs_test

import (
	"context"
	"testing"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs"
)

var _ = specs.Contract("memory", newMemory)

func newMemory() specs.Subject { return memorySubject{memory.NewHub()} }

type memorySubject struct{ hub *memory.Hub }

func (s memorySubject) Open(_ context.Context, namespace string) (coordination.DistributedCoordination, error) {
	return s.hub.Open(&memory.Options{Namespace: namespace, Buffer: buffer})
}

func (memorySubject) Suite() *testing.T { return suite }

func (memorySubject) Buffer() int { return buffer }

// buffer is how many messages the subscriptions of all subjects hold: few, so
// that they are soon full, and more than the specs publish before they read.
const buffer = 1024
