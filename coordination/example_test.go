package coordination_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

// The examples use the memory adapter; with any other they print the same.

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleDistributedCoordination() {
	ctx := context.Background()
	hub := memory.NewHub()
	var node coordination.DistributedCoordination
	node, err := hub.Open(nil)
	must(err)
	must(node.Set(ctx, "motd", []byte("hello"), 0))
	must(node.Close())
	must(node.Close()) // which may be repeated

	_, _, err = node.Get(ctx, "motd")
	fmt.Println(errors.Is(err, coordination.ErrClosed))
	again, err := hub.Open(nil)
	must(err)
	value, _, err := again.Get(ctx, "motd") // what the backend keeps, stays
	fmt.Printf("%s %v\n", value, err)
	// Output:
	// true
	// hello <nil>
}

func ExampleKeyStore_Set() {
	ctx := context.Background()
	node := memory.New()
	must(node.Set(ctx, "session:1", []byte("alice"), 30*time.Minute))
	must(node.Set(ctx, "motd", []byte("hello"), 0)) // without an end

	err := node.Set(ctx, "session:2", nil, 10*time.Microsecond)
	fmt.Println(errors.Is(err, coordination.ErrInvalidArgument))
	// Output: true
}

func ExampleKeyStore_Get() {
	ctx := context.Background()
	node := memory.New()
	must(node.Set(ctx, "motd", []byte("hello"), 0))
	value, found, err := node.Get(ctx, "motd")
	fmt.Printf("%s %v %v\n", value, found, err)
	_, found, err = node.Get(ctx, "missing")
	fmt.Println(found, err)
	// Output:
	// hello true <nil>
	// false <nil>
}

func ExampleKeyStore_Keys() {
	ctx := context.Background()
	node := memory.New()
	for _, key := range []string{"user:2", "user:1", "users", "motd"} {
		must(node.Set(ctx, key, nil, 0))
	}
	keys, err := node.Keys(ctx, "user:*")
	fmt.Println(keys, err)
	// Output: [user:1 user:2] <nil>
}

