package redis

import (
	"context"
	"net"
	"sync"
	"syscall"
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
	owner *connections
}

// checked is a connection of which go-redis can see whether the server has
// closed it, before it uses it.
type checked struct {
	*connection
	syscall.Conn
}

func (c *connections) connect(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.closing, cancel)()
	dialled, err := c.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	tracked := &connection{Conn: dialled, owner: c}
	if !c.add(tracked) {
		_ = dialled.Close()
		return nil, net.ErrClosed
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
		_ = tracked.Conn.Close()
	}
}

// closeAll closes them all, and lets no new ones come about.
func (c *connections) closeAll() {
	c.close()
	c.closeOpen()
}
