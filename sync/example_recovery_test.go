package sync_test

import (
	"context"
	"fmt"
	"log"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// lossy is a port that loses messages for a while, as any broker may that delivers at
// most once.
type lossy struct {
	coordination.DistributedCoordination
	losing atomic.Bool
}

func (l *lossy) Publish(ctx context.Context, channel string, payload []byte) error {
	if l.losing.Load() {
		return nil
	}
	return l.DistributedCoordination.Publish(ctx, channel, payload)
}

// table is a small cache.
type table struct {
	mu   sync.Mutex // guards rows
	rows map[string]string
}

func (t *table) change(change func(rows map[string]string)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows == nil {
		t.rows = map[string]string{}
	}
	change(t.rows)
	return nil
}

func (t *table) Set(_ context.Context, key string, value []byte, _ time.Duration) error {
	return t.change(func(rows map[string]string) { rows[key] = string(value) })
}

func (t *table) Delete(_ context.Context, key string) error {
	return t.change(func(rows map[string]string) { delete(rows, key) })
}

func (t *table) InvalidatePattern(_ context.Context, pattern string) error {
	return t.change(func(rows map[string]string) {
		maps.DeleteFunc(rows, func(key, _ string) bool { return coordination.Match(pattern, key) })
	})
}

func (t *table) Clear(context.Context) error {
	return t.change(func(rows map[string]string) { clear(rows) })
}

// A node that missed more than the others can send again reloads its cache, instead of
// clearing it. Here the others remember only one operation.
func ExampleRecovery() {
	ctx, stop := context.WithCancel(context.Background())
	hub := memory.NewHub()
	var running sync.WaitGroup
	run := func(port coordination.DistributedCoordination, name string, options *dsync.Options) *dsync.DistributedSync {
		node, err := dsync.New(dsync.DefaultConfig(name), port, options)
		if err != nil {
			log.Fatal(err)
		}
		running.Go(func() {
			if err := node.Run(ctx); err != nil {
				log.Print(err)
			}
		})
		return node
	}
	var database, cached table
	reader := run(hubHandle(hub), "reader", &dsync.Options{
		Cache: &cached,
		Recovery: dsync.Recovery{Fallback: dsync.FallbackReload, Reload: func(context.Context) error {
			rows := map[string]string{}
			_ = database.change(func(current map[string]string) { maps.Copy(rows, current) })
			return cached.change(func(old map[string]string) { clear(old); maps.Copy(old, rows) })
		}},
	})
	link := &lossy{DistributedCoordination: hubHandle(hub)}
	writer := run(link, "writer", &dsync.Options{Cache: &table{}, Limits: dsync.Limits{HistoryOperations: 1}})
	for len(reader.Status().ActiveNodes) < 2 || len(writer.Status().ActiveNodes) < 2 {
		time.Sleep(time.Millisecond) // until they have received each other's heartbeat
	}

	link.losing.Store(true)
	for _, key := range []string{"a", "b"} {
		_ = database.Set(ctx, key, []byte("2"), 0) // always nil
		if err := writer.Set(ctx, key, []byte("2"), 0); err != nil {
			log.Print(err)
		}
	}
	link.losing.Store(false)
	if err := writer.NotifyOperation(ctx, dsync.Operation{Type: dsync.Heartbeat}); err != nil { // or wait for the next one
		log.Print(err)
	}
	for reader.Status().GapsHealed < 2 {
		time.Sleep(time.Millisecond)
	}
	_ = cached.change(func(rows map[string]string) {
		fmt.Printf("a is %s, b is %s, %d missing\n", rows["a"], rows["b"], reader.Status().Missing)
	})
	stop()
	running.Wait()
	// Output: a is 2, b is 2, 0 missing
}

func hubHandle(hub *memory.Hub) coordination.DistributedCoordination {
	port, err := hub.Open(nil)
	if err != nil {
		log.Fatal(err)
	}
	return port
}
