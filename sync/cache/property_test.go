package cache_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// scenario is what goes wrong in a simulation.
type scenario struct {
	lost, skewed, cut bool

	// What a simulation does wrong, to show that it notices.
	readsBefore bool // values that were read before Get was called
	trustsLong  bool // nodes that are readable however long they are cut off
}

var _ = Describe("Caches on three nodes", func() {
	DescribeTable("never return a value whose load began before an operation that reached the node, or that all were told of a while ago, and agree at the end",
		func(s scenario) {
			for i := range 60 {
				seed := uint64(GinkgoRandomSeed())<<16 + uint64(i)
				Expect(simulate(seed, s)).To(BeEmpty(), "seed %d", seed)
			}
		},
		Entry("with lost messages", scenario{lost: true}),
		Entry("with clocks that differ", scenario{skewed: true}),
		Entry("with nodes that are cut off", scenario{cut: true}),
		Entry("with all of that", scenario{lost: true, skewed: true, cut: true}),
	)

	DescribeTable("are found out where they", func(s scenario) {
		for seed := range uint64(200) {
			if found := simulate(seed, s); found != "" {
				GinkgoWriter.Println("seed", seed, found)
				return
			}
		}
		Fail("nothing went wrong with 200 seeds")
	},
		Entry("load what was read before the call", scenario{readsBefore: true}),
		Entry("may be read however long they are cut off", scenario{cut: true, trustsLong: true}),
	)
})

// bound is after what time no node serves what it was told to drop: an interval and
// MaxStaleness if it is cut off, and otherwise an interval until a gap is found.
const bound = 5*dsync.DefaultHeartbeatInterval + time.Second

// cluster is a simulated one.
type cluster struct {
	scenario
	ctx       context.Context
	ports     [3]*faultyPort
	caches    [3]*cache.Cache[reading]
	witnesses [3]*witness
	changes   changes
	ids       atomic.Int64

	mu       sync.Mutex // guards what follows
	versions map[string]int
	found    string
}

// simulate runs a seed and returns what went wrong first.
func simulate(seed uint64, s scenario) (found string) {
	virtually(func(ctx context.Context) {
		c := &cluster{scenario: s, ctx: ctx, versions: make(map[string]int)}
		random := rand.New(rand.NewPCG(seed, 0))
		hub := memory.NewHub()
		for i := range c.ports {
			defer c.start(i, hub, random)()
		}
		synctest.Wait()
		var work sync.WaitGroup
		for client := range 3 {
			work.Go(func() { c.work(rand.New(rand.NewPCG(seed, uint64(100+client)))) })
		}
		for _, port := range c.ports {
			if s.cut {
				from, length := time.Duration(random.Int64N(int64(30*time.Second))), time.Duration(random.Int64N(int64(40*time.Second)))
				work.Go(func() {
					time.Sleep(from)
					port.cut.Store(true)
					time.Sleep(length)
					port.cut.Store(false)
				})
			}
		}
		work.Wait()
		for _, port := range c.ports {
			port.losing.Store(false)
		}
		time.Sleep(time.Minute)
		c.compare()
		found = c.found
	})
	return found
}

func (c *cluster) start(i int, hub *memory.Hub, random *rand.Rand) (stop func()) {
	open, err := hub.Open(nil)
	Expect(err).NotTo(HaveOccurred())
	port := &faultyPort{DistributedCoordination: open, random: rand.New(rand.NewPCG(random.Uint64(), 0))}
	port.losing.Store(c.lost)
	if c.skewed {
		port.skew = time.Duration(random.Int64N(int64(20*time.Second))) - 10*time.Second
	}
	name := fmt.Sprint("node-", i)
	options := &dsync.Options{}
	if c.trustsLong {
		options.Recovery.MaxStaleness = time.Hour
	}
	c.ports[i], c.witnesses[i] = port, &witness{self: name}
	options.Consensus = c.witnesses[i]
	node, end := startNodeOn(port, name, options)
	c.caches[i], err = cache.New(node, "v:", &cache.Options[reading]{
		TTL: 10 * time.Minute, StaleFor: 10 * time.Minute, RefreshAfter: 30 * time.Second, NegativeTTL: time.Second,
	})
	Expect(err).NotTo(HaveOccurred())
	return func() {
		Expect(c.caches[i].Close(c.ctx)).To(Succeed())
		end()
	}
}

