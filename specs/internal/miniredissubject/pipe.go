package miniredissubject

import (
	"net"
	"sync"
)

// pipe gives one end of a net.Pipe the buffer for writing that a socket has:
// with none, a client that writes while the server writes waits for ever, since
// go-redis' PubSub does not read while it writes.
type pipe struct {
	net.Conn
	wake   chan struct{}
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	pending []byte
	err     error
}

func newPipe(end net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	p := &pipe{Conn: end, wake: make(chan struct{}, 1), closed: make(chan struct{})}
	go p.pump()
	return p, nil
}

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	p.pending = append(p.pending, b...)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (p *pipe) pump() {
	for {
		select {
		case <-p.wake:
		case <-p.closed:
			return
		}
		p.mu.Lock()
		pending := p.pending
		p.pending = nil
		p.mu.Unlock()
		if _, err := p.Conn.Write(pending); err != nil {
			p.mu.Lock()
			p.err = err
			p.mu.Unlock()
			return
		}
	}
}

// Close ends the pump by closing the pipe on which it may wait.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return p.Conn.Close()
}
