package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

// Open connects to the server at url and checks that it answers. It takes
// redis://, rediss:// and unix:// URLs with user, password, database number and
// go-redis' query parameters:
//
//	redis://user:password@localhost:6379/3
//	rediss://localhost:6380?dial_timeout=2s
//	unix:///run/redis.sock?db=3
//	redis://node-1:6379,node-2:6379
//	redis://node-1?addr=node-2:6379&addr=node-3:6379
//	redis://:password@sentinel-1:26379,sentinel-2:26379?master_name=main&password=secret
//
// Several addresses are nodes of a Cluster; so is a single one that says so (HELLO).
// With master_name the addresses are those of Sentinels, and user and password are
// theirs; username and password as parameters are those of the servers. rediss://
// means TLS to all. A few of the nodes or Sentinels are enough: they name the others.
//
// valkey:// and valkeys:// are other names of redis:// and rediss://. Whatever would
// have no effect is refused: parameters of retries and pools, for which the adapter
// makes its own choice, a database number on a Cluster, TLS with redis://.
//
// ctx bounds the call, not the handle. options may be nil.
//
// Errors: ErrInvalidArgument for an invalid url or option; ErrUnavailable if
// nobody answers, it is no Redis server, or it refuses the password; ctx.Err(). No
// error ever shows a password.
func Open(ctx context.Context, url string, options *Options) (*Coordination, error) {
	if err := coordination.CheckContext("open", ctx); err != nil {
		return nil, err
	}
	parsed, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	checked, err := options.checked()
	if err != nil {
		return nil, err
	}
	if checked.TLS != nil && parsed.options.TLSConfig == nil {
		return nil, fmt.Errorf("open: TLS has no effect on this url, want rediss:// or valkeys://: %w", coordination.ErrInvalidArgument)
	}
	parsed.options.TLSConfig = tlsOf(parsed.options.TLSConfig, checked.TLS)
	switch {
	case parsed.master != "":
		return openSentinel(ctx, parsed, checked)
	case len(parsed.addresses) > 1:
		return openCluster(ctx, parsed, checked)
	default:
		return openSingle(ctx, parsed, checked)
	}
}

// openSingle opens a handle on one server.
func openSingle(ctx context.Context, at *location, options Options) (*Coordination, error) {
	dial, locate := options.dialer(at)
	home, err := newServer(at.options.Addr, at.options, dial, options.Logger)
	if err != nil {
		return nil, fmt.Errorf("open: client: %w", err)
	}
	home.locate = locate
	if options.Dialer != nil {
		home.locate = home.dialed
	}
	c := newCoordination(home, options)
	mode, err := c.mode(ctx)
	switch {
	case err != nil:
	case mode == "cluster":
		_ = c.Close()
		return openCluster(ctx, at, options)
	case mode == "sentinel":
		err = fmt.Errorf("open: url leads to a Sentinel, want master_name=NAME of a primary in it: %w", coordination.ErrInvalidArgument)
	default:
		return c, nil
	}
	_ = c.Close()
	return nil, err
}

// dialer returns what opens the connections, and what resolves the host if it is a
// name.
func (o *Options) dialer(at *location) (dialer, locator) {
	if o.Dialer != nil {
		return secured(o.Dialer, at.options.TLSConfig), nil
	}
	dial := secured(netDialer(), at.options.TLSConfig)
	host, port, err := net.SplitHostPort(at.options.Addr)
	if at.options.Network == "unix" || err != nil || net.ParseIP(host) != nil {
		return dial, nil
	}
	return dial, resolved(host, port)
}

// mode asks the home server whether it is standalone, a node of a cluster, or a
// sentinel. A server that does not tell counts as standalone.
func (c *Coordination) mode(ctx context.Context) (string, error) {
	switch _, err := c.call(ctx, "open", "ping"); {
	case err != nil && strings.Contains(err.Error(), "SELECT is not allowed in cluster mode"):
		return "cluster", nil
	case err != nil:
		return "", err
	}
	var refusal redis.Error
	switch reply, err := c.do(ctx, "hello"); {
	case err == nil:
		return fieldOf(reply, "mode"), nil
	case !errors.As(err, &refusal):
		return "", c.failure(ctx, "open", err)
	}
	reply, err := c.do(ctx, "info", "server") // an ACL may refuse HELLO
	if err != nil && !errors.As(err, &refusal) {
		return "", c.failure(ctx, "open", err)
	}
	text, _ := reply.(string)
	_, mode, _ := strings.Cut(text, "redis_mode:")
	mode, _, _ = strings.Cut(mode, "\r\n")
	return mode, nil
}

