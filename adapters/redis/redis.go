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
//	riptide:i:HANDLE       the inbox of a handle: acknowledgements and probes
//	{riptide}:members      live members by the end of their time (sorted set)
//	{riptide}:metadata     their metadata (hash)
//	{riptide}:leader       holder, term and end of the lease (hash; see lease.lua)
//	{riptide}:election:NAME  the same for an election by name (hash)
//	{riptide}:ack:ID       who took a message, for a few seconds (hash)
//
// With Options.ShardedChannels the channels are {riptide}:c:CHANNEL and {riptide}:i:HANDLE,
// and home serves them as it serves the records.
//
// In another database than 0 its number follows the letter in the names of channels
// (riptide:c3:CHANNEL), because a server does not keep the channels of its databases
// apart.
//
// The records in braces share one hash tag, so that each step is one script on
// one shard, atomic, by the server's clock. They expire when they are of no use
// any more; nothing is ever flushed or scanned but riptide:k:*.
//
// # Deployments
//
// All records of a namespace, what is published and the subscriptions of a handle go to
// one server, its home. Deployments differ in how home is found:
//
//   - One server: at the address of the URL.
//   - Sentinel: the primary that most of the Sentinels name. A server that says that it
//     is a replica is refused. When a Sentinel tells of a failover, home is looked up at
//     once.
//   - Cluster: the node that serves the slot of {riptide}. Keys of the user's go to the
//     nodes that serve their own slots; Keys and FlushAll visit all primaries.
//
// Home is looked up again three times within LinkTimeout. When it is another server, or
// when it refuses a write because it is a replica, the handle closes all connections to
// it and connects anew. A name that has several addresses of one server keeps its
// connections: a server counts as another one if its run_id (INFO) differs.
//
// On a Cluster a command that a node did not run (MOVED, ASK, TRYAGAIN, CLUSTERDOWN) is
// sent on, to the right node or again, for a second at most. During a failover calls
// return ErrUnavailable until the Cluster has elected another primary. Keys returns every
// key that is there all the while, also if slots move meanwhile; if they move without a
// pause it returns ErrUnavailable. DeleteMany is one command for each key.
//
// # Connections
//
// A handle opens one connection for all of its subscriptions; one for the commands
// of callers who come one at a time; and one on which those of concurrent callers
// are pipelined (go-redis' full-duplex auto-pipelining). A fourth one, for commands
// that must follow one another, opens with the first HealthCheck or Stats, or the first
// acquisition that waits for replicas. On a Cluster there are up to three more to each
// node, and with Sentinel two to each Sentinel, of which one listens for +switch-master.
// New opens the same ones as Open.
//
// Connecting, with the TLS handshake, ends within dial_timeout, and each reply comes
// within read_timeout; both are 5 s by default. A connection that the other side
// closed while it was idle is replaced before it is used: without a file descriptor to
// look at, as with TLS, a PING asks after each pause of 100 ms. When the network comes
// back after a silence, handshakes that it swallowed are given up.
//
// The subscriptions' link is watched end to end: three times within LinkTimeout the
// handle publishes a probe to its own inbox, which must come back, so that a link that
// turns deaf is found out within LinkTimeout; then all connections are replaced. So is a
// link that is silent for LinkTimeout, a quarter later at most.
// Whenever the link was replaced, every subscription receives ErrMessagesLost before its
// first message after the break. Subscriptions are made again a quarter of a megabyte of
// names at a time: for 20,000 names of 4 KiB that takes less than ten seconds on a near
// server. New calls of Subscribe do not wait for them. Subscribe fails if the server
// answers nothing for LinkTimeout; while it answers other calls, Subscribe waits its turn.
//
// # Limits
//
// No command is sent again that a server may have run: after an error a write may or
// may not have taken effect. A context that is done ends the wait at once; what was sent may
// still take effect.
//
// Acknowledgements are the exception, because what comes twice counts once: they are sent
// again until the server has taken them, for 30 s or as long as the publisher waits. A
// handle holds about a million that wait for the server and drops others; then
// PublishWithAck counts too few.
//
// A failover loses what the old primary had not replicated, a lease included: see
// LeadershipOptions. Terms rise even then, and if the server has lost all records,
// because they follow the server's clock, and every handle remembers the greatest term
// that it has seen. A term can be too low only if three things come together: the
// record is lost, the server's clock is behind the last term, and the candidate has
// never seen that term. Once a candidate that has seen it tries, the leader's next
// renewal gets a greater term.
//
// A message that is longer than any of ours is not read: those that subscribe to its
// channel receive ErrMessagesLost.
//
// A foreign client that is subscribed to a handle's channels makes PublishWithAck wait
// until its timeout, since it never acknowledges; the number stays right. A client that
// may publish can inject messages, and create records of acknowledgements that last up
// to a day; one that may also subscribe can falsify the number of a message that it
// reads. A record of acknowledgements lasts 24 hours at most, whatever the timeout.
package redis

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
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
	// before it counts as dead and is replaced. At least 100 ms; default 5 s.
	LinkTimeout time.Duration

	// TLS is the configuration for a rediss:// or valkeys:// URL, for Open only.
	// Default: the system's roots and the URL's host name.
	TLS *tls.Config

	// Dialer opens the connections, for Open only: to servers, nodes and Sentinels
	// alike, without TLS. It must return when its context is done. It is also called
	// three times within LinkTimeout to see where the address leads. Default:
	// net.Dialer.
	Dialer func(ctx context.Context, network, address string) (net.Conn, error)

	// Logger receives what happens to the connections: broken, dropped, connected
	// again. Nothing that it receives holds a password or a payload. Default: none.
	//
	// go-redis has one logger for the whole process. Open and New set it to the
	// handle's if there is one, so the last handle's Logger receives go-redis' lines
	// about all of them; without any Logger they go to the standard error.
	Logger *slog.Logger

	// Leadership makes the lease safer when the server fails over.
	Leadership LeadershipOptions

	// ShardedChannels has messages go by sharded pub/sub (SPUBLISH, from Redis 7 on),
	// so that on a Cluster only home and its replicas carry the messages of the
	// namespace, and not every node. Subscribe then takes exact channels only, and
	// returns ErrInvalidArgument for a pattern with wildcards. All handles of a
	// namespace must have the same setting: those with another do not hear each other.
	ShardedChannels bool
}

