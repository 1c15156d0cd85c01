// Package memory implements the coordination port within one process. It is a
// real implementation, for a service that runs as a single node and for tests
// of one that does not: a [Hub] is the backend, each handle that [Hub.Open]
// returns is a node, so that one test holds a whole cluster.
//
//	hub := memory.NewHub()
//	first, _ := hub.Open(nil)
//	second, _ := hub.Open(nil) // a peer of first
//
// # What it guarantees
//
// Everything that the port promises. Beyond that, a message has reached the
// buffer of every matching subscription when Publish returns; Leadership,
// Membership and single keys are linearizable; and whatever is slow or large in
// one role, or in one subscription, holds back no other.
//
// Time is what time.Now says, read when a method looks: a time to live ends
// without any goroutine or timer, unharmed when the wall clock is set, and in
// virtual time under testing/synctest. A handle has no goroutines at all.
//
// # What it does not
//
// Nothing survives the process, nor reaches another one. No method but
// PublishWithAck and Next ever waits, so that a context is looked at when a
// method begins and between the steps of a long one, and ErrUnavailable never
// occurs. What has ended stays in memory until the next writes of the key store,
// or the next call of Membership, sweep it out.
//
// The cost of Publish does not depend on subscriptions whose literal prefix (see
// coordination.LiteralPrefix) rules them out, nor the cost of Keys on keys
// outside of the pattern's literal prefix.
package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

// DefaultNamespace is the namespace of a handle whose options name none.
const DefaultNamespace = "riptide"

// Options are the optional settings of a handle. The zero value works.
type Options struct {
	// Namespace isolates the handle from all others on the hub that have
	// another one. Any 1 to coordination.MaxNameLen bytes; default
	// DefaultNamespace.
	Namespace string

	// Buffer is how many messages a subscription holds for a slow reader before
	// it drops the oldest. Default 8192.
	Buffer int
}

// Hub is a backend: what its handles share. The zero Hub is empty and ready. It
// is safe for concurrent use and must not be copied.
type Hub struct {
	mu     sync.Mutex
	spaces map[string]*space
}

// space is what the handles of one namespace share. Each role has a lock of its
// own, and none is ever held while another is taken.
type space struct {
	subscriptions *index
	keys          *keyStore
	members       *members
	lease         lease

	mu        sync.Mutex // guards what follows
	elections map[string]*lease
}

// NewHub returns an empty hub.
func NewHub() *Hub { return &Hub{} }

// Open returns a new handle on the hub, with its default options where options
// is nil. Handles with the same namespace are peers. What they store stays with
// the hub when they are closed.
//
// Errors: ErrInvalidArgument for a namespace that is too long or a buffer of
// less than zero.
func (h *Hub) Open(options *Options) (*Coordination, error) {
	var settings Options
	if options != nil {
		settings = *options
	}
	if settings.Namespace == "" {
		settings.Namespace = DefaultNamespace
	}
	if err := coordination.CheckName("open", "namespace", settings.Namespace); err != nil {
		return nil, err
	}
	if settings.Buffer < 0 {
		return nil, fmt.Errorf("open: buffer is %d, less than zero: %w", settings.Buffer, coordination.ErrInvalidArgument)
	}
	return &Coordination{
		namespace:     settings.Namespace,
		buffer:        settings.Buffer,
		space:         h.space(settings.Namespace),
		published:     delivery.NewRate(),
		received:      delivery.NewRate(),
		done:          make(chan struct{}),
		subscriptions: make(map[*delivery.Subscription]struct{}),
	}, nil
}

func (h *Hub) space(namespace string) *space {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.spaces == nil {
		h.spaces = make(map[string]*space)
	}
	found := h.spaces[namespace]
	if found == nil {
		found = &space{
			subscriptions: newIndex(),
			keys:          &keyStore{entries: newEntries()},
			members:       &members{entries: newEntries()},
		}
		h.spaces[namespace] = found
	}
	return found
}

// Coordination is a handle on a hub. Use [Hub.Open] or [New].
type Coordination struct {
	coordination.Claims

	namespace string
	buffer    int
	space     *space
	published *delivery.Rate
	received  *delivery.Rate

	closing sync.Once
	done    chan struct{} // closed by Close

	mu            sync.Mutex                          // guards what follows
	subscriptions map[*delivery.Subscription]struct{} // the open ones; nil after Close
}

var (
	_ coordination.DistributedCoordination = (*Coordination)(nil)
	_ coordination.Elections               = (*Coordination)(nil)
)

// New returns a handle with default options on a hub of its own.
func New() *Coordination {
	handle, _ := NewHub().Open(nil) // default options are never refused
	return handle
}

// Close implements coordination.DistributedCoordination.
func (c *Coordination) Close() error {
	c.closing.Do(func() {
		// First done, so that nobody takes the end of the subscriptions for
		// anything else than that of the handle.
		close(c.done)
		c.mu.Lock()
		open := c.subscriptions
		c.subscriptions = nil
		c.mu.Unlock()
		for subscription := range open {
			_ = subscription.Close() // always nil
		}
	})
	return nil
}

// admit makes the checks with which every method begins, in the order that the
// port prescribes: the arguments, then whether the handle is closed, then ctx.
func (c *Coordination) admit(ctx context.Context, operation string, arguments ...error) error {
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return err
	}
	for _, err := range arguments {
		if err != nil {
			return err
		}
	}
	return c.ready(ctx, operation)
}

// ready is the part of admit that may change while a method is at work.
func (c *Coordination) ready(ctx context.Context, operation string) error {
	select {
	case <-c.done:
		return closedError(operation)
	default:
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}

func closedError(operation string) error {
	return fmt.Errorf("%s: %w", operation, coordination.ErrClosed)
}
