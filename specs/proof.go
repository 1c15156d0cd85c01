package specs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// proof is whether two handles of a factory's subjects are peers: distinct, on
// state that they share. What needs two peers shows nothing where there is one
// under two names, nor where there are two that know nothing of each other.
type proof struct {
	mu   sync.Mutex // as a trial that was given up may go on beside the next one
	done bool
	flaw string
}

// known returns what was found, if anything was.
func (p *proof) known() (flaw string, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flaw, p.done
}

func (p *proof) set(flaw string, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flaw, p.done = flaw, done
}

// prove asks for the proof once for each judge, on a subject of its own, so that
// nothing of it is left where a behaviour looks.
func (c *cluster) prove() {
	p := &c.judge.proof
	flaw, done := p.known()
	if !done {
		subject, err := c.judge.make()
		if err != nil {
			c.blame(err.Error())
			runtime.Goexit()
		}
		flaw, done = c.impostors(subject)
		p.set(flaw, done)
		c.judge.closeQuietly(subject)
	}
	if flaw != "" {
		c.blame(flaw)
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
	defer func() { _ = guarded(c.judge.patience, "Close", one.Close) }()
	other, err := openOf(ctx, subject, namespace, c.judge.patience)
	if err != nil {
		return "", false
	}
	defer func() { _ = guarded(c.judge.patience, "Close", other.Close) }()
	// Where one of these calls hangs, the trial says which.
	recorded := func(handle coordination.DistributedCoordination, number int) *peer {
		return &peer{handle, fmt.Sprint("peer ", number), &c.proving}
	}
	flaw, err = asked(c.scaled(c.judge.patience), "what proves that two handles are peers", func() (string, error) {
		switch {
		case same(one, other):
			return "Open returns the same handle twice, where each call is to give a peer of its own", nil
		case strangers(ctx, recorded(one, 1), recorded(other, 2)):
			return "two handles that Open gives for one namespace share nothing: neither a key, nor a member, nor the leader", nil
		case alike(ctx, recorded(one, 1), recorded(other, 2)):
			return "two handles that Open gives are one under two names: they are one candidate, count each other's subscriptions, and are closed together", nil
		}
		return "", nil
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
	errs, _ := asked(3*c.patience, "a call", func() ([]error, error) {
		_, err := handle.HealthCheck(ctx)
		return []error{err, handle.Set(ctx, "autopsy", nil, time.Millisecond), handle.Publish(ctx, "autopsy", nil)}, nil
	})
	available := func(err error) bool { return !errors.Is(err, coordination.ErrUnavailable) }
	if len(errs) > 0 && !slices.ContainsFunc(errs, available) {
		c.blame(fmt.Sprintf("the backend is gone: %v", errs[0]))
	}
}
