package sync_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// owners lets only one node set keys with a prefix, and is otherwise the default. It
// decides by the operation alone. So every node comes to the same decision, in every
// order of operations; a rule that depends on anything else would make them differ.
type owners map[string]string // the node by prefix

func (o owners) Decide(operation dsync.Operation, conflict dsync.Conflict) (apply bool, reason string) {
	if operation.Type == dsync.Set {
		for prefix, owner := range o {
			if strings.HasPrefix(operation.Key, prefix) && operation.Origin != owner {
				return false, prefix + " is set by " + owner
			}
		}
	}
	return dsync.LastWriterWins{}.Decide(operation, conflict)
}

// Every node has the rule. It is asked before an operation is published, and again
// on each node that receives it.
func ExampleConsensusManager() {
	ctx := context.Background()
	node, err := dsync.New(dsync.DefaultConfig("node-2"), memory.New(), &dsync.Options{
		Consensus: owners{"config:": "node-1"},
	})
	if err != nil {
		log.Fatal(err)
	}
	err = node.Set(ctx, "config:limit", []byte("2"), 0)
	fmt.Println(errors.Is(err, dsync.ErrRejected), err)
	fmt.Println(node.Set(ctx, "motd", []byte("hello"), 0))
	// Output:
	// true set "config:limit": config: is set by node-1: sync: operation rejected
	// <nil>
}
