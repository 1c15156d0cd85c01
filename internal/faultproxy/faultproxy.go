// Package faultproxy puts a TCP proxy with faults between a client and a server, for
// tests.
package faultproxy

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// Fault is what a proxy does to its connections.
type Fault string

// The first four happen once. The others last until Heal.
const (
	LostRequest   Fault = "lost request"    // reset before the request reaches the server
	LostReply     Fault = "lost reply"      // reset after the server has answered
	Reset         Fault = "reset"           // reset all connections, with the request
	HalfClose     Fault = "half-close"      // the client reads EOF; the server goes on reading
	BlackHole     Fault = "black hole"      // nothing arrives either way
	LostWay       Fault = "black hole up"   // nothing arrives at the server
	LostWayBack   Fault = "black hole down" // nothing arrives at the client
	Delay         Fault = "delay"           // each part takes 30 ms longer
	SlowLink      Fault = "slow link"       // 64 bytes take a millisecond
	none          Fault = ""
	delay               = 30 * time.Millisecond
	slowPart            = 64
	slowPartTakes       = time.Millisecond
)

// Proxy forwards connections to one server. It may be used concurrently.
type Proxy struct {
	// Address is where the proxy listens: host and port.
	Address string

	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	armed  Fault
	on     []byte // the armed fault begins with a request that contains it
	active Fault
	healed chan struct{} // closed by Heal
	links  map[*link]bool
	closed bool
}

// link is one connection of a client, and the proxy's own to the server.
type link struct {
	client, server *net.TCPConn
	loseReply      bool
	ended          chan struct{}
	once           sync.Once
}

// Start listens on a free loopback port and forwards to the server at target.
func Start(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		Address: listener.Addr().String(), target: target, listener: listener,
		healed: make(chan struct{}), links: map[*link]bool{},
	}
	p.running.Go(p.accept)
	return p, nil
}

// Target returns the address of the server.
func (p *Proxy) Target() string { return p.target }

// Inject begins a fault with the next request that contains on, in any case of
// letters, or at once if on is empty. It replaces the fault before.
func (p *Proxy) Inject(fault Fault, on string) {
	p.Heal()
	p.mu.Lock()
	defer p.mu.Unlock()
	if on != "" {
		p.armed, p.on = fault, bytes.ToLower([]byte(on))
		return
	}
	p.active = fault
	switch fault {
	case LostRequest, LostReply, Reset:
		p.active = none
		for l := range p.links {
			l.reset()
		}
	case HalfClose:
		p.active = none
		for l := range p.links {
			_ = l.client.CloseWrite()
		}
	}
}

// Heal ends the fault. What a black hole held back arrives now.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.active = none, none
	close(p.healed)
	p.healed = make(chan struct{})
}

// Close closes all connections and waits for the proxy's goroutines.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	_ = p.listener.Close()
	for l := range p.links {
		l.reset()
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client.(*net.TCPConn)) })
	}
}

func (p *Proxy) serve(client *net.TCPConn) {
	server, err := net.DialTimeout("tcp", p.target, time.Second)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{client: client, server: server.(*net.TCPConn), ended: make(chan struct{})}
	p.mu.Lock()
	if p.closed {
		l.reset()
	}
	p.links[l] = true
	p.mu.Unlock()
	p.running.Go(func() { p.forward(l, l.server, l.client, LostWayBack) })
	p.forward(l, l.client, l.server, LostWay)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// forward copies one way of a link, which the fault named hole interrupts.
func (p *Proxy) forward(l *link, from, to *net.TCPConn, hole Fault) {
	defer l.reset()
	part := make([]byte, 32<<10)
	for {
		n, err := from.Read(part)
		if err != nil {
			return
		}
		if from == l.client {
			p.meet(l, part[:n])
		} else if p.losesReply(l) {
			return
		}
		if !p.pass(l, to, part[:n], hole) {
			return
		}
	}
}

// meet begins the armed fault if the request is the one that it waits for.
func (p *Proxy) meet(l *link, request []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.armed == none || !bytes.Contains(bytes.ToLower(request), p.on) {
		return
	}
	fault := p.armed
	p.armed = none
	switch fault {
	case LostRequest:
		l.reset()
	case LostReply:
		l.loseReply = true
	case Reset:
		for each := range p.links {
			each.reset()
		}
	case HalfClose:
		_ = l.client.CloseWrite()
	default:
		p.active = fault
	}
}

func (p *Proxy) losesReply(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.loseReply
}

// pass writes a part as the active fault allows, and reports whether the link goes on.
func (p *Proxy) pass(l *link, to *net.TCPConn, part []byte, hole Fault) bool {
	for {
		p.mu.Lock()
		active, healed := p.active, p.healed
		p.mu.Unlock()
		switch active {
		case BlackHole, hole:
			select {
			case <-healed:
				continue
			case <-l.ended:
				return false
			}
		case Delay:
			time.Sleep(delay)
		case SlowLink:
			for len(part) > slowPart {
				if _, err := to.Write(part[:slowPart]); err != nil {
					return false
				}
				part = part[slowPart:]
				time.Sleep(slowPartTakes)
			}
		}
		_, err := to.Write(part)
		if err != nil && to == l.client && !l.isReset() {
			return true // half-closed: the client must not see an end of the other way
		}
		return err == nil
	}
}

func (l *link) isReset() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// reset ends both connections with RST.
func (l *link) reset() {
	l.once.Do(func() {
		close(l.ended)
		for _, connection := range []*net.TCPConn{l.client, l.server} {
			_ = connection.SetLinger(0)
			_ = connection.Close()
		}
	})
}
