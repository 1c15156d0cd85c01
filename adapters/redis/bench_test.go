package redis_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// Each benchmark runs the port and the bare client in turn, on one server, so
// that what else the machine does hits both alike, and reports the medians and
// their ratio. Of-target is the port's median as a part of what the design
// allows: below 1 holds it.

// side is the work of one of the two: prepare is not measured, do is.
type side struct {
	prepare func()
	do      func()
}

func compare(b *testing.B, target time.Duration, port, raw side) {
	var times [2][]time.Duration
	round := 0
	for b.Loop() {
		for i := range 2 {
			who := (round + i) % 2 // so that neither is always first
			s := []side{port, raw}[who]
			if s.prepare != nil {
				s.prepare()
			}
			start := time.Now()
			s.do()
			times[who] = append(times[who], time.Since(start))
		}
		round++
	}
	ours, theirs := median(times[0]), median(times[1])
	b.ReportMetric(0, "ns/op") // of both and their preparation: says nothing
	b.ReportMetric(float64(ours)/1e3, "port-µs")
	b.ReportMetric(float64(theirs)/1e3, "raw-µs")
	b.ReportMetric(float64(ours)/float64(theirs), "port/raw")
	if target > 0 {
		b.ReportMetric(float64(ours)/float64(target), "of-target")
	}
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// stage is a handle and a bare client on one server.
type stage struct {
	*testing.B
	ctx    context.Context
	handle *redis.Coordination
	raw    *goredis.Client
	prefix string

	url, namespace string // of the handle
}

func newStage(b *testing.B) *stage {
	b.Helper()
	url, err := redistest.URL()
	if err != nil {
		b.Fatal(err)
	}
	options, err := goredis.ParseURL(url)
	if err != nil {
		b.Fatal(err)
	}
	namespace := "bench-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	s := &stage{
		B: b, ctx: b.Context(), raw: goredis.NewClient(options), prefix: namespace + "-raw:",
		url: url, namespace: namespace,
	}
	s.handle = open(b, url, &redis.Options{Namespace: namespace})
	b.Cleanup(func() {
		ctx := context.WithoutCancel(s.ctx)
		_ = s.handle.FlushAll(ctx)
		s.unlink(ctx)
		_ = s.raw.Close()
	})
	return s
}

func (s *stage) must(err error) {
	if err != nil {
		s.Helper()
		s.Fatal(err)
	}
}

// unlink removes what the bare client has stored.
func (s *stage) unlink(ctx context.Context) {
	for names := s.raw.Scan(ctx, 0, s.prefix+"*", 1000).Iterator(); names.Next(ctx); {
		s.raw.Unlink(ctx, names.Val())
	}
}

var payload = make([]byte, 128)

// BenchmarkPublish is the call alone: until the server has taken the message.
func BenchmarkPublish(b *testing.B) {
	s := newStage(b)
	compare(b, time.Millisecond,
		side{do: func() { s.must(s.handle.Publish(s.ctx, "channel", payload)) }},
		side{do: func() { s.must(s.raw.Publish(s.ctx, s.prefix+"channel", payload).Err()) }})
}

// BenchmarkDelivery is from the publisher's call to the subscriber's hands.
func BenchmarkDelivery(b *testing.B) {
	s := newStage(b)
	subscription, err := s.handle.Subscribe(s.ctx, "channel")
	s.must(err)
	pubsub := s.raw.Subscribe(s.ctx, s.prefix+"channel")
	defer pubsub.Close()
	_, err = pubsub.Receive(s.ctx)
	s.must(err)
	received := pubsub.Channel()
	compare(b, 0,
		side{do: func() {
			s.must(s.handle.Publish(s.ctx, "channel", payload))
			_, err := subscription.Next(s.ctx)
			s.must(err)
		}},
		side{do: func() {
			s.must(s.raw.Publish(s.ctx, s.prefix+"channel", payload).Err())
			<-received
		}})
}

// BenchmarkPublishers is 64 publishers and one subscriber; the clock stops when
// it has every message.
func BenchmarkPublishers(b *testing.B) {
	const publishers, each = 64, 50
	s := newStage(b)
	subscription, err := s.handle.Subscribe(s.ctx, "channel")
	s.must(err)
	pubsub := s.raw.Subscribe(s.ctx, s.prefix+"channel")
	defer pubsub.Close()
	_, err = pubsub.Receive(s.ctx)
	s.must(err)
	received := pubsub.Channel()
	all := func(publish func() error, receive func()) {
		var running sync.WaitGroup
		for range publishers {
			running.Go(func() {
				for range each {
					s.must(publish())
				}
			})
		}
		for range publishers * each {
			receive()
		}
		running.Wait()
	}
	compare(b, 0,
		side{do: func() {
			all(func() error { return s.handle.Publish(s.ctx, "channel", payload) }, func() {
				_, err := subscription.Next(s.ctx)
				s.must(err)
			})
		}},
		side{do: func() {
			all(func() error { return s.raw.Publish(s.ctx, s.prefix+"channel", payload).Err() }, func() { <-received })
		}})
}

// BenchmarkSubscribe is until the server has confirmed, on one connection.
func BenchmarkSubscribe(b *testing.B) {
	s := newStage(b)
	pubsub := s.raw.Subscribe(s.ctx)
	defer pubsub.Close()
	var open []coordination.Subscription
	count := 0
	compare(b, 10*time.Millisecond,
		side{do: func() {
			subscription, err := s.handle.Subscribe(s.ctx, fmt.Sprint("channel ", count))
			s.must(err)
			open = append(open, subscription)
		}},
		side{do: func() {
			count++
			s.must(pubsub.Subscribe(s.ctx, fmt.Sprint(s.prefix, count)))
			_, err := pubsub.Receive(s.ctx)
			s.must(err)
		}})
	for _, subscription := range open {
		_ = subscription.Close()
	}
}

