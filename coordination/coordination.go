package coordination

import "io"

// DistributedCoordination is the port: all roles in one handle.
//
// Close releases what the handle holds: it closes the handle's subscriptions,
// waits for the handle's goroutines and leaves none behind. It is idempotent
// and returns nil when called again. It does not touch what the backend keeps:
// keys, members and a lease that is held stay until their time to live ends,
// as they would after a crash. Peers go on working.
type DistributedCoordination interface {
	Messaging
	KeyStore
	Membership
	Leadership
	Diagnostics
	io.Closer
}
