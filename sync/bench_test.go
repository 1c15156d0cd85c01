package sync

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// Where a benchmark compares with the bare client, both work in turn on one
// server, so that what else the machine does hits both alike. Figures are the
// medians of all rounds, and the clock of a round stops when every receiver has
// everything. Of-goal is the median as a part of what it may be at most: below 1
// holds the goal.

// minRounds is how many rounds there are at least.
const minRounds = 5

// payload is the value of each operation.
var payload = make([]byte, 128)

// rounds calls round until the benchmark has run for long enough.
func rounds(b *testing.B, round func(number int)) {
	number := 0
	for b.Loop() {
		round(number)
		number++
	}
	for ; number < minRounds; number++ {
		round(number)
	}
	b.ReportMetric(0, "ns/op") // of whole rounds and their preparation: says nothing
}

// took is how long work takes.
func took(work func()) time.Duration {
	start := time.Now()
	work()
	return time.Since(start)
}

// quantile returns what part of times is not above; 0.5 is the median.
func quantile(times []time.Duration, part float64) time.Duration {
	slices.Sort(times)
	return times[min(int(part*float64(len(times))), len(times)-1)]
}

// perSecond is how many of count things are done in each second of took.
func perSecond(count int, took time.Duration) float64 { return float64(count) / took.Seconds() }

// must ends the benchmark at an error.
func must(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

// mapCache is the simplest cache there is. It rings when it has been told as many
// values as were wanted.
type mapCache struct {
	values map[string][]byte // nil to keep none
	wanted atomic.Int64
	rings  chan struct{}
}

var _ Cache = (*mapCache)(nil)

func newMapCache() *mapCache {
	return &mapCache{values: make(map[string][]byte), rings: make(chan struct{}, 1)}
}

func (c *mapCache) Set(_ context.Context, key string, value []byte, _ time.Duration) error {
	if c.values != nil {
		c.values[key] = value
	}
	if c.wanted.Add(-1) == 0 {
		c.rings <- struct{}{}
	}
	return nil
}

func (c *mapCache) Delete(_ context.Context, key string) error {
	delete(c.values, key)
	return nil
}

func (c *mapCache) InvalidatePattern(_ context.Context, pattern string) error {
	for key := range c.values {
		if covers(pattern, key) {
			delete(c.values, key)
		}
	}
	return nil
}

func (c *mapCache) Clear(context.Context) error {
	clear(c.values)
	return nil
}

// node is a running node of a benchmark.
type node struct {
	*DistributedSync
	cache *mapCache
}

// start runs nodes named by their number on ports, until the benchmark ends, and
// returns when all of them know one another.
func start(b *testing.B, cache func() *mapCache, ports ...coordination.DistributedCoordination) []node {
	b.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
	var running sync.WaitGroup
	b.Cleanup(func() {
		stop()
		running.Wait()
	})
	var nodes []node
	for i, port := range ports {
		n := node{cache: cache()}
		s, err := New(DefaultConfig("node-"+strconv.Itoa(i)), port, &Options{Cache: n.cache})
		must(b, err)
		n.DistributedSync = s
		nodes = append(nodes, n)
		running.Go(func() {
			if err := s.Run(ctx); err != nil {
				b.Error(err)
			}
		})
	}
	await(b, func() bool {
		return !slices.ContainsFunc(nodes, func(n node) bool { return len(n.Status().ActiveNodes) < len(nodes) })
	})
	return nodes
}

// await waits until reached is true.
func await(b *testing.B, reached func() bool) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); !reached(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal("not reached within a minute")
		}
	}
}

// server is a real Redis, a namespace on it, and a bare client of it.
type server struct {
	b         *testing.B
	url       string
	namespace string
	raw       *goredis.Client
}

func newServer(b *testing.B) *server {
	b.Helper()
	url, err := redistest.URL()
	must(b, err)
	s := &server{b: b, url: url, namespace: "bench-" + strconv.FormatInt(time.Now().UnixNano(), 36)}
	s.raw = s.client()
	return s
}

// client opens a bare client.
func (s *server) client() *goredis.Client {
	options, err := goredis.ParseURL(s.url)
	must(s.b, err)
	client := goredis.NewClient(options)
	s.b.Cleanup(func() { _ = client.Close() })
	return client
}

// ports opens handles.
func (s *server) ports(count int) (ports []coordination.DistributedCoordination) {
	for range count {
		port, err := redis.Open(s.b.Context(), s.url, &redis.Options{Namespace: s.namespace})
		must(s.b, err)
		s.b.Cleanup(func() { _ = port.Close() })
		ports = append(ports, port)
	}
	return ports
}

// channel is the name on the server of that on which the nodes talk.
func (s *server) channel() string { return s.namespace + ":c:" + DefaultChannel }

// hear hands what a bare client receives on a channel to received, until the
// benchmark ends. It returns when the server has confirmed.
func (s *server) hear(channel string, received func(payload string)) {
	s.b.Helper()
	pubsub := s.client().Subscribe(s.b.Context(), channel)
	_, err := pubsub.Receive(s.b.Context())
	must(s.b, err)
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			message, err := pubsub.ReceiveMessage(context.Background()) // a Channel() would drop what is too much
			if err != nil {
				return
			}
			received(message.Payload)
		}
	})
	s.b.Cleanup(func() {
		_ = pubsub.Close()
		reading.Wait()
	})
}
