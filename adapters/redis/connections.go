package redis

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// dialer opens a connection.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// connections are the open connections of a handle to one server. It can close
// all of them at once: go-redis itself waits for its time-outs.
type connections struct {
	dial    dialer
	bound   time.Duration // of connecting, TLS included
	log     *slog.Logger  // names the server
	closing context.Context
	close   context.CancelFunc // closeAll has begun

	// peers are all connections to the server, these included.
	peers []*connections

	mu       sync.Mutex // guards what follows
	open     map[*connection]struct{}
	attempts map[*attempt]struct{} // dials under way
	failed   bool                  // the last dial
}

// attempt is a dial under way.
type attempt struct {
	began  time.Time
	cancel context.CancelFunc
}

// overdue is how long a new connection may take to answer while others answer. Then
// it is given up: what it sent was lost when the network was not whole.
const overdue = time.Second

func newConnections(dial dialer, bound time.Duration, log *slog.Logger) *connections {
	c := &connections{dial: dial, bound: bound, log: log, open: map[*connection]struct{}{}, attempts: map[*attempt]struct{}{}}
	c.peers = []*connections{c}
	c.closing, c.close = context.WithCancel(context.Background())
	return c
}

// connection is one of them until it is closed.
type connection struct {
	net.Conn
	owner    *connections
	target   string        // the address that was dialled
	silence  time.Duration // how long it may be silent; 0 if its deadlines are for whole replies
	oversize oversize      // of the link; only the reader uses it
	renewed  time.Time     // the last deadline; only the reader uses it
	opened   time.Time
	refused  atomic.Bool           // by the server, when it accepted the connection
	reason   atomic.Pointer[error] // why the handle closed it; nil if it did not, or had none
	closed   atomic.Bool
	checking atomic.Bool  // by the pool, before it uses the connection
	used     atomic.Int64 // nanoseconds from epoch to the last read; 0 before the first
}

// epoch is a reading of the monotonic clock.
var epoch = time.Now()

// targetKey is the key of a context's value: a *string to which a dialer that
// chooses the address itself writes it.
type targetKey struct{}

// Read postpones the deadline when data arrives: a large message may take longer
// than a link may be silent.
func (c *connection) Read(to []byte) (int, error) {
	if c.silence > 0 {
		return c.oversize.read(to, c.read)
	}
	return c.read(to)
}

func (c *connection) read(to []byte) (int, error) {
	count, err := c.Conn.Read(to)
	now := time.Now()
	if count > 0 {
		if c.used.Swap(int64(now.Sub(epoch))) == 0 {
			c.refused.Store(bytes.HasPrefix(to[:count], []byte(tooMany)))
			for _, peers := range c.owner.peers {
				peers.giveUp(now.Add(-overdue))
			}
		}
		if c.silence > 0 && now.Sub(c.renewed) > c.silence/8 {
			c.renewed = now
			err = cmp.Or(err, c.SetReadDeadline(now.Add(c.silence+c.silence/4)))
		}
	}
	if err != nil {
		c.broke(err)
		err = c.because(err)
		if c.refused.Load() {
			err = c.withReason(err)
		}
	}
	return count, err
}

// Write returns a dialError if the handle itself closed the connection: the last part
// of the command was not sent, so the server does not run it.
func (c *connection) Write(from []byte) (int, error) {
	count, err := c.Conn.Write(from)
	switch {
	case err == nil:
	case c.closed.Load():
		err = unsent(c.because(err), time.Time{})
	default:
		err = c.withReason(err)
	}
	return count, err
}

// SetReadDeadline returns the reason if the handle closed the connection.
func (c *connection) SetReadDeadline(deadline time.Time) error {
	return c.because(c.Conn.SetReadDeadline(deadline))
}

// SetWriteDeadline returns the reason if the handle closed the connection.
func (c *connection) SetWriteDeadline(deadline time.Time) error {
	return c.because(c.Conn.SetWriteDeadline(deadline))
}

// because adds to an error why the handle closed the connection.
func (c *connection) because(err error) error {
	if reason := c.reason.Load(); err != nil && reason != nil {
		return fmt.Errorf("%w: dropped: %w", err, *reason)
	}
	return err
}

// tooMany is what a server says when it accepts a connection only to close it.
const tooMany = "-ERR max number of clients reached"

// withReason adds the server's reason to the error of a connection that it refused:
// go-redis takes it for the reply to its HELLO, and goes on.
func (c *connection) withReason(err error) error {
	const wait = 10 * time.Millisecond // for what has arrived already
	if c.used.Load() == 0 && c.SetReadDeadline(time.Now().Add(wait)) == nil {
		said := make([]byte, len(tooMany))
		count, _ := c.Conn.Read(said)
		c.refused.Store(string(said[:count]) == tooMany)
	}
	if c.refused.Load() {
		return fmt.Errorf("%s: %w", tooMany[1:], err)
	}
	return err
}

