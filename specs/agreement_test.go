package specs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/redistest"
	"github.com/riptidecrawler/coordkit/specs"
)

// The same random calls must give the same answers on every backend. A failure
// prints its seed; SEED=n repeats it.
var _ = Describe("The adapters", func() {
	seeds := func() []uint64 {
		if seed, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
			return []uint64{seed}
		}
		first := uint64(GinkgoRandomSeed()) * 1000
		return []uint64{first, first + 1, first + 2, first + 3, first + 4, first + 5}
	}

	It("give the same answers to the same calls, in virtual time", func() {
		for _, seed := range seeds() {
			synctest.Test(suite, func(*testing.T) {
				defer GinkgoRecover()
				agree(context.Background(), seed, true, newMemory(), newMiniredis())
			})
		}
	})

	It("give the same answers to the same calls on a real server", func(ctx SpecContext) {
		if _, err := redistest.URL(); errors.Is(err, redistest.ErrMissing) && !redistest.Required() {
			Skip("not checked: " + redistest.ErrMissing.Error())
		}
		for _, seed := range seeds() {
			// Time passes differently for each, so nothing may end.
			agree(ctx, seed, false, newMemory(), newRedis(false))
		}
	})
})

// agree makes the same calls on two backends. Unless time is virtual, and passes for
// both alike, nothing is given a time to live that could end.
func agree(ctx context.Context, seed uint64, virtual bool, one, other specs.Subject) {
	namespace := fmt.Sprintf("spec-%026d", seed)
	namespace = strings.NewReplacer("0", "A", "1", "B", "8", "C", "9", "D").Replace(namespace)
	first, second := newActor(ctx, seed, virtual, one, namespace), newActor(ctx, seed, virtual, other, namespace)
	defer second.leave()
	defer first.leave()
	for i := range 400 {
		Expect(second.act()).To(Equal(first.act()), "call %d; SEED=%d repeats it", i, seed)
		if virtual && i%5 == 0 {
			time.Sleep(time.Duration(1+i%7) * 100 * time.Millisecond)
		}
	}
}

// actor makes random calls on a backend: always the same ones for a seed.
type actor struct {
	ctx           context.Context
	random        *rand.Rand
	subject       specs.Subject
	handles       []coordination.DistributedCoordination
	subscriptions []coordination.Subscription
	terms         []uint64 // as they were first seen
	virtual       bool     // time is, so that times to live may end
}

func newActor(ctx context.Context, seed uint64, virtual bool, subject specs.Subject, namespace string) *actor {
	a := &actor{ctx: ctx, random: rand.New(rand.NewPCG(seed, 1)), subject: subject, virtual: virtual}
	for range 3 {
		handle, err := subject.Open(ctx, namespace)
		Expect(err).NotTo(HaveOccurred())
		a.handles = append(a.handles, handle)
	}
	Expect(a.handles[0].FlushAll(ctx)).To(Succeed())
	return a
}

func (a *actor) leave() {
	for _, handle := range a.handles {
		Expect(handle.Close()).To(Succeed())
	}
	if closer, ok := a.subject.(io.Closer); ok {
		Expect(closer.Close()).To(Succeed())
	}
}

func pick[T any](a *actor, from ...T) T { return from[a.random.IntN(len(from))] }

func (a *actor) ttl() time.Duration {
	if !a.virtual {
		return pick(a, 0, time.Hour, -time.Second)
	}
	return pick(a, 0, time.Hour, -time.Second, time.Microsecond, time.Millisecond, 300*time.Millisecond, 1500*time.Microsecond)
}