func ExampleKeyStore_Delete() {
	ctx := context.Background()
	node := memory.New()
	must(node.Set(ctx, "motd", nil, 0))
	fmt.Println(node.Delete(ctx, "motd"))
	fmt.Println(node.Delete(ctx, "motd"))
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleKeyStore_DeleteMany() {
	ctx := context.Background()
	node := memory.New()
	must(node.Set(ctx, "user:1", nil, 0))
	must(node.Set(ctx, "user:2", nil, 0))
	keys, err := node.Keys(ctx, "user:*")
	must(err)
	fmt.Println(node.DeleteMany(ctx, keys...))
	// Output: 2 <nil>
}

func ExampleKeyStore_FlushAll() {
	ctx := context.Background()
	node := memory.New()
	must(node.Set(ctx, "motd", nil, 0))
	must(node.RegisterNode(ctx, "node-1", nil))
	must(node.FlushAll(ctx))
	fmt.Println(node.Keys(ctx, "*"))
	fmt.Println(node.ListNodes(ctx)) // only keys are flushed
	// Output:
	// [] <nil>
	// [node-1] <nil>
}

func ExampleMembership_RegisterNode() {
	ctx := context.Background()
	node := memory.New()
	must(node.RegisterNode(ctx, "node-1", []byte("10.0.0.1:8080")))
	fmt.Println(node.ListNodes(ctx))
	// Output: [node-1] <nil>
}

func ExampleMembership_DeregisterNode() {
	ctx := context.Background()
	node := memory.New()
	must(node.RegisterNode(ctx, "node-1", nil))
	fmt.Println(node.DeregisterNode(ctx, "node-1"))
	fmt.Println(node.DeregisterNode(ctx, "node-1"))
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleMembership_Heartbeat() {
	ctx := context.Background()
	node := memory.New()
	err := node.Heartbeat(ctx, "node-1", 15*time.Second)
	if errors.Is(err, coordination.ErrNotRegistered) {
		// Its time had ended, or it never was there.
		must(node.RegisterNode(ctx, "node-1", nil))
		err = node.Heartbeat(ctx, "node-1", 15*time.Second)
	}
	fmt.Println(err)
	// Output: <nil>
}

func ExampleMembership_ListNodes() {
	ctx := context.Background()
	node := memory.New()
	for _, id := range []string{"node-2", "node-1"} {
		must(node.RegisterNode(ctx, id, nil))
	}
	fmt.Println(node.ListNodes(ctx))
	// Output: [node-1 node-2] <nil>
}

func ExampleMembership_NodeMetadata() {
	ctx := context.Background()
	node := memory.New()
	must(node.RegisterNode(ctx, "node-1", []byte("10.0.0.1:8080")))
	metadata, found, err := node.NodeMetadata(ctx, "node-1")
	fmt.Printf("%s %v %v\n", metadata, found, err)
	// Output: 10.0.0.1:8080 true <nil>
}

func ExampleLeadership_TryAcquireLeadership() {
	ctx := context.Background()
	hub := memory.NewHub()
	first, err := hub.Open(nil)
	must(err)
	second, err := hub.Open(nil)
	must(err)

	term, acquired, err := first.TryAcquireLeadership(ctx, "node-1", time.Minute)
	fmt.Println(term > 0, acquired, err)
	_, acquired, err = second.TryAcquireLeadership(ctx, "node-2", time.Minute)
	fmt.Println(acquired, err)
	renewed, acquired, err := first.TryAcquireLeadership(ctx, "node-1", time.Minute)
	fmt.Println(renewed == term, acquired, err)
	// Output:
	// true true <nil>
	// false <nil>
	// true true <nil>
}

func ExampleLeadership_ReleaseLeadership() {
	ctx := context.Background()
	node := memory.New()
	_, _, err := node.TryAcquireLeadership(ctx, "node-1", time.Minute)
	must(err)
	fmt.Println(node.ReleaseLeadership(ctx, "node-1"))
	fmt.Println(node.ReleaseLeadership(ctx, "node-1"))
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleLeadership_Leader() {
	ctx := context.Background()
	node := memory.New()
	_, _, err := node.TryAcquireLeadership(ctx, "node-1", time.Minute)
	must(err)
	leader, found, err := node.Leader(ctx)
	fmt.Println(leader.NodeID, leader.Remaining > 0, found, err)
	// Output: node-1 true true <nil>
}

// A resource that keeps a Guard refuses a leader who has been succeeded and does
// not know it yet.
func ExampleGuard() {
	ctx := context.Background()
	node := memory.New()
	var guard coordination.Guard // at the resource

	old, _, err := node.TryAcquireLeadership(ctx, "node-1", time.Minute)
	must(err)
	fmt.Println("the leader writes:", guard.Admit(old))

	_, err = node.ReleaseLeadership(ctx, "node-1")
	must(err)
	successor, _, err := node.TryAcquireLeadership(ctx, "node-2", time.Minute)
	must(err)
	fmt.Println("its successor writes:", guard.Admit(successor))
	fmt.Println("the old leader writes:", guard.Admit(old))
	// Output:
	// the leader writes: true
	// its successor writes: true
	// the old leader writes: false
}

func ExampleDiagnostics_HealthCheck() {
	fmt.Println(memory.New().HealthCheck(context.Background()))
	// Output: true <nil>
}

func ExampleDiagnostics_Stats() {
	ctx := context.Background()
	node := memory.New()
	_, err := node.Subscribe(ctx, "news")
	must(err)
	must(node.RegisterNode(ctx, "node-1", nil))
	stats, err := node.Stats(ctx)
	must(err)
	fmt.Println(stats.Subscriptions, stats.ClusterSize, stats.Metadata[coordination.BackendKey])
	// Output: 1 1 memory
}

func ExampleMatch() {
	fmt.Println(coordination.Match("user:*", "user:1/profile"))
	fmt.Println(coordination.Match("user:[0-9]", "user:x"))
	fmt.Println(coordination.Match(`100\*`, "100*"))
	// Output:
	// true
	// false
	// true
}

func ExampleLiteralPrefix() {
	fmt.Println(coordination.LiteralPrefix("user:*"))
	fmt.Println(coordination.LiteralPrefix(`100\*`))
	// Output:
	// user: false
	// 100* true
}
