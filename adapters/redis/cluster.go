package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// cluster finds the nodes of a Redis Cluster and sends each command to the one that
// serves its key.
type cluster struct {
	options *redis.Options // of the connections to each node
	seeds   []string
	dial    dialer
	slots   func(context.Context) ([]redis.ClusterSlot, error) // instead of CLUSTER SLOTS; may be nil
	log     *slog.Logger
	closing context.Context // done once close has begun
	close   context.CancelFunc
	running sync.WaitGroup

	mu         sync.Mutex // guards what follows
	nodes      map[string]*node
	topology   *topology      // nil before the first refresh
	overrides  map[int]string // by slot, from MOVED, until the next refresh
	refreshing *refresh       // under way; else nil
	refreshed  time.Time
}

// node is one server, and when it was last chosen.
type node struct {
	*server
	used time.Time
}

// refresh is a reading of the topology that several callers wait for.
type refresh struct {
	done chan struct{}
	err  error
}

const (
	refreshTimeout = 5 * time.Second
	refreshEvery   = 100 * time.Millisecond // in the background, at most
	refreshAsks    = 3                      // nodes at a time
	refreshGrace   = 100 * time.Millisecond // for the others after the first answer

	// nodeIdle is how long connections to a node that serves no slots are kept.
	nodeIdle = time.Minute
)

func newCluster(options *redis.Options, seeds []string, dial dialer, log *slog.Logger) *cluster {
	cl := &cluster{
		options: options, seeds: seeds, dial: dial, log: log,
		nodes: map[string]*node{}, overrides: map[int]string{},
	}
	cl.closing, cl.close = context.WithCancel(context.Background())
	return cl
}

// at returns the server at an address.
func (cl *cluster) at(address string) (*server, error) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closing.Err() != nil {
		return nil, redis.ErrClosed
	}
	n := cl.nodes[address]
	if n == nil {
		own := *cl.options
		own.Addr = address
		s, err := newServer(address, &own, cl.dial, cl.log)
		if err != nil {
			return nil, err
		}
		s.cluster, s.address = cl, address
		n = &node{server: s}
		cl.nodes[address] = n
	}
	n.used = time.Now()
	return n.server, nil
}

// owner returns the server that serves a key.
func (cl *cluster) owner(ctx context.Context, key string) (*server, error) {
	address, err := cl.addressOf(ctx, slotOf(key))
	if err != nil {
		return nil, err
	}
	return cl.at(address)
}

func (cl *cluster) addressOf(ctx context.Context, slot int) (string, error) {
	for attempt := 0; ; attempt++ {
		cl.mu.Lock()
		address := cl.overrides[slot]
		if address == "" && cl.topology != nil {
			address = cl.topology.owner(slot)
		}
		cl.mu.Unlock()
		if address != "" {
			return address, nil
		}
		if attempt > 0 {
			return "", fmt.Errorf("no node of the Cluster serves slot %d", slot)
		}
		if err := cl.refresh(ctx); err != nil {
			return "", err
		}
	}
}

