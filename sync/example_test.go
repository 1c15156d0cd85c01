package sync_test

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// Without a cache of their own, nodes keep values in the port's key store, which all
// of them share. On the memory adapter a hub is a backend, and a handle is a node.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	hub := memory.NewHub()
	var nodes [2]*dsync.DistributedSync
	var running sync.WaitGroup
	for i := range nodes {
		port, err := hub.Open(nil)
		if err != nil {
			log.Fatal(err)
		}
		if nodes[i], err = dsync.New(dsync.DefaultConfig(fmt.Sprint("node-", i+1)), port, nil); err != nil {
			log.Fatal(err)
		}
		running.Go(func() {
			if err := nodes[i].Run(ctx); err != nil {
				log.Print(err)
			}
		})
	}
	for len(nodes[0].Status().ActiveNodes) < 2 || len(nodes[1].Status().ActiveNodes) < 2 {
		time.Sleep(time.Millisecond) // until they have received each other's heartbeat
	}

	if err := nodes[0].Set(ctx, "motd", []byte("hello"), time.Hour); err != nil {
		log.Print(err)
	}
	for nodes[1].Status().Applied < 1 {
		time.Sleep(time.Millisecond)
	}
	reader, err := hub.Open(nil)
	if err != nil {
		log.Print(err)
	}
	value, found, err := reader.Get(ctx, "motd")
	fmt.Printf("%s %v %v\n", value, found, err)
	fmt.Println(nodes[1].Status().ActiveNodes)
	stop()
	running.Wait()
	// Output:
	// hello true <nil>
	// [node-1 node-2]
}
