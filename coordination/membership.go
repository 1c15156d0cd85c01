package coordination

import (
	"context"
	"time"
)

// DefaultNodeTTL is how long a node that has registered stays a live member
// before its first heartbeat.
const DefaultNodeTTL = 60 * time.Second

// Membership tells which nodes are live. A member is gone from every method at
// the same moment, when its time to live ends.
type Membership interface {
	// RegisterNode makes nodeID a live member for [DefaultNodeTTL], with
	// metadata of the caller's own (none and empty are the same). Registering
	// again replaces the metadata and starts DefaultNodeTTL anew.
	//
	// Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err().
	RegisterNode(ctx context.Context, nodeID string, metadata []byte) error

	// DeregisterNode removes the member at once, touches no other, and says
	// whether it was there.
	//
	// Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err().
	DeregisterNode(ctx context.Context, nodeID string) (bool, error)

	// Heartbeat keeps a live member for ttl from now on, also where that is
	// shorter than what was left. ttl is at least a millisecond, and rounded up
	// to whole milliseconds.
	//
	// Errors: ErrNotRegistered where nodeID is unknown or its time to live has
	// ended (nothing is registered then); ErrInvalidArgument, ErrClosed,
	// ErrUnavailable, ctx.Err().
	Heartbeat(ctx context.Context, nodeID string, ttl time.Duration) error

	// ListNodes returns the live members in ascending order of their bytes,
	// never nil. It costs by the number of members, not by the size of the
	// store.
	//
	// Errors: ErrInvalidArgument (a nil context), ErrClosed, ErrUnavailable,
	// ctx.Err().
	ListNodes(ctx context.Context) ([]string, error)

	// NodeMetadata returns the metadata of a live member, and whether there is
	// such a member. Without metadata it is an empty slice, and found.
	//
	// Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err().
	NodeMetadata(ctx context.Context, nodeID string) (metadata []byte, found bool, err error)
}
