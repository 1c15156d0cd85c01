package sync_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// The examples run on the memory adapter, where a hub is a backend and a handle
// a node; with any other adapter they print the same.

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func open(hub *memory.Hub) coordination.DistributedCoordination {
	port, err := hub.Open(nil)
	must(err)
	return port
}

// start runs a node. What it returns beside the node ends it, and waits for that.
func start(
	port coordination.DistributedCoordination, name string, options *dsync.Options,
) (node *dsync.DistributedSync, stop func()) {
	node, err := dsync.New(dsync.DefaultConfig(name), port, options)
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	return node, func() {
		cancel()
		must(<-ended)
		must(port.Close())
	}
}

// meet waits until all nodes have heard one another.
func meet(nodes ...*dsync.DistributedSync) {
	for _, node := range nodes {
		await(func() bool { return len(node.Status().ActiveNodes) == len(nodes) })
	}
}

// await waits for what other nodes do in their own time.
func await(condition func() bool) {
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			log.Fatal("nothing has come of it in 10 s")
		}
	}
}

// Without a cache of one's own the nodes keep what they have in the port's key
// store, which all of them share.
func Example() {
	ctx := context.Background()
	hub := memory.NewHub()
	one, stopOne := start(open(hub), "node-1", nil)
	defer stopOne()
	two, stopTwo := start(open(hub), "node-2", nil)
	defer stopTwo()
	meet(one, two)

	must(one.Set(ctx, "motd", []byte("hello"), time.Hour))
	await(func() bool { return two.Status().Applied == 1 })
	value, found, err := open(hub).Get(ctx, "motd")
	fmt.Printf("%s %v %v\n", value, found, err)
	fmt.Println(two.Status().ActiveNodes)
	// Output:
	// hello true <nil>
	// [node-1 node-2]
}
