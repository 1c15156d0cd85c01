package coordination

import "context"

// Diagnostics tells how the handle and its backend are doing.
type Diagnostics interface {
	// HealthCheck returns true only if the handle can do, now, all that the port
	// promises: read and write its records, publish, and receive what it
	// publishes. It returns false, without an error, if the backend answers but
	// is degraded; the Metadata of Stats then has the reason under [DegradedKey].
	// It changes no record, and no subscription receives a message from it.
	//
	// Errors: ErrUnavailable if the backend can't be reached;
	// ErrInvalidArgument (a nil context), ErrClosed, ctx.Err().
	HealthCheck(ctx context.Context) (healthy bool, err error)

	// Stats returns figures of this handle and of its namespace. If the backend
	// answers but is degraded, ClusterSize may be zero and Leader empty because
	// they are unknown; [DegradedKey] is then present.
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
	// DegradedKey is the reason why HealthCheck returns false. It is absent while
	// HealthCheck returns true.
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
