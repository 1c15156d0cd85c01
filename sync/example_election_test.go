package sync_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// An election by itself, for those who have no caches to keep coherent: it needs
// no more of the port than coordination.Leadership.
func ExampleNewLeaderElection() {
	ctx, cancel := context.WithCancel(context.Background())
	options := dsync.ElectionOptions{
		Lead: func(ctx context.Context, _ uint64) {
			fmt.Println("at work")
			cancel() // as a signal would
			<-ctx.Done()
			fmt.Println("told to stop:", context.Cause(ctx))
		},
	}
	observe := func(event dsync.Event) { fmt.Println(event.Node, event.Kind, event.Term > 0) }
	election, err := dsync.NewLeaderElection("node-1", 15*time.Second, memory.New(), &options, observe)
	if err != nil {
		log.Fatal(err)
	}
	if err := election.Run(ctx); err != nil {
		log.Print(err)
	}
	fmt.Println(election.IsLeader())
	// Output:
	// node-1 leadership acquired true
	// at work
	// told to stop: sync: the election ends
	// node-1 leadership released true
	// false
}
