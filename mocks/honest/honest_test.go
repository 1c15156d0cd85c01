package honest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks/honest"
)

// recorder stands in for the *testing.T of a test that is to fail.
type recorder struct {
	mu    sync.Mutex
	lies  []string
	fatal []string
}

var (
	_ honest.T = (*testing.T)(nil)
	_ honest.T = ginkgo.GinkgoTInterface(nil)
)

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lies = append(r.lies, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fatal = append(r.fatal, fmt.Sprintf(format, args...))
}

// take returns what was recorded since it was called last.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.lies
	r.lies = nil
	return taken
}

// expectLie says that there was one lie and which promise it broke, by a part of
// the sentence.
func (r *recorder) expectLie(t *testing.T, promise string) {
	t.Helper()
	lies := r.take()
	if len(lies) != 1 {
		t.Fatalf("the test was failed %d times, want once:\n%s", len(lies), strings.Join(lies, "\n"))
	}
	if _, quoted, _ := strings.Cut(lies[0], "\n\tpromise: "); !strings.Contains(quoted, promise) {
		t.Errorf("the failure does not promise that %q:\n%s", promise, lies[0])
	}
}

// expect says whether there was a lie: none, where there is no promise to break.
func (r *recorder) expect(t *testing.T, promise string) {
	t.Helper()
	if promise == "" {
		r.expectSilence(t)
	} else {
		r.expectLie(t, promise)
	}
}

func (r *recorder) expectSilence(t *testing.T) {
	t.Helper()
	if lies := r.take(); len(lies) != 0 {
		t.Errorf("an honest answer fails the test:\n%s", strings.Join(lies, "\n"))
	}
}

// port answers what a test puts into it. The zero port answers honestly: it is
// empty, and nobody leads.
type port struct {
	err     error // of every method but Close
	closing error

	// What else the methods return, with an error as well, where it is not nil.
	acks         *int
	subscription coordination.Subscription
	value        []byte
	found        bool
	keys         []string
	deleted      *int
	removed      bool
	nodes        []string
	term         uint64
	leader       coordination.Leader
	stats        *coordination.Stats

	during func() // happens within each call
}

func (p *port) happens() {
	if p.during != nil {
		p.during()
	}
}

// or returns what was put in or else, where there is no error, what is honest.
func or[Result any](put *Result, err error, honest Result) (result Result) {
	switch {
	case put != nil:
		return *put
	case err == nil:
		return honest
	}
	return result
}

func (p *port) Publish(context.Context, string, []byte) error { p.happens(); return p.err }

func (p *port) Subscribe(context.Context, string) (coordination.Subscription, error) {
	p.happens()
	return p.subscription, p.err
}

func (p *port) PublishWithAck(context.Context, string, []byte, time.Duration) (int, error) {
	p.happens()
	return or(p.acks, p.err, 1), p.err
}

func (p *port) Get(context.Context, string) ([]byte, bool, error) {
	p.happens()
	return p.value, p.found, p.err
}

func (p *port) Set(context.Context, string, []byte, time.Duration) error { p.happens(); return p.err }

func (p *port) Keys(context.Context, string) ([]string, error) { p.happens(); return p.keys, p.err }

func (p *port) Delete(context.Context, string) (bool, error) { p.happens(); return p.removed, p.err }

func (p *port) DeleteMany(context.Context, ...string) (int, error) {
	p.happens()
	return or(p.deleted, p.err, 0), p.err
}

func (p *port) FlushAll(context.Context) error { p.happens(); return p.err }

func (p *port) RegisterNode(context.Context, string, []byte) error { p.happens(); return p.err }

func (p *port) DeregisterNode(context.Context, string) (bool, error) {
	p.happens()
	return p.removed, p.err
}

func (p *port) Heartbeat(context.Context, string, time.Duration) error { p.happens(); return p.err }

func (p *port) ListNodes(context.Context) ([]string, error) { p.happens(); return p.nodes, p.err }

func (p *port) NodeMetadata(context.Context, string) ([]byte, bool, error) {
	p.happens()
	return p.value, p.found, p.err
}

func (p *port) TryAcquireLeadership(context.Context, string, time.Duration) (uint64, bool, error) {
	p.happens()
	return p.term, p.found, p.err
}

func (p *port) ReleaseLeadership(context.Context, string) (bool, error) {
	p.happens()
	return p.removed, p.err
}

func (p *port) Leader(context.Context) (coordination.Leader, bool, error) {
	p.happens()
	return p.leader, p.found, p.err
}

func (p *port) HealthCheck(context.Context) (bool, error) { p.happens(); return p.found, p.err }

func (p *port) Stats(context.Context) (coordination.Stats, error) {
	p.happens()
	return or(p.stats, p.err, coordination.Stats{Metadata: named()}), p.err
}

func (p *port) Close() error { p.happens(); return p.closing }

func named() map[string]string {
	return map[string]string{coordination.BackendKey: "mock", coordination.NamespaceKey: "test"}
}

// stream is a subscription that answers what a test puts into it.
type stream struct {
	message coordination.Message
	err     error
	closing error
	during  func()
}

func (s *stream) Next(context.Context) (coordination.Message, error) {
	if s.during != nil {
		s.during()
	}
	return s.message, s.err
}

func (s *stream) Close() error { return s.closing }