// work reads and changes keys at random nodes.
func (c *cluster) work(random *rand.Rand) {
	defer GinkgoRecover()
	for range 80 {
		time.Sleep(time.Duration(1 + random.Int64N(int64(time.Second))))
		i, key := random.IntN(len(c.caches)), fmt.Sprint(random.IntN(3))
		if random.IntN(6) == 0 {
			c.change(i, key, random.IntN(8))
			continue
		}
		slow := time.Duration(random.IntN(3)) * time.Duration(random.Int64N(int64(time.Second)))
		_, _ = c.get(i, key, slow, random.IntN(10) == 0)
	}
}

func (c *cluster) read(key string) reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return reading{Key: key, Version: c.versions[key], Began: time.Now()}
}

func (c *cluster) get(i int, key string, slow time.Duration, fails bool) (reading, error) {
	early := c.read(key)
	if c.readsBefore {
		time.Sleep(slow)
	}
	asked := time.Now()
	got, err := c.caches[i].Get(c.ctx, key, func(context.Context, string) (reading, error) {
		value := c.read(key)
		if c.readsBefore {
			value = early
		}
		time.Sleep(slow)
		if fails {
			return reading{}, errSource
		}
		return value, nil
	})
	if err != nil {
		return got, err
	}
	if got.Key != key {
		c.violated("node %d returned %+v for %s", i, got, key)
	}
	if lost := c.witnesses[i].violation(key, got, asked); lost != nil {
		c.violated("node %d returned %+v at %v, asked at %v, after %s %s had reached it at %v", i, got, time.Now(), asked, lost.Type, lost.Key, lost.at)
	}
	if got.ID == 0 && !c.lost { // where messages are lost, chance has no bound
		if told := c.changes.violation(key, got.Began, asked, bound); !told.IsZero() {
			c.violated("node %d returned %+v, asked at %v, though all were told to drop it at %v", i, got, asked, told)
		}
	}
	return got, nil
}

// change changes the source, and tells all nodes.
func (c *cluster) change(i int, key string, kind int) {
	c.mu.Lock()
	c.versions[key]++
	set := reading{Key: key, Version: c.versions[key], ID: int(c.ids.Add(1))}
	c.mu.Unlock()
	matches := func(other string) bool { return other == key }
	var err error
	switch kind {
	case 0:
		err = c.caches[i].InvalidatePattern(c.ctx, key[:1]+"*")
	case 1:
		err = c.caches[i].Clear(c.ctx)
		matches = func(string) bool { return true }
	case 2, 3:
		err = c.caches[i].Set(c.ctx, key, set)
	default:
		err = c.caches[i].Delete(c.ctx, key)
	}
	switch {
	case err == nil:
		c.changes.add(matches)
	case !errors.Is(err, dsync.ErrDelayed): // a node that is cut off tells it later
		c.violated("node %d could not tell a change of %s: %v", i, key, err)
	}
}

// compare says where a node does not return what the source has. A Set by a node whose
// clock is behind may have lost to an older one.
func (c *cluster) compare() {
	for key, version := range c.versions {
		for i := range c.caches {
			got, err := c.get(i, key, 0, false)
			if err != nil || got.Version != version && !(c.skewed && got.ID != 0) {
				c.violated("node %d has %+v (%v) in the end, the source has %d", i, got, err, version)
			}
		}
	}
}

func (c *cluster) violated(format string, arguments ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.found == "" {
		c.found = fmt.Sprintf(format, arguments...)
	}
}
