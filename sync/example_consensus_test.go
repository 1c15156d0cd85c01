package sync_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// owners lets only one node set what begins with a prefix, and is else the
// default. It follows from the operation alone who may, so that every node comes
// to the same decision in whatever order operations reach it; what has a say
// beside that, such as a table that changes, would have the nodes disagree.
type owners map[string]string // of a prefix, the node

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

func ExampleConsensusManager() {
	ctx := context.Background()
	hub := memory.NewHub()
	rule := owners{"config:": "node-1"}
	here, there := newOtterCache(64<<20), newOtterCache(64<<20)
	defer here.Close()
	defer there.Close()
	one, stopOne := start(open(hub), "node-1", &dsync.Options{Cache: here, Consensus: rule})
	defer stopOne()
	two, stopTwo := start(open(hub), "node-2", &dsync.Options{Cache: there, Consensus: rule})
	defer stopTwo()
	meet(one, two)

	err := two.Set(ctx, "config:limit", []byte("2"), 0)
	fmt.Println(errors.Is(err, dsync.ErrRejected), err)
	must(one.Set(ctx, "config:limit", []byte("1"), 0))
	await(func() bool { _, found := there.Get("config:limit"); return found })
	value, _ := there.Get("config:limit")
	fmt.Printf("%s\n", value)
	// Output:
	// true set "config:limit": config: is set by node-1: sync: operation rejected
	// 1
}
