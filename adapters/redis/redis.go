// Package redis implements the coordination port over a Redis server, or any
// server that speaks its protocol and runs its scripts (EVALSHA, TIME, sorted
// sets, PSUBSCRIBE), from version 6 on.
//
// # What is where
//
// With the namespace riptide, whose unusual bytes are written as %XX, so that
// no namespace can be the prefix or the pattern of another:
//
//	riptide:k:KEY          a key of the user's (string)
//	riptide:c:CHANNEL      a channel of the user's
//	riptide:i:HANDLE       the channel on which a handle hears of acknowledgements
//	{riptide}:members      live members by the end of their time (sorted set)
//	{riptide}:metadata     their metadata (hash)
//	{riptide}:leader       holder, term and end of the lease (hash)
//	{riptide}:ack:ID       who took a message, for a few seconds (hash)
//
// The records in braces share one hash tag, so that each step is one script on
// one shard, atomic, by the server's clock. They expire when they are of no use
// any more; nothing is ever flushed or scanned but riptide:k:*.
//
// # Connections
//
// A handle opens one connection for all of its subscriptions, however many; one
// for the commands of callers who come one at a time; and one on which those of
// concurrent callers are pipelined (go-redis' full-duplex auto-pipelining). A
// handle on a client of the caller's own (New) does without the second, and what
// that client's pool adds is bounded by its PoolSize. The subscriptions' link is watched: a PING goes out three
// times within LinkTimeout, and a link that has been silent for that long is
// replaced. Whenever the link was replaced, every subscription is told so by
// ErrMessagesLost before its first message after the break.
//
// # Limits
//
// No command is sent twice: after an error a write may or may not have taken
// effect. A context that is done ends the wait at once; what was sent may still
// take effect. Failover of the server may lose what it had not replicated, a
// lease included; terms go on rising even then, provided that the server's clock
// does not go back. A foreign client that is subscribed to a handle's channels
// makes PublishWithAck wait until its timeout, since it never acknowledges; the
// number stays right.
//
// go-redis writes a line to the standard error for some failures; its SetLogger
// says to whom else.
package redis

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

// DefaultNamespace is the namespace of a handle whose options name none.
const DefaultNamespace = "riptide"

// Options are the optional settings of a handle. The zero value works.
type Options struct {
	// Namespace isolates the handle from all others on the server. Any 1 to
	// coordination.MaxNameLen bytes; default DefaultNamespace.
	Namespace string

	// Buffer is how many messages a subscription holds for a slow reader before
	// it drops the oldest. Default 8192.
	Buffer int

	// LinkTimeout is how long the link of the subscriptions may be silent
	// before it counts as dead and is replaced. At least 100 ms; default 5 s. On
	// a client of the caller's, for New, a whole message has to come within it.
	LinkTimeout time.Duration

	// TLS is the configuration for a rediss:// URL, for Open only. Default: the
	// system's roots and the URL's host name.
	TLS *tls.Config

	// Dialer opens the connections, for Open only. Default: net.Dialer.
	Dialer func(ctx context.Context, network, address string) (net.Conn, error)
}

const (
	defaultLinkTimeout = 5 * time.Second
	minLinkTimeout     = 100 * time.Millisecond
)

// Coordination is a handle on a namespace of a Redis server. Open it with Open
// or New and close it with Close.
type Coordination struct {
	client    *redis.Client
	own       *connections // of a client that is this handle's own; else nil
	lane      *lane        // beside it; else nil
	pipe      *redis.AutoPipeliner
	budget    *budget // of the pipe
	id        string  // of this handle, unique among all
	namespace string
	names     names
	buffer    int
	address   string

	link      *link
	acks      *acknowledger
	published *delivery.Rate
	received  *delivery.Rate

	closing  context.Context // done once Close has begun
	close    context.CancelFunc
	closed   chan struct{} // closed once Close has ended
	shutdown sync.Once
}

var _ coordination.DistributedCoordination = (*Coordination)(nil)

