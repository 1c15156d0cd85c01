package cache_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// reading is a value of the versioned source. Began is when its load began, zero
// for one that came by Set, whose ID is then that of the operation.
type reading struct {
	Key     string
	Version int
	Began   time.Time
	ID      int
}

// witness decides as LastWriterWins and remembers when its node applied what.
type witness struct {
	mu      sync.Mutex
	applied []appliedOperation
}

type appliedOperation struct {
	dsync.Operation
	at time.Time
}

func (w *witness) Decide(operation dsync.Operation, conflict dsync.Conflict) (bool, string) {
	apply, reason := dsync.LastWriterWins{}.Decide(operation, conflict)
	if apply && (operation.Type != dsync.Set || operation.Value != nil) { // a fill has no value
		w.mu.Lock()
		defer w.mu.Unlock()
		w.applied = append(w.applied, appliedOperation{operation, time.Now()})
	}
	return apply, reason
}

// violation returns the operation that got should have lost to when a Get that
// began at asked returned it, or nil.
func (w *witness) violation(key string, got reading, asked time.Time) *appliedOperation {
	w.mu.Lock()
	defer w.mu.Unlock()
	var set dsync.Stamp
	for _, o := range w.applied {
		var told reading
		if o.Type == dsync.Set && got.ID != 0 && json.Unmarshal(o.Value, &told) == nil && told.ID == got.ID {
			set = o.Stamp
		}
	}
	for _, o := range w.applied {
		bears := o.Type == dsync.Clear || o.Key == "v:"+key || o.Type == dsync.InvalidatePattern && coordination.Match(o.Key, "v:"+key)
		if !bears || !o.at.Before(asked) {
			continue
		}
		if got.ID == 0 && got.Began.Before(o.at) || got.ID != 0 && set.Compare(o.Stamp) < 0 {
			return &o
		}
	}
	return nil
}

// lossyPort loses a part of what is published.
type lossyPort struct {
	coordination.DistributedCoordination
	losing *atomic.Bool
	random *rand.Rand
	mu     sync.Mutex
}

func (p *lossyPort) Publish(ctx context.Context, channel string, payload []byte) error {
	p.mu.Lock()
	lost := p.losing.Load() && p.random.IntN(5) == 0
	p.mu.Unlock()
	if lost {
		return nil
	}
	return p.DistributedCoordination.Publish(ctx, channel, payload)
}

var _ = Describe("Caches on three nodes", func() {
	It("never return a value whose load began before an operation that the node has applied, and agree at the end", func() {
		for i := range 100 {
			seed := uint64(GinkgoRandomSeed())<<16 + uint64(i)
			By(fmt.Sprint("seed ", seed))
			virtually(func(ctx context.Context) { simulate(ctx, seed) })
		}
	})
})

func simulate(ctx context.Context, seed uint64) {
	const nodes, steps, clients = 3, 60, 3
	hub := memory.NewHub()
	var source struct {
		sync.Mutex
		versions map[string]int
	}
	source.versions = make(map[string]int)
	var losing atomic.Bool
	losing.Store(true)
	var ids atomic.Int64
	var caches [nodes]*cache.Cache[reading]
	var witnesses [nodes]*witness
	for i := range nodes {
		open, err := hub.Open(nil)
		Expect(err).NotTo(HaveOccurred())
		port := &lossyPort{DistributedCoordination: open, losing: &losing, random: rand.New(rand.NewPCG(seed, uint64(i)))}
		witnesses[i] = &witness{}
		node, err := cache.NewNode(dsync.DefaultConfig(fmt.Sprint("node-", i)), port, &dsync.Options{Consensus: witnesses[i]})
		Expect(err).NotTo(HaveOccurred())
		running, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- node.Run(running) }()
		defer func() {
			cancel()
			Expect(<-ended).To(Succeed())
			Expect(port.Close()).To(Succeed())
		}()
		caches[i], err = cache.New(node, "v:", &cache.Options[reading]{
			TTL: 20 * time.Second, StaleFor: 20 * time.Second, RefreshAfter: 3 * time.Second, NegativeTTL: time.Second,
		})
		Expect(err).NotTo(HaveOccurred())
		defer caches[i].Close(ctx)
	}
	synctest.Wait()

	get := func(i int, key string, slow time.Duration, fails bool) (reading, error) {
		asked := time.Now()
		got, err := caches[i].Get(ctx, key, func(_ context.Context, key string) (reading, error) {
			began := time.Now()
			source.Lock()
			version := source.versions[key]
			source.Unlock()
			if slow > 0 {
				time.Sleep(slow)
			}
			if fails {
				return reading{}, errSource
			}
			return reading{Key: key, Version: version, Began: began}, nil
		})
		if err == nil {
			Expect(got.Key).To(Equal(key), "seed %d", seed)
			if lost := witnesses[i].violation(key, got, asked); lost != nil {
				Fail(fmt.Sprintf("seed %d: node %d returned %+v at %v, asked at %v, after it had applied %s %s at %v",
					seed, i, got, time.Now(), asked, lost.Type, lost.Key, lost.at))
			}
		}
		return got, err
	}
	change := func(i int, key string, kind int) {
		source.Lock()
		source.versions[key]++
		version := source.versions[key]
		source.Unlock()
		switch kind {
		case 0:
			Expect(caches[i].InvalidatePattern(ctx, key[:1]+"*")).To(Succeed())
		case 1:
			Expect(caches[i].Clear(ctx)).To(Succeed())
		case 2, 3:
			set := reading{Key: key, Version: version, ID: int(ids.Add(1))}
			Expect(caches[i].Set(ctx, key, set)).To(Succeed())
		default:
			Expect(caches[i].Delete(ctx, key)).To(Succeed())
		}
	}
	var work sync.WaitGroup
	for client := range clients {
		work.Go(func() {
			defer GinkgoRecover()
			random := rand.New(rand.NewPCG(seed, uint64(100+client)))
			for range steps {
				time.Sleep(time.Duration(1 + random.Int64N(int64(time.Second))))
				i, key := random.IntN(nodes), fmt.Sprint(random.IntN(3))
				if random.IntN(4) == 0 {
					change(i, key, random.IntN(8))
					continue
				}
				slow := time.Duration(random.IntN(3)) * time.Duration(random.Int64N(int64(time.Second)))
				_, _ = get(i, key, slow, random.IntN(10) == 0)
			}
		})
	}
	work.Wait()
	losing.Store(false)
	time.Sleep(time.Minute)
	for key, version := range source.versions {
		for i := range nodes {
			got, err := get(i, key, 0, false)
			Expect(err).NotTo(HaveOccurred())
			Expect(got.Version).To(Equal(version), "seed %d, node %d, key %s", seed, i, key)
		}
	}
}
