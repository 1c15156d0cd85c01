package sync

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The timings of a simulated cluster.
const (
	simBeat  = 500 * time.Millisecond
	simLease = time.Second
	simTime  = 4 * time.Second // for which there are faults
	// simStaleness is for how long a node may serve what it was told that it missed: it
	// is not read out of the subscription yet, and the newest heartbeat that is holds.
	simStaleness = simBeat + simTrust
	simTrust     = 200 * time.Millisecond // Recovery.MaxStaleness
	// simAgreement is how long after the last fault the nodes must agree: a
	// heartbeat, the grace and the time-out of a replay, and the way of messages.
	simAgreement = simBeat + 100*time.Millisecond + 250*time.Millisecond + 20*time.Millisecond
)

// simulation is a cluster in virtual time, with the faults of a seed.
type simulation struct {
	seed    uint64
	weak    simDefects
	random  *rand.Rand
	network *network
	limits  Limits
	logf    func(format string, arguments ...any)
	start   time.Time
	nodes   []*simNode

	// What it was worth: how many operations were missed, and how many values
	// served in the end.
	missed, served uint64

	mu         sync.Mutex // guards what follows
	violations []string
}

// simDefects are what a simulation does wrong, to show that it notices.
type simDefects struct {
	weaknesses
	blindFills bool // fill without a lease from before the load
	readsGaps  bool // read a cache that misses something
}

// simFilled begins what a node has loaded for itself.
const simFilled = "filled "

// simNode is a node, through crashes and restarts.
type simNode struct {
	*simulation
	id      string
	skew    atomic.Int64
	slow    atomic.Bool
	failing atomic.Bool

	mu          sync.Mutex // guards what follows
	incarnation int
	sync        *DistributedSync // nil while it is down
	cache       *simCache
	port        *simPort
	kill        context.CancelFunc
	running     sync.WaitGroup
}

// simulate runs a seed and returns what went wrong. It must be called in a bubble.
func simulate(seed uint64, weak simDefects, logf func(string, ...any)) *simulation {
	random := rand.New(rand.NewPCG(seed, 1))
	s := &simulation{
		seed: seed, weak: weak, random: random, network: newNetwork(seed, random), logf: logf, start: time.Now(),
		limits: Limits{
			Keys: []int{3, 8, 0}[random.IntN(3)], Patterns: []int{1, 0}[random.IntN(2)],
			HistoryOperations: []int{5, 50, 0}[random.IntN(3)], QueueOperations: []int{3, 0}[random.IntN(2)],
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	for i := range 3 + random.IntN(5) {
		n := &simNode{simulation: s, id: fmt.Sprint("node", i)}
		n.skew.Store(random.Int64N(int64(4*time.Second)) - int64(2*time.Second))
		s.nodes = append(s.nodes, n)
		n.boot()
	}
	for _, n := range s.nodes {
		working.Go(func() { n.work(ctx, simTime) })
	}
	working.Go(func() { s.watchLeaders(ctx) })
	working.Go(func() { s.watchReaders(ctx) })
	s.faults()
	time.Sleep(time.Until(s.start.Add(simTime)))
	s.network.stopFaults()
	for _, n := range s.nodes {
		n.slow.Store(false)
		n.failing.Store(false)
	}
	s.logf("no faults any more")
	time.Sleep(simAgreement)
	s.compare()
	cancel()
	working.Wait()
	for _, n := range s.nodes {
		n.crash()
		n.running.Wait()
	}
	return s
}

func (s *simulation) violated(format string, arguments ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("%v: ", time.Since(s.start)) + fmt.Sprintf(format, arguments...)
	s.violations = append(s.violations, text)
	s.logf("VIOLATION %s", text)
}

// boot starts an incarnation with an empty cache.
func (n *simNode) boot() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.incarnation++
	name := fmt.Sprintf("%s.%d", n.id, n.incarnation)
	port := n.network.open(n.id, name)
	n.port = port
	n.cache = &simCache{
		node: n.id, breathe: port.breathe, violated: n.violated, logf: n.logf,
		slow: func() time.Duration {
			if n.slow.Load() {
				return 20 * time.Millisecond
			}
			return 0
		},
		fails:   n.failing.Load,
		entries: map[string]simEntry{}, keys: map[string]Stamp{}, ranges: map[string]Stamp{},
	}
	limits := n.limits
	_ = limits.complete()
	options, _ := (&Options{
		Cache: n.cache, Consensus: n.cache, Limits: limits, Recovery: Recovery{Suspicion: TreatAsMiss, MaxStaleness: simTrust},
		Election: ElectionOptions{Retry: simLease / 8, Timeout: simLease / 4, Margin: simLease / 50},
		Observe: func(e Event) {
			n.logf("%s %s %s %d %v %v", name, e.Kind, e.Node, e.Count, e.Term, e.Err)
		},
	}).withDefaults(simBeat)
	wall := func() time.Time { return time.Now().Add(time.Duration(n.skew.Load())) }
	config := Config{NodeID: n.id, HeartbeatInterval: simBeat, LeaderElectionTimeout: simLease}
	epoch := epochAt(wall(), n.network.draw("epoch of "+name).Uint32())
	node, err := build(config, port, options, wall, epoch, n.weak.weaknesses)
	if err != nil {
		panic(err)
	}
	ctx, kill := context.WithCancel(context.Background())
	n.sync, n.kill = node, kill
	n.running.Go(func() {
		if err := node.Run(ctx); err != nil {
			n.violated("%s: %v", n.id, err)
		}
	})
}

func (n *simNode) crash() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sync != nil {
		n.port.crash()
		n.kill()
		n.sync = nil
	}
}

