package sync

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

// network is the backend of a simulated cluster: a memory hub, between which and
// the nodes messages are lost, doubled, delayed and overtaken, and calls fail,
// hang and are answered late. Whatever happens to a message is drawn from the
// seed, who sends it, its number and who is to receive it, and thus the same in
// each run of the seed, in whatever order goroutines run.
type network struct {
	seed uint64
	hub  *memory.Hub

	drop, double, overtake float64 // chances, for each message and receiver

	mu     sync.Mutex // guards what follows
	ports  map[string]*simPort
	healed bool
	heal   chan struct{} // closed when faults stop
}

func newNetwork(seed uint64, random *rand.Rand) *network {
	pick := func(chances ...float64) float64 { return chances[random.IntN(len(chances))] }
	return &network{
		seed: seed, hub: memory.NewHub(), ports: make(map[string]*simPort), heal: make(chan struct{}),
		drop: pick(0, 0.02, 0.1), double: pick(0, 0.05), overtake: pick(0, 0.05, 0.2),
	}
}

// draw returns the source of chance for what name names.
func (n *network) draw(name string) *rand.Rand {
	return rand.New(rand.NewPCG(n.seed, fnv64(name)))
}

func fnv64(name string) uint64 {
	hash := uint64(14695981039346656037)
	for i := range len(name) {
		hash = (hash ^ uint64(name[i])) * 1099511628211
	}
	return hash
}

// stopFaults ends what hangs, and lets nothing go wrong from now on.
func (n *network) stopFaults() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.healed = true
	close(n.heal)
	for _, port := range n.ports {
		port.cut.Store(false)
		port.deaf.Store(false)
		port.deafTo.Store(nil)
		port.resume()
	}
}

func (n *network) faulty() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.healed
}

// simPort is the port of one incarnation of a node.
type simPort struct {
	*memory.Coordination
	network *network
	node    string // who this is
	name    string // of the incarnation

	dead   atomic.Bool            // crashed
	cut    atomic.Bool            // the backend can't be reached
	deaf   atomic.Bool            // nothing is heard, and nobody says so
	deafTo atomic.Pointer[string] // the node that is not heard
	losses atomic.Uint64          // of which the subscription is to tell

	mu        sync.Mutex          // guards what follows
	missed    []simMissed         // what it was not to receive
	heard     map[*simPort]uint64 // the highest number that each sender has told it of
	proven    time.Time           // when the newest own heartbeat that came back was sent
	calls     map[string]int      // how many, by what
	suspended chan struct{}       // closed when the process goes on; nil where it does
}

var _ coordination.DistributedCoordination = (*simPort)(nil)

func (n *network) open(node, name string) *simPort {
	handle, _ := n.hub.Open(nil) // default options are never refused
	port := &simPort{Coordination: handle, network: n, node: node, name: name, calls: make(map[string]int), heard: make(map[*simPort]uint64)}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ports[node] = port
	return port
}

// crash makes an end of the incarnation, in the middle of whatever it does.
func (p *simPort) crash() {
	p.dead.Store(true)
	p.resume()
}

func (p *simPort) suspend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.suspended == nil && !p.dead.Load() {
		p.suspended = make(chan struct{})
	}
}

func (p *simPort) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.suspended != nil {
		close(p.suspended)
		p.suspended = nil
	}
}

// breathe waits while the process is suspended.
func (p *simPort) breathe() {
	p.mu.Lock()
	suspended := p.suspended
	p.mu.Unlock()
	if suspended != nil {
		<-suspended
	}
}

// call makes a call of the backend as the network lets it: it may fail before or
// after it has its effect, hang, and be answered late.
func (p *simPort) call(ctx context.Context, name string, effect func() error) error {
	p.breathe()
	random := p.network.draw(fmt.Sprint(p.name, name, p.count(name)))
	faulty := p.network.faulty()
	p.wait(ctx, time.Duration(50_000+random.IntN(400_000)))
	err := errSimulated
	if p.dead.Load() {
		return err
	}
	if cut := p.cut.Load(); !cut || random.IntN(4) == 0 {
		if err = effect(); cut {
			err = errSimulated
		}
	}
	if late := random.IntN(20) == 0; faulty && (late || p.cut.Load()) {
		p.wait(ctx, time.Duration(random.Int64N(int64(300*time.Millisecond))))
	}
	p.breathe()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if p.dead.Load() {
		return errSimulated
	}
	return err
}

