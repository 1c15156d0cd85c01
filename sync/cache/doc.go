// Package cache is a typed near cache that stays coherent on all nodes of a
// cluster. Each node loads values for itself; a delete, an invalidation or a Set
// on any node reaches all of them, through [dsync.DistributedSync].
//
// A node has one [Node] and any number of caches, each with a key prefix:
//
//	node, err := cache.NewNode(dsync.DefaultConfig("node-1"), port, nil)
//	users, err := cache.New(node, "user:", &cache.Options[User]{TTL: time.Hour})
//	go node.Run(ctx)
//	user, err := users.Get(ctx, "42", loadUser)
//
// # Guarantees
//
//   - Get never returns a value whose load began before an operation on its key
//     that this node had applied when Get was called.
//   - While the node is not Readable, Get serves nothing from memory. It calls
//     load, and does not store the result. So being cut off has a bound: see
//     dsync.Recovery.
//   - A key has one load at a time on a node. An operation on the key ends that:
//     later callers start a new load, since the one that is running may return
//     what was there before.
//   - A load that fails, panics, hangs or ends its goroutine affects only its own
//     callers, and only until Options.LoadTimeout.
//
// # Limits
//
//   - A node that has not yet received an operation serves the older value. The
//     delay is that of a message, or the bound above if the message was lost.
//   - Change the database first and then call Delete. The other order lets a load
//     between the two store the old value.
//   - Loaded values are shared: all callers of Get receive the same one. Treat it
//     as read-only, or load a type without pointers.
//   - A cache that evicts its working set is slow and still correct: compare
//     Stats.Evictions with Stats.Loads.
package cache