// primaries reads the topology and returns the addresses of all primaries.
func (cl *cluster) primaries(ctx context.Context) ([]string, error) {
	if err := cl.refresh(ctx); err != nil {
		return nil, err
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.topology.primaries, nil
}

// refresh reads the topology, once for all who call it meanwhile.
func (cl *cluster) refresh(ctx context.Context) error {
	r := cl.begin()
	if r == nil {
		return redis.ErrClosed
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stale reads the topology in the background, unless that was just done.
func (cl *cluster) stale() {
	cl.mu.Lock()
	recent := time.Since(cl.refreshed) < refreshEvery
	cl.mu.Unlock()
	if !recent {
		cl.begin()
	}
}

// begin starts a refresh, or returns the one under way; nil if the handle is closed.
func (cl *cluster) begin() *refresh {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closing.Err() != nil {
		return nil
	}
	if cl.refreshing != nil {
		return cl.refreshing
	}
	r := &refresh{done: make(chan struct{})}
	cl.refreshing = r
	cl.running.Go(func() {
		ctx, cancel := context.WithTimeout(cl.closing, refreshTimeout)
		defer cancel()
		read, err := cl.read(ctx)
		retired := cl.finish(r, read, err)
		for _, s := range retired {
			s.close()
		}
	})
	return r
}

// finish stores what a refresh has read. It returns the servers to close: those that
// have served no slots for long.
func (cl *cluster) finish(r *refresh, read *topology, err error) (retired []*server) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	r.err = err
	close(r.done)
	cl.refreshing = nil
	cl.refreshed = time.Now()
	if err != nil {
		return nil
	}
	if cl.topology != nil && !slices.Equal(cl.topology.primaries, read.primaries) {
		cl.log.Warn("redis: primaries changed", "from", cl.topology.primaries, "to", read.primaries)
	}
	cl.topology = read
	clear(cl.overrides)
	for address, n := range cl.nodes {
		if !slices.Contains(read.primaries, address) && time.Since(n.used) > nodeIdle {
			delete(cl.nodes, address)
			retired = append(retired, n.server)
		}
	}
	return retired
}

// read asks some of the known nodes at a time, and takes what most of them say.
func (cl *cluster) read(ctx context.Context) (*topology, error) {
	if cl.slots != nil {
		slots, err := cl.slots(ctx)
		if err != nil {
			return nil, err
		}
		return topologyFrom(slots), nil
	}
	var errs []error
	for some := range slices.Chunk(cl.known(), refreshAsks) {
		read, err := cl.ask(ctx, some)
		if err == nil {
			return read, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// known returns the addresses of the primaries in random order, and then the seeds.
func (cl *cluster) known() []string {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	var known []string
	if cl.topology != nil {
		known = slices.Clone(cl.topology.primaries)
		rand.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] })
	}
	for _, seed := range cl.seeds {
		if !slices.Contains(known, seed) {
			known = append(known, seed)
		}
	}
	return known
}

// ask asks several nodes at once and returns the topology that most of those see that
// answer in time: one that is cut off from the others sees an old one.
func (cl *cluster) ask(ctx context.Context, addresses []string) (*topology, error) {
	type answer struct {
		*topology
		err error
	}
	answers := make(chan answer, len(addresses))
	for _, address := range addresses {
		cl.running.Go(func() {
			// Of its own: a command that is cancelled costs the lane its connection.
			ctx, cancel := context.WithTimeout(cl.closing, refreshTimeout)
			defer cancel()
			read, err := cl.askOne(ctx, address)
			answers <- answer{read, err}
		})
	}
	var errs []error
	var seen []*topology
	var grace <-chan time.Time
	for len(seen)+len(errs) < len(addresses) {
		select {
		case a := <-answers:
			if a.err != nil {
				errs = append(errs, a.err)
				continue
			}
			seen = append(seen, a.topology)
			if grace == nil {
				timer := time.NewTimer(refreshGrace)
				defer timer.Stop()
				grace = timer.C
			}
		case <-grace:
			return mostSeen(seen), nil
		case <-ctx.Done():
			return nil, errors.Join(append(errs, ctx.Err())...)
		}
	}
	if len(seen) > 0 {
		return mostSeen(seen), nil
	}
	return nil, errors.Join(errs...)
}

func (cl *cluster) askOne(ctx context.Context, address string) (*topology, error) {
	s, err := cl.at(address)
	if err != nil {
		return nil, err
	}
	reply, err := s.do(ctx, "cluster", "slots")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return topologyOf(reply, address)
}

// dialer connects to the node that serves a slot, whatever the address.
func (cl *cluster) dialer(slot int) dialer {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		address, err := cl.addressOf(ctx, slot)
		if err != nil {
			return nil, err
		}
		if target, ok := ctx.Value(targetKey{}).(*string); ok {
			*target = address
		}
		connection, err := cl.dial(ctx, network, address)
		if err != nil {
			cl.stale() // another node may have taken over
		}
		return connection, err
	}
}

// locate is the locator of the node that serves a slot.
func (cl *cluster) locate(slot int) locator {
	return func(ctx context.Context) ([]string, error) {
		if err := cl.refresh(ctx); err != nil {
			return nil, err
		}
		address, err := cl.addressOf(ctx, slot)
		return []string{address}, err
	}
}

// moved notes that another node serves a slot.
func (cl *cluster) moved(r redirect) {
	cl.mu.Lock()
	cl.overrides[r.slot] = r.address
	cl.mu.Unlock()
	cl.stale()
}

// shutdown closes the connections to all nodes.
func (cl *cluster) shutdown() {
	cl.mu.Lock()
	cl.close()
	nodes := slices.Collect(maps.Values(cl.nodes))
	cl.mu.Unlock()
	for _, n := range nodes {
		n.disconnect()
	}
	cl.running.Wait()
	for _, n := range nodes {
		n.server.close()
	}
}
