package specs_test

import (
	"context"
	"testing"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/internal/miniredissubject"
	"github.com/riptidecrawler/coordkit/specs/internal/redissubject"
)

var (
	_ = specs.Contract("memory", newMemory)
	_ = specs.Contract("miniredis", newMiniredis)
)

func newMemory() specs.Subject { return memorySubject{memory.NewHub()} }

func newMiniredis() specs.Subject { return miniredissubject.New(suite) }

type memorySubject struct{ hub *memory.Hub }

func (s memorySubject) Open(_ context.Context, namespace string) (coordination.DistributedCoordination, error) {
	return s.hub.Open(&memory.Options{Namespace: namespace, Buffer: redissubject.Buffer})
}

func (memorySubject) Suite() *testing.T { return suite }

func (memorySubject) Buffer() int { return redissubject.Buffer }