func (n *simNode) up() (*DistributedSync, *simCache) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sync, n.cache
}

// work changes the caches, now and then.
func (n *simNode) work(ctx context.Context, d time.Duration) {
	random := n.network.draw("work of " + n.id)
	for i := 0; time.Since(n.start) < d; i++ {
		pause(ctx, time.Duration(random.Int64N(int64(60*time.Millisecond))))
		node, _ := n.up()
		if node == nil {
			continue
		}
		key := fmt.Sprintf("k%d%d", random.IntN(3), random.IntN(3))
		value := []byte(fmt.Sprint(n.id, "#", i))
		switch chance := random.IntN(100); {
		case chance < 45:
			_ = node.Set(ctx, key, value, 0)
		case chance < 55:
			lease := node.Begin()
			pause(ctx, time.Duration(random.Int64N(int64(50*time.Millisecond))))
			_ = node.SetAt(ctx, lease, key, value, time.Hour)
		case chance < 65:
			lease := node.Begin()
			value = fmt.Appendf(nil, "%s%d %d", simFilled, lease.Wall, lease.Logical)
			pause(ctx, time.Duration(random.Int64N(int64(50*time.Millisecond))))
			if n.weak.blindFills {
				lease = node.Begin()
			}
			_ = node.Fill(ctx, lease, key, value, time.Hour)
		case chance < 90:
			_ = node.Delete(ctx, key)
		case chance < 98:
			_ = node.InvalidatePattern(ctx, key[:2]+"*")
		default:
			_ = node.Clear(ctx)
		}
	}
}

// faultKind is what goes wrong with a node for a while.
type faultKind int

const (
	faultCut     faultKind = iota // it can't reach the backend
	faultDeaf                     // it hears nothing
	faultDeafTo                   // it does not hear one other node
	faultSuspend                  // its process stands still
	faultCrash                    // it crashes, and starts again
	faultRestart                  // the same, more often
	faultJump                     // its clock is wrong by an hour
	faultSlow                     // its cache takes its time
	faultFail                     // its cache returns errors and panics
	faultKinds
)

// faults lets things go wrong.
func (s *simulation) faults() {
	for range 3 + s.random.IntN(12) {
		n := s.nodes[s.random.IntN(len(s.nodes))]
		other := s.nodes[s.random.IntN(len(s.nodes))].id
		begin := time.Duration(s.random.Int64N(int64(simTime)))
		length := time.Duration(s.random.Int64N(int64(1500 * time.Millisecond)))
		kind := faultKind(s.random.IntN(int(faultKinds)))
		if kind == faultCut || kind == faultDeaf {
			length *= 2 // beyond what a node is trusted for
		}
		time.AfterFunc(begin, func() { s.fault(n, kind, other, true) })
		time.AfterFunc(min(begin+length, simTime-1), func() { s.fault(n, kind, other, false) })
	}
}

func (s *simulation) fault(n *simNode, kind faultKind, other string, begins bool) {
	if !s.network.faulty() {
		return
	}
	s.logf("%s fault %d %s %v", n.id, kind, other, begins)
	n.mu.Lock()
	port := n.port
	n.mu.Unlock()
	switch kind {
	case faultCut:
		port.cut.Store(begins)
	case faultDeaf:
		port.deaf.Store(begins)
	case faultDeafTo:
		if port.deafTo.Store(nil); begins && other != n.id {
			port.deafTo.Store(&other)
		}
	case faultSuspend:
		if port.resume(); begins {
			port.suspend()
		}
	case faultCrash, faultRestart:
		if begins {
			n.crash()
		} else if node, _ := n.up(); node == nil {
			n.boot()
		}
	case faultJump:
		jump := time.Hour
		if begins == (s.seed%2 == 0) {
			jump = -jump
		}
		n.skew.Add(int64(jump))
	case faultSlow:
		n.slow.Store(begins)
	case faultFail:
		n.failing.Store(begins)
	}
}

// watchLeaders says where two nodes lead at once.
func (s *simulation) watchLeaders(ctx context.Context) {
	for ctx.Err() == nil {
		var leaders []string
		for _, n := range s.nodes {
			if node, _ := n.up(); node != nil && node.IsLeader() {
				leaders = append(leaders, n.id)
			}
		}
		if len(leaders) > 1 {
			s.violated("%v lead at once", leaders)
			return
		}
		pause(ctx, 3*time.Millisecond)
	}
}

// compare says where a live node serves what is older than an operation that any
// live node has applied, or another value than another one.
func (s *simulation) compare() {
	values := map[string]string{}
	for _, n := range s.nodes {
		node, cache := n.up()
		if node == nil {
			continue
		}
		cache.mu.Lock()
		defer cache.mu.Unlock()
		for key, entry := range cache.entries {
			s.served++
			if strings.HasPrefix(entry.value, simFilled) {
				continue // each node loads for itself
			}
			if other, found := values[key]; found && other != entry.value {
				s.violated("%s serves %s=%s, another one %s", n.id, key, entry.value, other)
			}
			values[key] = entry.value
		}
	}
	for _, n := range s.nodes {
		for _, other := range s.nodes {
			a, cache := n.up()
			b, others := other.up()
			if a != nil && b != nil {
				cache.check(others, other.id)
			}
		}
	}
	for _, n := range s.nodes {
		if node, _ := n.up(); node != nil {
			status := node.Status()
			s.missed += status.GapsFound
			if status.Missing > 0 || status.GapsHealed != status.GapsFound {
				s.violated("%s still misses %d, with %d found and %d healed", n.id, status.Missing, status.GapsFound, status.GapsHealed)
			}
		}
	}
}