// fieldOf reads a field of the reply of HELLO, a map in RESP3 and a list in RESP2.
func fieldOf(hello any, name string) string {
	switch hello := hello.(type) {
	case map[any]any:
		value, _ := hello[name].(string)
		return value
	case []any:
		for i := 0; i+1 < len(hello); i += 2 {
			if hello[i] == name {
				value, _ := hello[i+1].(string)
				return value
			}
		}
	}
	return ""
}

// New returns a handle that connects as a client of the caller does: to the same
// server, with its dialer, user, password, database, protocol, time-outs, buffers
// and ages of connections. It connects to nothing yet. The client is a
// *redis.Client, for one server or with Sentinel (redis.NewFailoverClient), or a
// *redis.ClusterClient.
//
// The handle opens connections of its own, and does not use the client's pool, hooks,
// limiter, retries or routing to replicas. The client's dialer must return when its
// context is done; that of go-redis with TLS returns after DialTimeout, for which Close
// may have to wait. It is also called three times within LinkTimeout to see where the
// address leads. With Sentinel the client resolves the primary: close it after the
// handle. Other clients may be closed at any time.
//
// Errors: ErrInvalidArgument for a nil client, one of another type, and an invalid
// option; ErrClosed if the client is closed.
func New(client redis.UniversalClient, options *Options) (*Coordination, error) {
	checked, err := options.checked()
	if err != nil {
		return nil, err
	}
	if checked.TLS != nil || checked.Dialer != nil {
		return nil, fmt.Errorf("open: TLS and Dialer have no effect with a client, set them on the client: %w", coordination.ErrInvalidArgument)
	}
	var single *redis.Client
	switch client := client.(type) {
	case *redis.Client:
		single = client
	case *redis.ClusterClient:
		if client != nil {
			return newOnCluster(client, checked)
		}
	}
	if single == nil {
		return nil, fmt.Errorf("open: client is a %T, want a *redis.Client or a *redis.ClusterClient: %w", client, coordination.ErrInvalidArgument)
	}
	if isClosed(single) {
		return nil, fmt.Errorf("open: client: %w", coordination.ErrClosed)
	}
	from := single.Options()
	if from.Addr == failoverAddress {
		of := *from
		of.OnConnect = primaryOnly(of.OnConnect)
		from = &of
	}
	home, err := newServer(from.Addr, from, from.Dialer, checked.Logger)
	if err != nil {
		return nil, fmt.Errorf("open: client: %w", err)
	}
	home.locate, home.certain = home.dialed, from.Addr == failoverAddress
	return newCoordination(home, checked), nil
}

func newOnCluster(client *redis.ClusterClient, options Options) (*Coordination, error) {
	if isClosed(client) {
		return nil, fmt.Errorf("open: client: %w", coordination.ErrClosed)
	}
	return newClusterHandle(ofClusterClient(client, options.Logger), options)
}

// failoverAddress is what go-redis' Sentinel client has for an address.
const failoverAddress = "FailoverClient"

// isClosed reports whether a client is closed, without any traffic: a context that
// is done fails the command before it is sent.
func isClosed(client redis.UniversalClient) bool {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	return errors.Is(client.Ping(done).Err(), redis.ErrClosed)
}

// newCoordination returns a handle on a server that it owns.
func newCoordination(home *server, options Options) *Coordination {
	c := &Coordination{
		home:      home,
		id:        rand.Text(),
		namespace: options.Namespace,
		names:     newNames(options.Namespace, home.options.DB, options.ShardedChannels),
		buffer:    options.Buffer,
		published: delivery.NewRate(),
		received:  delivery.NewRate(),
		closed:    make(chan struct{}),
	}
	c.closing, c.close = context.WithCancel(context.Background())
	c.uses = uses(c.names, options, Deployment{Database: home.options.DB, Cluster: home.cluster != nil})
	if home.cluster == nil {
		c.uses = append(c.uses, keyUses(c.names.keys+"health")...)
	}
	c.leadership = newElection(c, c.names.leaderRecord(), options.Leadership)
	c.link = newLink(c, options.LinkTimeout)
	c.acks = newAcknowledger(c)
	home.watch(options.LinkTimeout / 3)
	return c
}
