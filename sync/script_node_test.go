package sync_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// scriptBeat is the heartbeat interval of the scripts.
const scriptBeat = time.Second

// setting changes how a node of a script is made.
type setting func(*dsync.Config, *dsync.Options)

// scriptedNode is the node under test, "self", while it runs. It has a cache of its
// own and is no candidate, unless settings say otherwise.
type scriptedNode struct {
	*dsync.DistributedSync
	port  *scriptedPort
	cache *scriptedCache
	stop  context.CancelFunc
	ended chan error

	mu     sync.Mutex // guards what follows
	events []dsync.Event
}

// newScriptedNode makes a node that does not run.
func newScriptedNode(port *scriptedPort, settings ...setting) *scriptedNode {
	n := &scriptedNode{port: port, cache: newScriptedCache(), ended: make(chan error, 1)}
	config := dsync.Config{NodeID: "self", HeartbeatInterval: scriptBeat, LeaderElectionTimeout: 10 * time.Second, Metadata: []byte("metadata")}
	options := dsync.Options{
		Cache: n.cache, PublishTimeout: patient, Observe: n.observe,
		Election: dsync.ElectionOptions{Observer: true},
	}
	for _, set := range settings {
		set(&config, &options)
	}
	node, err := dsync.New(config, port.MockDistributedCoordination, &options)
	Expect(err).NotTo(HaveOccurred())
	n.DistributedSync = node
	return n
}

// perform makes a node on a new port and runs it until nothing happens at once.
func perform(ctx context.Context, settings ...setting) *scriptedNode {
	n := newScriptedNode(newScriptedPort(), settings...)
	n.runs(ctx)
	return n
}

// runs starts Run.
func (n *scriptedNode) runs(ctx context.Context) {
	ctx, n.stop = context.WithCancel(ctx)
	go func() { n.ended <- n.Run(ctx) }()
	synctest.Wait()
}

// finish ends Run and returns what it returned.
func (n *scriptedNode) finish() error {
	n.stop()
	return <-n.ended
}

// at waits until the script has run for so long, and for what happens then.
func (n *scriptedNode) at(since time.Duration) {
	time.Sleep(time.Until(n.port.start.Add(since)))
	synctest.Wait()
}

// after waits for a time, and for what happens then.
func (n *scriptedNode) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (n *scriptedNode) observe(event dsync.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, event)
}

// told returns the events of some kinds, of all where none is named, without their
// times.
func (n *scriptedNode) told(kinds ...dsync.EventKind) (events []dsync.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, event := range n.events {
		if len(kinds) == 0 || slices.Contains(kinds, event.Kind) {
			event.Time = time.Time{}
			events = append(events, event)
		}
	}
	return events
}

// requested returns what was asked of others, as texts.
func (n *scriptedNode) requested() (texts []string) {
	for _, call := range n.port.called("Publish") {
		if isRequest(call.letter) {
			texts = append(texts, call.text)
		}
	}
	return texts
}

// epoch is the node's incarnation, as its messages say.
func (n *scriptedNode) epoch() uint64 {
	beats := n.port.letters(isHeartbeat)
	Expect(beats).NotTo(BeEmpty())
	return beats[0].Epoch
}

// gaps are the figures of Status on what was missed.
type gaps struct{ found, healed, missing, cleared uint64 }

func (n *scriptedNode) gaps() gaps {
	status := n.Status()
	return gaps{status.GapsFound, status.GapsHealed, status.Missing, status.CacheClears}
}

// scriptedCache is a cache that writes down its calls, and may be told to fail.
type scriptedCache struct {
	mu      sync.Mutex // guards what follows
	entries map[string]string
	calls   []string
	script  func(ctx context.Context, call string) error
}

var _ dsync.Cache = (*scriptedCache)(nil)

func newScriptedCache() *scriptedCache { return &scriptedCache{entries: map[string]string{}} }

// on has every call do as the script says first, and nothing more where that
// returns an error.
func (c *scriptedCache) on(do func(ctx context.Context, call string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script = do
}

func (c *scriptedCache) call(ctx context.Context, text string, effect func()) error {
	c.mu.Lock()
	c.calls = append(c.calls, text)
	do := c.script
	c.mu.Unlock()
	if do != nil {
		if err := do(ctx, text); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	effect()
	return nil
}

func (c *scriptedCache) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return c.call(ctx, fmt.Sprintf("Set %s=%s %v", key, value, ttl), func() { c.entries[key] = string(value) })
}

func (c *scriptedCache) Delete(ctx context.Context, key string) error {
	return c.call(ctx, "Delete "+key, func() { delete(c.entries, key) })
}

func (c *scriptedCache) InvalidatePattern(ctx context.Context, pattern string) error {
	return c.call(ctx, "InvalidatePattern "+pattern, func() {
		maps.DeleteFunc(c.entries, func(key, _ string) bool { return coordination.Match(pattern, key) })
	})
}

func (c *scriptedCache) Clear(ctx context.Context) error {
	return c.call(ctx, "Clear", func() { clear(c.entries) })
}

// held returns what the cache holds.
func (c *scriptedCache) held() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.entries)
}

// took returns the calls since it was called last.
func (c *scriptedCache) took() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}
