package coordination

import "context"

// Diagnostics tells how the handle and its backend are doing.
type Diagnostics interface {
	// HealthCheck asks the backend and writes nothing. It returns true where
	// the handle can do all that the port promises; false, without an error,
	// where the backend answers but is degraded, and then says how in the
	// Metadata of Stats under [DegradedKey].
	//
	// Errors: ErrUnavailable where the backend can't be reached;
	// ErrInvalidArgument (a nil context), ErrClosed, ctx.Err().
	HealthCheck(ctx context.Context) (healthy bool, err error)

	// Stats returns figures of this handle and of its namespace.
	//
	// Errors: ErrInvalidArgument (a nil context), ErrClosed, ErrUnavailable,
	// ctx.Err().
	Stats(ctx context.Context) (Stats, error)
}

// The keys of [Stats.Metadata] that every adapter uses alike.
const (
	// BackendKey names the kind of backend, such as "memory" or "redis".
	BackendKey = "backend"
	// NamespaceKey names the handle's namespace.
	NamespaceKey = "namespace"
	// DegradedKey says what is wrong while HealthCheck returns false, and is
	// absent while it returns true.
	DegradedKey = "degraded"
)

// Stats are figures of one moment.
type Stats struct {
	// Subscriptions is the number of this handle's open subscriptions.
	Subscriptions int
	// ClusterSize is the number of live members of the namespace.
	ClusterSize int
	// Leader is the node ID that holds the lease, empty where nobody does.
	Leader string
	// PublishRate is how many messages this handle has published per second,
	// as a mean over the last ten seconds.
	PublishRate float64
	// ReceiveRate is how many messages this handle's subscriptions have
	// returned from Next per second, as a mean over the last ten seconds.
	ReceiveRate float64
	// Metadata holds what else the adapter has to say, by the keys above and
	// by keys of its own. It belongs to the caller.
	Metadata map[string]string
}
