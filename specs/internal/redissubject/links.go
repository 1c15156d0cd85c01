package redissubject

import (
	"context"
	"errors"
	"net"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
)

// Links are the connections of the handles that a subject opened, which it can
// break.
type Links struct {
	// Dial makes the connections.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex
	wires map[coordination.DistributedCoordination]*wires
}

// OpenAt opens a handle on the server at a URL, whose connections are its wires.
func (l *Links) OpenAt(ctx context.Context, url string, options *redis.Options) (coordination.DistributedCoordination, error) {
	return l.open(func(w *wires) (coordination.DistributedCoordination, error) {
		options.Dialer = w.connect
		return redis.Open(ctx, url, options)
	})
}

// OpenAs opens a handle with the settings of a client of the caller's.
func (l *Links) OpenAs(of *goredis.Options, options *redis.Options) (coordination.DistributedCoordination, error) {
	return l.open(func(w *wires) (coordination.DistributedCoordination, error) {
		of.Dialer = w.connect
		client := goredis.NewClient(of)
		defer func() { _ = client.Close() }() // the handle has connections of its own
		return redis.New(client, options)
	})
}

func (l *Links) open(open func(*wires) (coordination.DistributedCoordination, error)) (coordination.DistributedCoordination, error) {
	w := &wires{dial: l.Dial, open: map[*wire]bool{}}
	handle, err := open(w)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wires == nil {
		l.wires = map[coordination.DistributedCoordination]*wires{}
	}
	l.wires[handle] = w
	return handle, nil
}

func (l *Links) of(handle coordination.DistributedCoordination) *wires {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wires[handle]
}

// Cut implements specs.Links.
func (l *Links) Cut(handle coordination.DistributedCoordination) { l.of(handle).set(true, false) }

// Freeze implements specs.Links.
func (l *Links) Freeze(handle coordination.DistributedCoordination) { l.of(handle).set(false, true) }

// Heal implements specs.Links.
func (l *Links) Heal(handle coordination.DistributedCoordination) { l.of(handle).set(false, false) }

// Connections implements specs.Connections.
func (l *Links) Connections(handle coordination.DistributedCoordination) int {
	w := l.of(handle)
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open)
}

// wires are the connections of one handle.
type wires struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu          sync.Mutex
	open        map[*wire]bool
	cut, frozen bool
}

// wire is a connection that passes on nothing while it is frozen.
type wire struct {
	net.Conn
	of *wires
}

var errCut = errors.New("the link is cut")

func (w *wires) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if w.is().cut {
		return nil, errCut
	}
	dialled, err := w.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	connection := &wire{dialled, w}
	w.open[connection] = true
	return connection, nil
}

type condition struct{ cut, frozen bool }

func (w *wires) is() condition {
	w.mu.Lock()
	defer w.mu.Unlock()
	return condition{w.cut, w.frozen}
}

// set changes the condition; only freezing leaves the connections open.
func (w *wires) set(cut, frozen bool) {
	w.mu.Lock()
	wasFrozen := w.frozen
	w.cut, w.frozen = cut, frozen
	var broken []*wire
	if cut || wasFrozen && !frozen {
		for connection := range w.open {
			broken = append(broken, connection)
		}
	}
	w.mu.Unlock()
	for _, connection := range broken {
		_ = connection.Close()
	}
}

func (w *wire) Read(b []byte) (int, error) {
	for {
		n, err := w.Conn.Read(b)
		if err != nil || !w.of.is().frozen {
			return n, err
		}
	}
}

func (w *wire) Write(b []byte) (int, error) {
	if w.of.is().frozen {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

func (w *wire) Close() error {
	w.of.mu.Lock()
	delete(w.of.open, w)
	w.of.mu.Unlock()
	return w.Conn.Close()
}
