package memory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		name    string
		options *memory.Options
		want    string // what the error names, or else the namespace
		refused bool
	}{
		{"no options", nil, "riptide", false},
		{"no settings", &memory.Options{}, "riptide", false},
		{"a namespace", &memory.Options{Namespace: "a*\x00"}, "a*\x00", false},
		{"too long a namespace", &memory.Options{Namespace: strings.Repeat("n", coordination.MaxNameLen+1)}, "namespace", true},
		{"a negative buffer", &memory.Options{Buffer: -1}, "buffer", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			handle, err := memory.NewHub().Open(c.options)
			if c.refused {
				if !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(err.Error(), c.want) || handle != nil {
					t.Errorf("Open returns %v, %v", handle, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			stats, err := handle.Stats(t.Context())
			if err != nil || stats.Metadata[coordination.NamespaceKey] != c.want ||
				stats.Metadata[coordination.BackendKey] != "memory" {
				t.Errorf("Stats returns %+v, %v", stats, err)
			}
		})
	}
}

func TestZeroHub(t *testing.T) {
	var hub memory.Hub
	first, _ := hub.Open(nil)
	second, _ := hub.Open(nil)
	other, _ := hub.Open(&memory.Options{Namespace: "other"})
	if err := first.Set(t.Context(), "key", []byte("value"), 0); err != nil {
		t.Fatal(err)
	}
	if value, found, err := second.Get(t.Context(), "key"); string(value) != "value" || !found || err != nil {
		t.Errorf("a peer gets %q, %v, %v", value, found, err)
	}
	if value, found, err := other.Get(t.Context(), "key"); found || err != nil {
		t.Errorf("another namespace gets %q, %v, %v", value, found, err)
	}
}

func TestBufferOption(t *testing.T) {
	handle, _ := memory.NewHub().Open(&memory.Options{Buffer: 2})
	subscription, _ := handle.Subscribe(t.Context(), "news")
	for i := range 5 {
		handle.Publish(t.Context(), "news", fmt.Append(nil, i))
	}
	_, err := subscription.Next(t.Context())
	var lost *coordination.MessagesLostError
	if !errors.As(err, &lost) || lost.Count != 3 {
		t.Errorf("Next returns %v", err)
	}
}

func TestErrorsNameTheOperation(t *testing.T) {
	handle := memory.New()
	handle.Close()
	operations := map[string]func(context.Context) error{
		"publish":                func(ctx context.Context) error { return handle.Publish(ctx, "c", nil) },
		"subscribe":              func(ctx context.Context) error { return second(handle.Subscribe(ctx, "c")) },
		"publish with ack":       func(ctx context.Context) error { return second(handle.PublishWithAck(ctx, "c", nil, 1)) },
		"get":                    func(ctx context.Context) error { return third(handle.Get(ctx, "k")) },
		"set":                    func(ctx context.Context) error { return handle.Set(ctx, "k", nil, 0) },
		"keys":                   func(ctx context.Context) error { return second(handle.Keys(ctx, "k")) },
		"delete":                 func(ctx context.Context) error { return second(handle.Delete(ctx, "k")) },
		"delete many":            func(ctx context.Context) error { return second(handle.DeleteMany(ctx)) },
		"flush all":              func(ctx context.Context) error { return handle.FlushAll(ctx) },
		"register node":          func(ctx context.Context) error { return handle.RegisterNode(ctx, "n", nil) },
		"deregister node":        func(ctx context.Context) error { return second(handle.DeregisterNode(ctx, "n")) },
		"heartbeat":              func(ctx context.Context) error { return handle.Heartbeat(ctx, "n", time.Second) },
		"list nodes":             func(ctx context.Context) error { return second(handle.ListNodes(ctx)) },
		"node metadata":          func(ctx context.Context) error { return third(handle.NodeMetadata(ctx, "n")) },
		"try acquire leadership": func(ctx context.Context) error { return third(handle.TryAcquireLeadership(ctx, "n", time.Second)) },
		"release leadership":     func(ctx context.Context) error { return second(handle.ReleaseLeadership(ctx, "n")) },
		"leader":                 func(ctx context.Context) error { return third(handle.Leader(ctx)) },
		"health check":           func(ctx context.Context) error { return second(handle.HealthCheck(ctx)) },
		"stats":                  func(ctx context.Context) error { return second(handle.Stats(ctx)) },
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, do := range operations {
		// Closed goes before cancelled, and a bad argument before both.
		if err := do(cancelled); !errors.Is(err, coordination.ErrClosed) || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s ends with %v", name, err)
		}
		var none context.Context
		if err := do(none); !errors.Is(err, coordination.ErrInvalidArgument) || !strings.HasPrefix(err.Error(), name+": ctx ") {
			t.Errorf("%s ends with %v", name, err)
		}
	}
	handle = memory.New()
	for name, do := range operations {
		if err := do(cancelled); !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s ends with %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

func TestDeleteManyNamesTheBadKey(t *testing.T) {
	handle := memory.New()
	handle.Set(t.Context(), "a", nil, 0)
	if n, err := handle.DeleteMany(t.Context(), "a", "b", ""); n != 0 || !errors.Is(err, coordination.ErrInvalidArgument) ||
		!strings.Contains(err.Error(), "keys[2]") {
		t.Errorf("DeleteMany returns %d, %v", n, err)
	}
	if keys, _ := handle.Keys(t.Context(), "*"); !slices.Equal(keys, []string{"a"}) {
		t.Errorf("%q are left", keys)
	}
}

// steps is a context that is cancelled once it has been asked a number of times.
type steps struct {
	context.Context
	left int
}

func (s *steps) Err() error {
	if s.left == 0 {
		return context.Canceled
	}
	s.left--
	return nil
}

func TestLongMethodsLookAtTheContextBetweenSteps(t *testing.T) {
	handle := memory.New()
	keys := make([]string, 5000)
	for i := range keys {
		keys[i] = fmt.Sprintf("key:%04d", i)
		handle.Set(t.Context(), keys[i], nil, 0)
	}
	if got, err := handle.Keys(&steps{t.Context(), 3}, "key:*"); got != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("Keys returns %d keys, %v", len(got), err)
	}
	if got, err := handle.Keys(&steps{t.Context(), 9}, "key:*"); !slices.Equal(got, keys) || err != nil {
		t.Errorf("Keys returns %d keys, %v", len(got), err)
	}
	if got, err := handle.DeleteMany(&steps{t.Context(), 3}, keys...); got != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("DeleteMany returns %d, %v", got, err)
	}
	if left, err := handle.Keys(t.Context(), "key:*"); !slices.Equal(left, keys[2000:]) || err != nil {
		t.Errorf("%d keys are left, %v", len(left), err)
	}
	if got, err := handle.DeleteMany(t.Context(), append(keys, keys...)...); got != 3000 || err != nil {
		t.Errorf("DeleteMany returns %d, %v", got, err)
	}
}

// A key that is there during the whole call is returned, once, whatever comes
// and goes between the steps.
func TestKeysWhileOthersComeAndGo(t *testing.T) {
	handle := memory.New()
	var stay []string
	for i := range 10_000 {
		key := fmt.Sprintf("%05d:stays", i)
		stay = append(stay, key)
		handle.Set(t.Context(), key, nil, 0)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var changing sync.WaitGroup
	changing.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			key := fmt.Sprintf("%05d:goes", i*7919%10_000)
			handle.Set(ctx, key, nil, 0)
			if i > 500 {
				handle.Delete(ctx, fmt.Sprintf("%05d:goes", (i-500)*7919%10_000))
			}
		}
	})
	for range 50 {
		keys, err := handle.Keys(t.Context(), "*")
		if err != nil || !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
			t.Fatalf("%d keys, not ascending and distinct, %v", len(keys), err)
		}
		keys = slices.DeleteFunc(keys, func(key string) bool { return strings.HasSuffix(key, ":goes") })
		if !slices.Equal(keys, stay) {
			t.Fatalf("%d keys of %d that stay", len(keys), len(stay))
		}
	}
	cancel()
	changing.Wait()
}

