package specs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// proof is whether two handles of a factory's subjects are peers: distinct, on
// state that they share. What needs two peers shows nothing where there is one
// under two names, nor where there are two that know nothing of each other.
type proof struct {
	done bool
	flaw string
}

// prove asks for the proof once for each judge, on a subject of its own, so that
// nothing of it is left where a behaviour looks.
func (c *cluster) prove() {
	p := &c.judge.proof
	if !p.done {
		subject, err := c.judge.make()
		if err != nil {
			c.blame(err.Error())
			runtime.Goexit()
		}
		p.flaw, p.done = c.impostors(subject)
		closeQuietly(subject)
	}
	if p.flaw != "" {
		c.blame(p.flaw)
		runtime.Goexit()
	}
}

// impostors says what is wrong with two handles that should be peers, and whether
// that could be told. A call that fails says nothing; behaviours will see to it.
func (c *cluster) impostors(subject Subject) (flaw string, told bool) {
	ctx := c.within(c.patience)
	namespace := "spec-" + rand.Text()
	one, err := openOf(ctx, subject, namespace, c.judge.patience)
	if err != nil {
		return "", false
	}
	defer func() { _ = guarded(c.patience, "Close", one.Close) }()
	other, err := openOf(ctx, subject, namespace, c.judge.patience)
	if err != nil {
		return "", false
	}
	defer func() { _ = guarded(c.patience, "Close", other.Close) }()
	err = guarded(3*c.patience, "what proves that two handles are peers", func() error {
		if same(one, other) {
			flaw = "Open returns the same handle twice, where each call is to give a peer of its own"
			return nil
		}
		if strangers(ctx, one, other) {
			flaw = "two handles that Open gives for one namespace share nothing: neither a key, nor a member, nor the leader"
			return nil
		}
		if alike(ctx, one, other) {
			flaw = "two handles that Open gives are one under two names: they are one candidate, count each other's subscriptions, and are closed together"
		}
		return nil
	})
	return flaw, err == nil
}

// strangers reports whether the other sees nothing of all that one does. A single
// thing that it does not see is for a behaviour to tell.
func strangers(ctx context.Context, one, other coordination.DistributedCoordination) bool {
	if one.Set(ctx, "proof", nil, time.Minute) != nil || one.RegisterNode(ctx, "proof", nil) != nil {
		return false
	}
	if _, acquired, err := one.TryAcquireLeadership(ctx, "proof", time.Minute); err != nil || !acquired {
		return false
	}
	_, found, err := other.Get(ctx, "proof")
	if err != nil || found {
		return false
	}
	nodes, err := other.ListNodes(ctx)
	if err != nil || slices.Contains(nodes, "proof") {
		return false
	}
	_, led, err := other.Leader(ctx)
	return err == nil && !led
}

// alike reports whether all that should tell two handles apart fails to. It
// closes one, and leaves nothing else.
func alike(ctx context.Context, one, other coordination.DistributedCoordination) bool {
	first, _, errFirst := one.TryAcquireLeadership(ctx, "proof", time.Minute)
	second, both, errSecond := other.TryAcquireLeadership(ctx, "proof", time.Minute)
	oneCandidate := errFirst == nil && errSecond == nil && both && first == second
	_, errSubscribe := one.Subscribe(ctx, "proof")
	stats, errStats := other.Stats(ctx)
	oneCount := errSubscribe == nil && errStats == nil && stats.Subscriptions > 0
	_, _ = one.ReleaseLeadership(ctx, "proof")
	_, _ = one.DeregisterNode(ctx, "proof")
	_, _ = one.Delete(ctx, "proof")
	errClose := one.Close()
	_, _, errClosed := other.Get(ctx, "proof")
	return oneCandidate && oneCount && errClose == nil && errors.Is(errClosed, coordination.ErrClosed)
}

// autopsy looks, after a failure, whether the backend is still there for a new
// handle: where it is not, the failure says nothing of the adapter.
func (c *cluster) autopsy() {
	handle, err := openOf(c.within(c.patience), c.subject, c.namespace+" autopsy", c.judge.patience)
	if err != nil {
		c.blame(fmt.Sprintf("the backend is gone: %v", err))
		return
	}
	defer func() { _ = guarded(c.patience, "Close", handle.Close) }()
	ctx := c.within(c.patience)
	var errHealth, errSet, errPublish error
	_ = guarded(3*c.patience, "a call", func() error {
		_, errHealth = handle.HealthCheck(ctx)
		errSet = handle.Set(ctx, "autopsy", nil, time.Millisecond)
		errPublish = handle.Publish(ctx, "autopsy", nil)
		return nil
	})
	for _, err := range []error{errHealth, errSet, errPublish} {
		if !errors.Is(err, coordination.ErrUnavailable) {
			return
		}
	}
	c.blame(fmt.Sprintf("the backend is gone: %v", errHealth))
}