// count returns how many calls of a name there were.
func (p *simPort) count(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[name]++
	return p.calls[name]
}

var errSimulated = fmt.Errorf("simulated: %w", coordination.ErrUnavailable)

// wait waits for d, until ctx is done, or until the faults stop.
func (p *simPort) wait(ctx context.Context, d time.Duration) {
	heal := p.network.heal
	if !p.network.faulty() {
		heal = nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-heal:
	}
}

func (p *simPort) Publish(ctx context.Context, channel string, payload []byte) error {
	return p.call(ctx, "publish on "+channel, func() error {
		p.network.send(p, channel, payload)
		return nil
	})
}

// send delivers a message to each node that is there, each in its own time.
func (n *network) send(from *simPort, channel string, payload []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	payload = bytes.Clone(payload) // the sender's own, who may use it again
	number := from.count("sent on " + channel)
	for _, to := range n.ports {
		random := n.draw(fmt.Sprint(from.name, to.name, channel, number))
		base := time.Duration(100_000+fnv64(from.node+to.node)%400_000) + time.Duration(number) // always the same order
		copies := 1
		if !n.healed {
			switch chance := random.Float64(); {
			case chance < n.drop:
				copies = 0
				to.miss(from, channel, payload)
				if random.IntN(2) == 0 {
					to.losses.Add(1)
				}
			case chance < n.drop+n.double:
				copies = 2
			}
		}
		sent := time.Now()
		for range copies {
			delay := base
			if !n.healed && random.Float64() < n.overtake {
				delay += time.Duration(random.Int64N(int64(150 * time.Millisecond)))
			}
			time.AfterFunc(delay, func() { to.deliver(from, channel, payload, sent) })
		}
	}
}

func (p *simPort) deliver(from *simPort, channel string, payload []byte, sent time.Time) {
	deafTo := p.deafTo.Load()
	if p.dead.Load() || p.cut.Load() || p.deaf.Load() || deafTo != nil && *deafTo == from.node {
		p.miss(from, channel, payload)
		return
	}
	p.hear(from, channel, payload, sent)
	_ = p.Coordination.Publish(context.Background(), p.name+"/"+channel, payload) // it never fails
}

func (p *simPort) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	var opened coordination.Subscription
	err := p.call(ctx, "subscribe", func() (err error) {
		opened, err = p.Coordination.Subscribe(ctx, p.name+"/"+pattern)
		return err
	})
	if err != nil {
		if opened != nil {
			_ = opened.Close()
		}
		return nil, err
	}
	return &simSubscription{opened, p, !strings.Contains(pattern, p.node)}, nil
}

// simSubscription tells of some of the losses, as a real one does.
type simSubscription struct {
	coordination.Subscription
	port *simPort
	main bool
}

func (s *simSubscription) Next(ctx context.Context) (coordination.Message, error) {
	message, err := s.Subscription.Next(ctx)
	s.port.breathe()
	if err == nil && s.main && s.port.losses.Swap(0) > 0 {
		return coordination.Message{}, &coordination.MessagesLostError{} // and the message with them
	}
	return message, err
}

func (p *simPort) TryAcquireLeadership(ctx context.Context, node string, ttl time.Duration) (term uint64, acquired bool, err error) {
	err = p.call(ctx, "acquire", func() (err error) {
		term, acquired, err = p.Coordination.TryAcquireLeadership(context.Background(), node, ttl)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return term, acquired, nil
}

func (p *simPort) ReleaseLeadership(ctx context.Context, node string) (released bool, err error) {
	err = p.call(ctx, "release", func() (err error) {
		released, err = p.Coordination.ReleaseLeadership(context.Background(), node)
		return err
	})
	return released && err == nil, err
}

func (p *simPort) RegisterNode(ctx context.Context, node string, metadata []byte) error {
	return p.call(ctx, "register", func() error { return p.Coordination.RegisterNode(ctx, node, metadata) })
}

func (p *simPort) Heartbeat(ctx context.Context, node string, ttl time.Duration) error {
	return p.call(ctx, "heartbeat", func() error { return p.Coordination.Heartbeat(ctx, node, ttl) })
}
