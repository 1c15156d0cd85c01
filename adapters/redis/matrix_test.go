package redis_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/faultproxy"
)

// behind returns a proxy before a server.
func behind(t testing.TB, address string) *faultproxy.Proxy {
	t.Helper()
	proxy, err := faultproxy.Start(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	return proxy
}

// calls are all kinds of calls that need the server.
var calls = map[string]func(ctx context.Context, c *redis.Coordination) error{
	"Publish": func(ctx context.Context, c *redis.Coordination) error { return c.Publish(ctx, "quiet", nil) },
	"PublishWithAck": func(ctx context.Context, c *redis.Coordination) error {
		_, err := c.PublishWithAck(ctx, "quiet", nil, time.Second)
		if errors.Is(err, coordination.ErrNoSubscribers) || errors.Is(err, coordination.ErrAckTimeout) {
			err = nil // the message was published
		}
		return err
	},
	"Subscribe": func(ctx context.Context, c *redis.Coordination) error {
		s, err := c.Subscribe(ctx, "other")
		if err == nil {
			err = s.Close()
		}
		return err
	},
	"Get":    func(ctx context.Context, c *redis.Coordination) error { _, _, err := c.Get(ctx, "k"); return err },
	"Set":    func(ctx context.Context, c *redis.Coordination) error { return c.Set(ctx, "k", nil, time.Minute) },
	"Keys":   func(ctx context.Context, c *redis.Coordination) error { _, err := c.Keys(ctx, "k*"); return err },
	"Delete": func(ctx context.Context, c *redis.Coordination) error { _, err := c.Delete(ctx, "k"); return err },
	"DeleteMany": func(ctx context.Context, c *redis.Coordination) error {
		_, err := c.DeleteMany(ctx, "k", "l")
		return err
	},
	"FlushAll": func(ctx context.Context, c *redis.Coordination) error { return c.FlushAll(ctx) },
	"RegisterNode": func(ctx context.Context, c *redis.Coordination) error {
		return c.RegisterNode(ctx, "node", []byte("metadata"))
	},
	"Heartbeat": func(ctx context.Context, c *redis.Coordination) error {
		err := c.Heartbeat(ctx, "node", time.Minute)
		if errors.Is(err, coordination.ErrNotRegistered) {
			err = nil
		}
		return err
	},
	"DeregisterNode": func(ctx context.Context, c *redis.Coordination) error {
		_, err := c.DeregisterNode(ctx, "nobody")
		return err
	},
	"NodeMetadata": func(ctx context.Context, c *redis.Coordination) error {
		_, _, err := c.NodeMetadata(ctx, "node")
		return err
	},
	"ListNodes": func(ctx context.Context, c *redis.Coordination) error { _, err := c.ListNodes(ctx); return err },
	"TryAcquireLeadership": func(ctx context.Context, c *redis.Coordination) error {
		_, _, err := c.TryAcquireLeadership(ctx, "node", time.Minute)
		return err
	},
	"ReleaseLeadership": func(ctx context.Context, c *redis.Coordination) error {
		_, err := c.ReleaseLeadership(ctx, "node")
		return err
	},
	"Leader": func(ctx context.Context, c *redis.Coordination) error { _, _, err := c.Leader(ctx); return err },
	"HealthCheck": func(ctx context.Context, c *redis.Coordination) error {
		_, err := c.HealthCheck(ctx)
		return err
	},
	"Stats": func(ctx context.Context, c *redis.Coordination) error { _, err := c.Stats(ctx); return err },
}

// faults are what each call may return. A nil among the outcomes is success.
var faults = []struct {
	fault    faultproxy.Fault
	outcomes []error
}{
	// A subscription, and what may be repeated without harm, may still succeed.
	{faultproxy.LostRequest, []error{coordination.ErrUnavailable, nil}},
	{faultproxy.LostReply, []error{coordination.ErrUnavailable, nil}},
	{faultproxy.Reset, []error{coordination.ErrUnavailable, nil}},
	{faultproxy.HalfClose, []error{coordination.ErrUnavailable, nil}},
	{faultproxy.BlackHole, []error{context.DeadlineExceeded}},
	{faultproxy.LostWay, []error{context.DeadlineExceeded}},
	{faultproxy.LostWayBack, []error{context.DeadlineExceeded}},
	{faultproxy.Delay, []error{nil}},
	{faultproxy.SlowLink, []error{nil}},
}

// mustFail are the calls that cannot succeed without an answer that the fault takes.
var mustFail = []string{
	"Publish", "PublishWithAck", "Get", "Set", "Keys", "Delete", "DeleteMany", "FlushAll", "RegisterNode", "Heartbeat", "ListNodes",
	"DeregisterNode", "NodeMetadata", "TryAcquireLeadership", "ReleaseLeadership", "Leader", "Stats",
}

func TestEachCallUnderEachFault(t *testing.T) {
	backend := private(t)
	for _, f := range faults {
		t.Run(string(f.fault), func(t *testing.T) {
			t.Parallel()
			var running sync.WaitGroup
			for name, call := range calls {
				proxy := behind(t, backend.Address)
				handle := open(t, "redis://"+proxy.Address, &redis.Options{Namespace: t.Name() + name, LinkTimeout: time.Second})
				running.Go(func() { underFault(t, proxy, handle, name, call, f.fault, f.outcomes) })
			}
			running.Wait()
		})
	}
}

func underFault(t *testing.T, proxy *faultproxy.Proxy, handle *redis.Coordination, name string,
	call func(context.Context, *redis.Coordination) error, fault faultproxy.Fault, outcomes []error) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := call(ctx, handle); err != nil {
		t.Errorf("%s before the fault = %v", name, err)
		return
	}
	direct, err := redis.Open(ctx, "redis://"+proxy.Target(), &redis.Options{Namespace: t.Name() + name})
	if err != nil {
		t.Error(err)
		return
	}
	defer direct.Close()
	witness, err := direct.Subscribe(ctx, "quiet")
	if err != nil {
		t.Error(err)
		return
	}
	const bound = 700 * time.Millisecond
	limit := bound
	if slices.Contains(outcomes, nil) {
		limit = 5 * time.Second // it ends without the context
	}
	proxy.Inject(fault, "\r\n")
	within, stop := context.WithTimeout(ctx, limit)
	defer stop()
	start := time.Now()
	err = call(within, handle)
	took := time.Since(start)
	if !slices.ContainsFunc(outcomes, func(want error) bool { return errors.Is(err, want) }) ||
		err == nil && len(outcomes) > 1 && slices.Contains(mustFail, name) {
		t.Errorf("%s = %v after %v, want one of %v", name, err, took, outcomes)
	}
	if took > limit+2*time.Second {
		t.Errorf("%s took %v, %v longer than its context allows", name, took, took-limit)
	}
	proxy.Heal()
	sent := 2
	for ; call(ctx, handle) != nil; sent++ {
		if ctx.Err() != nil {
			t.Errorf("%s does not recover", name)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	expectAtMost(ctx, t, name, sent, direct, witness)
}

// expectAtMost publishes a last message, and expects before it no more messages than
// were sent: no call published twice.
func expectAtMost(ctx context.Context, t *testing.T, name string, sent int, direct *redis.Coordination, witness coordination.Subscription) {
	if err := direct.Publish(ctx, "quiet", []byte("last")); err != nil {
		t.Error(err)
		return
	}
	seen := 0
	for {
		message, err := witness.Next(ctx)
		if err != nil {
			t.Errorf("%s: Next of a direct subscription = %v", name, err)
			return
		}
		if string(message.Payload) == "last" {
			break
		}
		seen++
	}
	if seen > sent {
		t.Errorf("%d messages of %d calls of %s arrive", seen, sent, name)
	}
}
