package sync_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// errCache and errPort are what fails where the cause does not matter.
var (
	errCache = errors.New("the cache is ill")
	errPort  = errors.New("the port is ill")
)

// mocked is a node that does not run, on a port that fails the spec at a call
// that was not expected.
type mocked struct {
	*dsync.DistributedSync
	port *mocks.MockDistributedCoordination

	mu       sync.Mutex // guards what follows
	messages []told
}

// patient is the PublishTimeout of nodes in specs that are not about it.
const patient = 24 * time.Hour

// nodeOnMock returns the node "a", with what settings make of the defaults.
func nodeOnMock(settings ...func(*dsync.Options)) *mocked {
	GinkgoHelper()
	options := dsync.Options{PublishTimeout: patient}
	for _, set := range settings {
		set(&options)
	}
	node := &mocked{port: mocks.NewMockDistributedCoordination(gomock.NewController(GinkgoT()))}
	made, err := dsync.New(dsync.DefaultConfig("a"), node.port, &options)
	Expect(err).NotTo(HaveOccurred())
	node.DistributedSync = made
	return node
}

// on gives the node a cache of its own.
func on(cache dsync.Cache) func(*dsync.Options) {
	return func(options *dsync.Options) { options.Cache = cache }
}

// publishes expects a message for all nodes, and keeps it.
func (m *mocked) publishes() *mocks.MockDistributedCoordinationPublishCall {
	return m.port.EXPECT().Publish(gomock.Any(), dsync.DefaultChannel, gomock.Any()).DoAndReturn(m.keep)
}

// keep is a Publish that works.
func (m *mocked) keep(_ context.Context, _ string, payload []byte) error {
	defer GinkgoRecover()
	var message told
	Expect(json.Unmarshal(payload, &message)).To(Succeed())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.messages = append(m.messages, message)
	return nil
}

// told returns the operations in the messages that were kept.
func (m *mocked) told() (operations []toldOperation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, message := range m.messages {
		operations = append(operations, message.all()...)
	}
	return operations
}

// sizes returns how many operations there are in each message that was kept.
func (m *mocked) sizes() (sizes []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, message := range m.messages {
		sizes = append(sizes, len(message.all()))
	}
	return sizes
}

// told is a message as somebody reads it who knows its form alone.
type told struct {
	toldOperation
	Version    int             `json:"version"`
	Epoch      uint64          `json:"epoch"`
	Clock      int64           `json:"clock"`
	Operations []toldOperation `json:"operations"`
}

type toldOperation struct {
	ID        string    `json:"id"`
	Type      string    `json:"operation_type"`
	Key       string    `json:"key"`
	Value     []byte    `json:"value"`
	TTL       float64   `json:"ttl"`
	Timestamp time.Time `json:"timestamp"`
	Origin    string    `json:"origin_node"`
	Priority  int       `json:"priority"`
	Stamp     int64     `json:"stamp"`
	Logical   uint32    `json:"logical"`
	Seq       uint64    `json:"seq"`
}

func (t told) all() []toldOperation {
	if t.Type != "" && t.Type != "Heartbeat" {
		return []toldOperation{t.toldOperation}
	}
	return t.Operations
}

// notedCache is a cache that notes the calls it gets.
type notedCache struct {
	mu     sync.Mutex // guards what follows
	values map[string]string
	calls  []string
	fail   func(ctx context.Context, call string) error // nil where nothing fails; may panic, or block
}

var _ dsync.Cache = (*notedCache)(nil)

func newNotedCache() *notedCache { return &notedCache{values: make(map[string]string)} }

func (c *notedCache) do(ctx context.Context, call string, change func()) error {
	c.mu.Lock()
	c.calls = append(c.calls, call)
	fail := c.fail
	c.mu.Unlock()
	if fail != nil {
		if err := fail(ctx, call); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	return nil
}

func (c *notedCache) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return c.do(ctx, "Set "+key+" "+string(value)+" "+ttl.String(), func() { c.values[key] = string(value) })
}

func (c *notedCache) Delete(ctx context.Context, key string) error {
	return c.do(ctx, "Delete "+key, func() { delete(c.values, key) })
}

func (c *notedCache) InvalidatePattern(ctx context.Context, pattern string) error {
	return c.do(ctx, "InvalidatePattern "+pattern, func() {
		maps.DeleteFunc(c.values, func(key, _ string) bool { return coordination.Match(pattern, key) })
	})
}

func (c *notedCache) Clear(ctx context.Context) error {
	return c.do(ctx, "Clear", func() { clear(c.values) })
}

// fails has each call from now on end with what fail returns.
func (c *notedCache) fails(fail func(ctx context.Context, call string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = fail
}

// ill fails at everything.
func ill(context.Context, string) error { return errCache }

// noted returns the calls since it was last asked.
func (c *notedCache) noted() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

// held returns what the cache holds.
func (c *notedCache) held() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.values)
}

// past and future are the stamps of operations that others have made before, and
// after, all that the node does in a spec; the greater ones are the newer.
func past(wall int64) dsync.Stamp { return dsync.Stamp{Wall: wall} }

func future(wall int64) dsync.Stamp { return dsync.Stamp{Wall: nextYear + wall} }

var nextYear = time.Now().AddDate(1, 0, 0).UnixMicro()