// BenchmarkManySubscriptions is a delivery beside 10,000 other subscriptions, which share
// one connection. The handle has four at most.
func BenchmarkManySubscriptions(b *testing.B) {
	s := newStage(b)
	const name = "many"
	separator := "?"
	if strings.Contains(s.url, "?") {
		separator = "&"
	}
	s.handle = open(b, s.url+separator+"client_name="+name, &redis.Options{Namespace: s.namespace})
	inParallel(10_000, func(i int) {
		subscription, err := s.handle.Subscribe(s.ctx, fmt.Sprint("idle ", i))
		s.must(err)
		b.Cleanup(func() { _ = subscription.Close() })
	})
	subscription, err := s.handle.Subscribe(s.ctx, "channel")
	s.must(err)
	pubsub := s.raw.Subscribe(s.ctx, s.prefix+"channel")
	defer pubsub.Close()
	_, err = pubsub.Receive(s.ctx)
	s.must(err)
	received := pubsub.Channel()
	compare(b, 0,
		side{do: func() {
			s.must(s.handle.Publish(s.ctx, "channel", payload))
			_, err := subscription.Next(s.ctx)
			s.must(err)
		}},
		side{do: func() {
			s.must(s.raw.Publish(s.ctx, s.prefix+"channel", payload).Err())
			<-received
		}})
	list, err := s.raw.ClientList(s.ctx).Result()
	s.must(err)
	opened := strings.Count(list, " name="+name+" ")
	b.ReportMetric(float64(opened), "connections")
	if opened < 1 || opened > 4 {
		b.Errorf("%d connections are open, want 1 to 4", opened)
	}
}

// store stores keys beginning with name for both sides.
func (s *stage) store(name string, count int) (port, raw []string) {
	pipe := s.raw.Pipeline()
	var running sync.WaitGroup
	places := make(chan struct{}, 256)
	for i := range count {
		port = append(port, fmt.Sprint(name, i))
		raw = append(raw, fmt.Sprint(s.prefix, name, i))
		pipe.Set(s.ctx, raw[i], payload, 0)
		places <- struct{}{}
		running.Go(func() {
			s.must(s.handle.Set(s.ctx, port[i], payload, 0))
			<-places
		})
	}
	_, err := pipe.Exec(s.ctx)
	s.must(err)
	running.Wait()
	return port, raw
}

func BenchmarkKeys(b *testing.B) {
	for _, others := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("100-of-%d", others+100), func(b *testing.B) {
			s := newStage(b)
			s.store("hot:", 100)
			s.store("cold:", others/2) // on both sides, in one database
			target := 5 * time.Millisecond
			if others > 0 {
				target = 0 // a walk over all keys, as the bare client's
			}
			compare(b, target,
				side{do: func() {
					keys, err := s.handle.Keys(s.ctx, "hot:*")
					s.must(err)
					if len(keys) != 100 {
						b.Fatalf("%d keys", len(keys))
					}
				}},
				side{do: func() {
					var keys []string
					names := s.raw.Scan(s.ctx, 0, s.prefix+"hot:*", 1000).Iterator()
					for names.Next(s.ctx) {
						keys = append(keys, names.Val())
					}
					s.must(names.Err())
					slices.Sort(keys)
					if keys = slices.Compact(keys); len(keys) != 100 {
						b.Fatalf("%d keys", len(keys))
					}
				}})
		})
	}
}

func BenchmarkDeleteMany(b *testing.B) {
	s := newStage(b)
	var port, raw []string
	prepare := func() { port, raw = s.store("key ", 100) }
	compare(b, 5*time.Millisecond,
		side{prepare, func() {
			count, err := s.handle.DeleteMany(s.ctx, port...)
			s.must(err)
			if count != 100 {
				b.Fatalf("%d deleted", count)
			}
		}},
		side{prepare, func() { s.must(s.raw.Unlink(s.ctx, raw...).Err()) }})
}

// BenchmarkLeadership is an acquisition and a release. The bare client's is the
// usual lock, without terms.
func BenchmarkLeadership(b *testing.B) {
	s := newStage(b)
	release := goredis.NewScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`)
	compare(b, 0,
		side{do: func() {
			_, acquired, err := s.handle.TryAcquireLeadership(s.ctx, "node", time.Minute)
			s.must(err)
			released, err := s.handle.ReleaseLeadership(s.ctx, "node")
			s.must(err)
			if !acquired || !released {
				b.Fatal("not acquired, or not released")
			}
		}},
		side{do: func() {
			s.must(s.raw.SetArgs(s.ctx, s.prefix+"lock", "token", goredis.SetArgs{Mode: "NX", TTL: time.Minute}).Err())
			s.must(release.Run(s.ctx, s.raw, []string{s.prefix + "lock"}, "token").Err())
		}})
}

// BenchmarkListNodes lists 100,000 members.
func BenchmarkListNodes(b *testing.B) {
	server := private(b)
	client := raw(b, server.Address)
	handle := open(b, server.URL(), nil)
	populate(b, client, 100_000, time.Hour)
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	compare(b, 100*time.Millisecond,
		side{do: func() { _, err := handle.ListNodes(b.Context()); must(err) }},
		side{do: func() { must(client.ZRange(b.Context(), "{riptide}:members", 0, -1).Err()) }})
}