const (
	defaultLinkTimeout = 5 * time.Second
	minLinkTimeout     = 100 * time.Millisecond
)

// Coordination is a handle on a namespace of a Redis server. Open it with Open
// or New and close it with Close.
type Coordination struct {
	coordination.Claims

	home      *server // of the records, the publishes and the subscriptions
	id        string  // of this handle, unique among all
	namespace string
	names     names
	buffer    int

	uses       [][]any // of the home server
	leadership *election
	link       *link
	acks       *acknowledger
	published  *delivery.Rate
	received   *delivery.Rate

	closing  context.Context // done once Close has begun
	close    context.CancelFunc
	closed   chan struct{} // closed once Close has ended
	shutdown sync.Once

	electing  sync.Mutex // guards what follows
	elections map[string]*election
}

var (
	_ coordination.DistributedCoordination = (*Coordination)(nil)
	_ coordination.Elections               = (*Coordination)(nil)
)

// checked returns the options with their defaults, or what is wrong with them.
func (given *Options) checked() (Options, error) {
	o := Options{}
	if given != nil {
		o = *given
	}
	if o.Namespace == "" {
		o.Namespace = DefaultNamespace
	}
	if o.LinkTimeout == 0 {
		o.LinkTimeout = defaultLinkTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	} else {
		redis.SetLogger(clientLog{o.Logger})
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
	leadership, err := o.Leadership.checked()
	o.Leadership = leadership
	return o, err
}

// Close implements coordination.DistributedCoordination. Acknowledgements of
// messages that were taken are still sent, for a second at the most.
func (c *Coordination) Close() error {
	c.shutdown.Do(func() {
		c.close()
		c.link.closeSubscriptions()
		c.acks.stop()
		c.link.farewell()
		c.home.disconnect()
		c.link.stop()
		c.home.close()
		close(c.closed)
	})
	<-c.closed
	return nil
}
