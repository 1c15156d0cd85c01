package redis

import (
	"cmp"
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// dialer opens a connection.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// connections are the open ones of a handle that owns its client, so that Close
// ends whatever is blocked on one of them: go-redis itself would wait for its
// time-outs.
type connections struct {
	dial    dialer
	closing context.Context // done once closeAll has begun
	close   context.CancelFunc

	mu   sync.Mutex // guards what follows
	open map[*connection]struct{}
}

func newConnections(dial dialer) *connections {
	c := &connections{dial: dial, open: map[*connection]struct{}{}}
	c.closing, c.close = context.WithCancel(context.Background())
	return c
}

// connection is one of them until it is closed.
type connection struct {
	net.Conn
	owner   *connections
	silence time.Duration // how long it may be silent; 0 where its deadlines are for whole answers
	renewed time.Time     // the last deadline; for who reads
}

// silenceKey is for the value of a context in which a connection is opened that may
// be silent for so long.
type silenceKey struct{}

// Read puts the deadline off while something comes: a large message may take longer
// than a link may be silent.
func (c *connection) Read(to []byte) (int, error) {
	count, err := c.Conn.Read(to)
	if now := time.Now(); count > 0 && c.silence > 0 && now.Sub(c.renewed) > c.silence/8 {
		c.renewed = now
		err = cmp.Or(err, c.SetReadDeadline(now.Add(c.silence+c.silence/4)))
	}
	return count, err
}

// checked is a connection of which go-redis can see whether the server has
// closed it, before it uses it.
type checked struct {
	*connection
	syscall.Conn
}

// undialled stands for a connection that can't be opened, and says so when it is
// used. A pool of go-redis that is told of a failed dial itself goes on dialling
// in the background: once a second, which is how long it takes for a server to
// be found again, and also after it was closed.
type undialled struct{ err error }

func (u undialled) Read([]byte) (int, error)         { return 0, u.err }
func (u undialled) Write([]byte) (int, error)        { return 0, u.err }
func (u undialled) Close() error                     { return nil }
func (u undialled) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (u undialled) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (u undialled) SetDeadline(time.Time) error      { return nil }
func (u undialled) SetReadDeadline(time.Time) error  { return nil }
func (u undialled) SetWriteDeadline(time.Time) error { return nil }

// connect never fails: where it can't connect, what it returns does. After some
// failed dials go-redis' pool would fail without another, and dial once a second
// in a goroutine that outlives the client.
func (c *connections) connect(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.closing, cancel)()
	dialled, err := c.dial(ctx, network, address)
	if err != nil {
		return undialled{err}, nil
	}
	silence, _ := ctx.Value(silenceKey{}).(time.Duration)
	tracked := &connection{Conn: dialled, owner: c, silence: silence}
	if !c.add(tracked) {
		_ = dialled.Close()
		return unreachable{cause: net.ErrClosed}, nil
	}
	if system, ok := dialled.(syscall.Conn); ok {
		return checked{tracked, system}, nil
	}
	return tracked, nil
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

// Close takes the connection out of those of the handle.
func (c *connection) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.open, c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

// closeOpen closes those that are open now.
func (c *connections) closeOpen() {
	c.mu.Lock()
	open := c.open
	c.open = map[*connection]struct{}{}
	c.mu.Unlock()
	for tracked := range open {
		socket := tracked.Conn
		if secured, ok := socket.(interface{ NetConn() net.Conn }); ok {
			socket = secured.NetConn() // TLS would say goodbye first, and wait
		}
		_ = socket.Close()
	}
}

// closeAll closes them all, and lets no new ones come about.
func (c *connections) closeAll() {
	c.close()
	c.closeOpen()
}

// unreachable is a connection that there is not, for the cause.
type unreachable struct{ cause error }

var _ net.Conn = unreachable{}

func (u unreachable) Read([]byte) (int, error)         { return 0, u.cause }
func (u unreachable) Write([]byte) (int, error)        { return 0, u.cause }
func (u unreachable) Close() error                     { return nil }
func (u unreachable) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (u unreachable) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (u unreachable) SetDeadline(time.Time) error      { return nil }
func (u unreachable) SetReadDeadline(time.Time) error  { return nil }
func (u unreachable) SetWriteDeadline(time.Time) error { return nil }