// Open connects to the server at url and checks that it answers. It takes
// redis://, rediss:// and unix:// URLs with user, password, database number and
// go-redis' query parameters:
//
//	redis://user:password@localhost:6379/3
//	rediss://localhost:6380?dial_timeout=2s
//	unix:///run/redis.sock?db=3
//
// ctx bounds the call, not the handle. options may be nil.
//
// Errors: ErrInvalidArgument for a url or an option that is no good;
// ErrUnavailable where nobody answers, it is no Redis server, or it refuses the
// password; ctx.Err(). No error ever shows a password.
func Open(ctx context.Context, url string, options *Options) (*Coordination, error) {
	if err := coordination.CheckContext("open", ctx); err != nil {
		return nil, err
	}
	if options == nil {
		options = &Options{}
	}
	parsed, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	own := configure(parsed, options)
	client := redis.NewClient(parsed)
	c, err := New(client, options)
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	c.own, c.lane = own, newLane(parsed, own.dial)
	if _, err := c.call(ctx, "open", "ping"); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// New returns a handle on a client that the caller owns, and closes after the
// handle. It connects to nothing yet. The client is a *redis.Client, for one
// server or with Sentinel (redis.NewFailoverClient). The handle uses its
// deferred auto-pipeliner, which the client closes with itself. Where the
// caller has made that before, with options of his own, those are in force; the
// same goes for the client's time-outs, without which a server that hangs is
// noticed by nobody but the contexts. Commands that are given up stay in the
// pipeline, 64 MiB of them at the most, until the server answers or the client
// takes it for dead.
//
// Errors: ErrInvalidArgument for a nil client, one of another type, and an
// option that is no good; ErrClosed where the client is closed.
func New(client redis.UniversalClient, options *Options) (*Coordination, error) {
	if options == nil {
		options = &Options{}
	}
	settings, err := options.checked()
	if err != nil {
		return nil, err
	}
	single, ok := client.(*redis.Client)
	if !ok || single == nil {
		return nil, fmt.Errorf("open: client is a %T, not a *redis.Client: %w", client, coordination.ErrInvalidArgument)
	}
	// Full duplex is the mode that does not tax a lone caller.
	pipe, err := single.AsyncAutoPipelineWithOptions(&redis.AutoPipelineOptions{FullDuplex: true, FullDuplexWindow: maxPending})
	if err != nil {
		return nil, fmt.Errorf("open: client: %w: %w", coordination.ErrClosed, err)
	}
	c := &Coordination{
		client:    single,
		pipe:      pipe,
		budget:    newBudget(),
		id:        rand.Text(),
		namespace: settings.Namespace,
		names:     newNames(settings.Namespace),
		buffer:    settings.Buffer,
		address:   single.Options().Addr,
		published: delivery.NewRate(),
		received:  delivery.NewRate(),
		closed:    make(chan struct{}),
	}
	c.closing, c.close = context.WithCancel(context.Background())
	c.link = newLink(c, settings.LinkTimeout)
	c.acks = newAcknowledger(c)
	return c, nil
}

// checked returns the options with their defaults, or what is wrong with them.
func (o Options) checked() (Options, error) {
	if o.Namespace == "" {
		o.Namespace = DefaultNamespace
	}
	if o.LinkTimeout == 0 {
		o.LinkTimeout = defaultLinkTimeout
	}
	if err := coordination.CheckName("open", "namespace", o.Namespace); err != nil {
		return o, err
	}
	if o.Buffer < 0 {
		return o, fmt.Errorf("open: buffer is %d, less than zero: %w", o.Buffer, coordination.ErrInvalidArgument)
	}
	if o.LinkTimeout < minLinkTimeout {
		return o, fmt.Errorf("open: link timeout is %v, less than %v: %w", o.LinkTimeout, minLinkTimeout, coordination.ErrInvalidArgument)
	}
	return o, nil
}

// Close implements coordination.DistributedCoordination. Acknowledgements of
// messages that were taken are still sent, for a second at the most.
func (c *Coordination) Close() error {
	c.shutdown.Do(func() {
		c.close()
		c.link.closeSubscriptions()
		c.acks.stop()
		c.link.farewell()
		if c.own != nil {
			c.lane.close()
			c.own.closeAll()
		}
		c.link.stop()
		if c.own != nil {
			_ = c.client.Close() // says only that calls were under way
		}
		c.budget.close()
		close(c.closed)
	})
	<-c.closed
	return nil
}