// broke logs that the other side, or the network, ended the connection.
func (c *connection) broke(err error) {
	var timeout net.Error
	if c.closed.Load() || errors.As(err, &timeout) && timeout.Timeout() {
		return
	}
	c.owner.log.Warn("redis: connection broken", "remote", c.target, "error", err)
}

// connect never fails: if it cannot connect, the connection that it returns
// fails. After some failed dials go-redis' pool would fail without another, and
// dial once a second in a goroutine that outlives the client.
func (c *connections) connect(ctx context.Context, network, address string) (net.Conn, error) {
	began := time.Now()
	var silence time.Duration
	if dial, ok := ctx.Value(linkKey{}).(*linkDial); ok {
		if dial.once.Swap(true) {
			return unreachable{cause: unsent(net.ErrClosed, began)}, nil
		}
		silence = dial.silence
	}
	dialled, target, err := c.dialBounded(ctx, network, address)
	c.report(target, err)
	if err != nil {
		return unreachable{cause: unsent(err, began)}, nil
	}
	tracked := &connection{Conn: dialled, owner: c, target: target, silence: silence, opened: time.Now()}
	if !c.add(tracked) {
		_ = dialled.Close()
		return unreachable{cause: net.ErrClosed}, nil
	}
	if system, ok := dialled.(syscall.Conn); ok {
		return visible{tracked, system}, nil
	}
	return opaque{tracked}, nil
}

// dialBounded dials within the bound, and until closeAll. It returns the address
// that the connection leads to.
func (c *connections) dialBounded(ctx context.Context, network, address string) (net.Conn, string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.bound)
	defer cancel()
	defer context.AfterFunc(c.closing, cancel)()
	defer c.attempt(cancel)()
	target := ""
	dialled, err := c.dial(context.WithValue(ctx, targetKey{}, &target), network, address)
	if err != nil {
		return nil, target, err
	}
	if target == "" {
		target = dialled.RemoteAddr().String()
	}
	return dialled, target, nil
}

// attempt notes that a dial is under way, until what it returns is called.
func (c *connections) attempt(cancel context.CancelFunc) (over func()) {
	a := &attempt{time.Now(), cancel}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts[a] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.attempts, a)
	}
}

// giveUp ends dials that began before a time, and closes connections that were opened
// before it and have never answered.
func (c *connections) giveUp(before time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for a := range c.attempts {
		if a.began.Before(before) {
			a.cancel()
		}
	}
	for tracked := range c.open {
		if tracked.opened.Before(before) && tracked.used.Load() == 0 {
			delete(c.open, tracked)
			tracked.abort()
		}
	}
}

// report logs a dial: each success that follows a failure, and each first failure.
func (c *connections) report(target string, err error) {
	c.mu.Lock()
	failed := c.failed
	c.failed = err != nil
	c.mu.Unlock()
	switch {
	case c.closing.Err() != nil:
	case err == nil && failed:
		c.log.Info("redis: connected again", "remote", target)
	case err == nil:
		c.log.Debug("redis: connected", "remote", target)
	case !failed:
		c.log.Warn("redis: cannot connect", "error", err)
	}
}

func (c *connections) add(tracked *connection) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing.Err() != nil {
		return false
	}
	c.open[tracked] = struct{}{}
	return true
}

// targets returns the addresses that the open connections lead to.
func (c *connections) targets() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	targets := make([]string, 0, len(c.open))
	for tracked := range c.open {
		targets = append(targets, tracked.target)
	}
	return targets
}

// Close removes the connection from those of its owner.
func (c *connection) Close() error {
	c.closed.Store(true)
	c.owner.mu.Lock()
	delete(c.owner.open, c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

// closeOpen closes the connections that are open now, and ends the dials under way. Calls
// that are using one fail with the reason, if there is one.
func (c *connections) closeOpen(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for a := range c.attempts {
		a.cancel()
	}
	for tracked := range c.open {
		if reason != nil {
			tracked.reason.Store(&reason)
		}
		tracked.abort()
	}
	clear(c.open)
}

// abort closes the socket under a connection: TLS would send its close_notify first,
// and wait.
func (c *connection) abort() {
	c.closed.Store(true)
	socket := c.Conn
	if secured, ok := socket.(interface{ NetConn() net.Conn }); ok {
		socket = secured.NetConn()
	}
	_ = socket.Close()
}

// closeAll closes all connections, and refuses new ones.
func (c *connections) closeAll() {
	c.close()
	c.closeOpen(nil)
}