func TestTermsRiseOverHubs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		last := uint64(0)
		for range 10 {
			handle := memory.New()
			for range 10 {
				term, acquired, err := handle.TryAcquireLeadership(t.Context(), "node", time.Second)
				if !acquired || err != nil || term <= last {
					t.Fatalf("term %d after %d, %v, %v", term, last, acquired, err)
				}
				last = term
				handle.ReleaseLeadership(t.Context(), "node")
			}
			time.Sleep(time.Millisecond) // the clock counts microseconds
		}
	})
}

func TestCloseRacesSubscribe(t *testing.T) {
	hub := memory.NewHub()
	publisher, _ := hub.Open(nil)
	for range 500 {
		handle, _ := hub.Open(nil)
		var racing sync.WaitGroup
		for range 4 {
			racing.Go(func() {
				subscription, err := handle.Subscribe(t.Context(), "news")
				if err == nil {
					_, err = subscription.Next(t.Context())
				}
				if !errors.Is(err, coordination.ErrClosed) {
					t.Errorf("ends with %v", err)
				}
			})
		}
		racing.Go(func() { handle.Close() })
		racing.Go(func() { handle.Close() })
		racing.Wait()
		if acks, err := publisher.PublishWithAck(t.Context(), "news", nil, time.Minute); !errors.Is(err, coordination.ErrNoSubscribers) {
			t.Fatalf("%d live subscriptions are left, %v", acks, err)
		}
	}
}

func TestPublishAllocatesTheCopyOnly(t *testing.T) {
	handle, _ := memory.NewHub().Open(&memory.Options{Buffer: 8})
	handle.Subscribe(t.Context(), "news")
	handle.Subscribe(t.Context(), "n*")
	payload := make([]byte, 128)
	publish := func() { handle.Publish(t.Context(), "news", payload) }
	for range 8 {
		publish() // the buffers grow
	}
	if allocs := testing.AllocsPerRun(100, publish); allocs > 1 {
		t.Errorf("Publish allocates %v times", allocs)
	}
}