// act makes the next call, and says which and what came of it.
func (a *actor) act() string {
	handle := pick(a, a.handles...)
	key := pick(a, "a", "b", "ab", "a*", "user:1", "user:2", "\xff\x00", "", strings.Repeat("k", coordination.MaxNameLen+1))
	node := pick(a, "node-1", "node-2", "\n", "")
	pattern := pick(a, "*", "a*", "a", "user:?", "[ab]", "[^a]", "[b-a]*", `a\*`, "[", "[^]", "*\xff*", `\`, "", "u[s-", "**b")
	value := pick(a, "", "value", "\x00\xff", "longer value")
	ttl := a.ttl()
	switch call := a.random.IntN(19); call {
	case 0:
		err := handle.Publish(a.ctx, key, []byte(value))
		if a.virtual {
			// Each connection of miniredis has a goroutine that writes what is published
			// to it, and may do so after the answer to a SUBSCRIBE that came later.
			synctest.Wait()
		}
		return said("publish", key, value, err)
	case 1:
		if _, exact := coordination.LiteralPrefix(pattern); a.virtual && !exact {
			pattern = "user:1" // miniredis can't serve several patterns that match a channel
		}
		subscription, err := handle.Subscribe(a.ctx, pattern)
		if err == nil {
			a.subscriptions = append(a.subscriptions, subscription)
		}
		return said("subscribe", pattern, err)
	case 2:
		return a.drain()
	case 3:
		if len(a.subscriptions) == 0 {
			return "nothing to close"
		}
		i := a.random.IntN(len(a.subscriptions))
		closed := a.subscriptions[i]
		a.subscriptions = slices.Delete(a.subscriptions, i, i+1)
		return said("close", i, closed.Close())
	case 4:
		found, ok, err := handle.Get(a.ctx, key)
		return said("get", key, found, ok, err)
	case 5, 6:
		return said("set", key, value, ttl, handle.Set(a.ctx, key, []byte(value), ttl))
	case 7:
		keys, err := handle.Keys(a.ctx, pattern)
		return said("keys", pattern, keys, err)
	case 8:
		deleted, err := handle.Delete(a.ctx, key)
		return said("delete", key, deleted, err)
	case 9:
		count, err := handle.DeleteMany(a.ctx, key, "a", "a", "user:1")
		return said("delete many", key, count, err)
	case 10:
		return said("flush all", handle.FlushAll(a.ctx))
	case 11:
		return said("register", node, value, handle.RegisterNode(a.ctx, node, []byte(value)))
	case 12:
		removed, err := handle.DeregisterNode(a.ctx, node)
		return said("deregister", node, removed, err)
	case 13:
		return said("heartbeat", node, ttl, handle.Heartbeat(a.ctx, node, ttl))
	case 14:
		nodes, err := handle.ListNodes(a.ctx)
		metadata, found, metadataErr := handle.NodeMetadata(a.ctx, node)
		return said("nodes", nodes, err, node, metadata, found, metadataErr)
	case 15, 16:
		term, acquired, err := handle.TryAcquireLeadership(a.ctx, node, ttl)
		return said("acquire", node, ttl, a.rank(term), acquired, err)
	case 17:
		released, err := handle.ReleaseLeadership(a.ctx, node)
		return said("release", node, released, err)
	default:
		leader, found, err := handle.Leader(a.ctx)
		stats, statsErr := handle.Stats(a.ctx)
		return said("leader", leader.NodeID, a.rank(leader.Term), found, err, stats.Subscriptions, stats.ClusterSize, stats.Leader, statsErr)
	}
}

// drain takes from one subscription what it has, up to a mark.
func (a *actor) drain() string {
	if len(a.subscriptions) == 0 {
		return "nothing to drain"
	}
	subscription := pick(a, a.subscriptions...)
	text := "drained"
	for {
		ctx, cancel := context.WithTimeout(a.ctx, 30*time.Millisecond)
		message, err := subscription.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return text
		}
		text += said("", message.Channel, message.Pattern, message.Payload, err)
	}
}

// rank numbers terms by their order, since each backend counts in its own way.
func (a *actor) rank(term uint64) int {
	if term == 0 {
		return 0
	}
	if !slices.Contains(a.terms, term) {
		Expect(term).To(BeNumerically(">", slices.Max(append(a.terms, 0))), "a new term")
		a.terms = append(a.terms, term)
	}
	return 1 + slices.Index(a.terms, term)
}

// said writes what was called and what came of it, errors by their sentinels.
func said(what string, parts ...any) string {
	for _, part := range parts {
		if err, ok := part.(error); ok {
			part = nil
			for _, sentinel := range []error{
				coordination.ErrInvalidArgument, coordination.ErrClosed, coordination.ErrUnavailable, coordination.ErrMessagesLost,
				coordination.ErrNotRegistered,
			} {
				if errors.Is(err, sentinel) {
					part = sentinel
				}
			}
			Expect(part).NotTo(BeNil(), "an error without a sentinel: %v", err)
		}
		what += fmt.Sprintf(" %.40q", fmt.Sprint(part))
	}
	return what
}
