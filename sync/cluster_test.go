package sync_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// member is a node of a cluster on one memory hub.
type member struct {
	*scriptedNode
	handle *frailHandle
}

// frailHandle is a handle of a hub that can be told to fail at everything, or to
// deliver nothing.
type frailHandle struct {
	coordination.DistributedCoordination
	failing atomic.Bool
	muted   atomic.Bool // what it publishes does not arrive
}

func (h *frailHandle) error() error {
	if h.failing.Load() {
		return coordination.ErrUnavailable
	}
	return nil
}

func (h *frailHandle) Publish(ctx context.Context, channel string, payload []byte) error {
	if err := h.error(); err != nil || h.muted.Load() {
		return err
	}
	return h.DistributedCoordination.Publish(ctx, channel, payload)
}

func (h *frailHandle) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	if err := h.error(); err != nil {
		return nil, err
	}
	subscription, err := h.DistributedCoordination.Subscribe(ctx, pattern)
	return frailSubscription{subscription, h}, err
}

func (h *frailHandle) RegisterNode(ctx context.Context, node string, metadata []byte) error {
	if err := h.error(); err != nil {
		return err
	}
	return h.DistributedCoordination.RegisterNode(ctx, node, metadata)
}

func (h *frailHandle) Heartbeat(ctx context.Context, node string, ttl time.Duration) error {
	if err := h.error(); err != nil {
		return err
	}
	return h.DistributedCoordination.Heartbeat(ctx, node, ttl)
}

func (h *frailHandle) TryAcquireLeadership(ctx context.Context, node string, ttl time.Duration) (uint64, bool, error) {
	if err := h.error(); err != nil {
		return 0, false, err
	}
	return h.DistributedCoordination.TryAcquireLeadership(ctx, node, ttl)
}

// frailSubscription ends with the first message after its handle has begun to fail.
type frailSubscription struct {
	coordination.Subscription
	handle *frailHandle
}

func (s frailSubscription) Next(ctx context.Context) (coordination.Message, error) {
	message, err := s.Subscription.Next(ctx)
	if failing := s.handle.error(); failing != nil {
		return coordination.Message{}, failing
	}
	return message, err
}

// join adds a node, whose clock is ahead, to the cluster on a hub.
func join(ctx context.Context, hub *memory.Hub, node string, ahead time.Duration) *member {
	GinkgoHelper()
	open, err := hub.Open(nil)
	Expect(err).NotTo(HaveOccurred())
	n := &scriptedNode{cache: newScriptedCache(), ended: make(chan error, 1)}
	m := &member{n, &frailHandle{DistributedCoordination: open}}
	n.DistributedSync, err = dsync.NewByWall(
		dsync.Config{NodeID: node, HeartbeatInterval: scriptBeat, LeaderElectionTimeout: 2 * time.Second},
		m.handle, &dsync.Options{Cache: n.cache, Observe: n.observe},
		func() time.Time { return time.Now().Add(ahead) })
	Expect(err).NotTo(HaveOccurred())
	n.runs(ctx)
	return m
}

// cluster is nodes "a", "b", ... whose clocks are ahead by so much.
func cluster(ctx context.Context, ahead ...time.Duration) []*member {
	hub := memory.NewHub()
	members := make([]*member, len(ahead))
	for i := range members {
		members[i] = join(ctx, hub, string(rune('a'+i)), ahead[i])
	}
	pass(2 * scriptBeat)
	return members
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// expectAll has a condition hold for the caches of all members.
func expectAll(members []*member, held any) {
	GinkgoHelper()
	for _, m := range members {
		Expect(m.cache.held()).To(Equal(held), m.Status().NodeID)
	}
}

func finishAll(members ...*member) {
	GinkgoHelper()
	for _, m := range members {
		Expect(m.finish()).To(Succeed())
	}
}

var _ = Describe("A cluster", Label("running"), func() {
	It("agrees, knows its members and has one leader", func() {
		virtually(func(ctx context.Context) {
			members := cluster(ctx, 0, 0, 0)
			Expect(members[0].Set(ctx, "key", []byte("1"), 0)).To(Succeed())
			Expect(members[1].Set(ctx, "key", []byte("2"), 0)).To(Succeed())
			Expect(members[2].Set(ctx, "other", []byte("3"), 0)).To(Succeed())
			synctest.Wait()
			expectAll(members, map[string]string{"key": "2", "other": "3"})
			leaders := 0
			for _, m := range members {
				status := m.Status()
				Expect(status.ActiveNodes).To(Equal([]string{"a", "b", "c"}))
				Expect(status.Leader).To(Equal(members[0].Status().Leader))
				if status.Leading {
					leaders++
				}
				Expect(m.handle.ListNodes(ctx)).To(Equal([]string{"a", "b", "c"}))
			}
			Expect(leaders).To(Equal(1))
			finishAll(members...)
			Expect(members[0].handle.ListNodes(ctx)).To(BeEmpty())
		})
	})

	It("agrees within a heartbeat, the grace and the time-out after a node was cut off from publishing", func() {
		virtually(func(ctx context.Context) {
			members := cluster(ctx, 0, 0, 0)
			for i := range 10 {
				Expect(members[i%3].Set(ctx, fmt.Sprint(i), []byte("old"), 0)).To(Succeed())
			}
			members[0].handle.muted.Store(true)
			for i := range 10 {
				Expect(members[0].Set(ctx, fmt.Sprint(i), []byte("new"), 0)).To(Succeed())
			}
			pass(scriptBeat / 2)
			members[0].handle.muted.Store(false)
			pass(scriptBeat + grace + replayTimeout)
			held := members[0].cache.held()
			Expect(held).To(HaveLen(10))
			expectAll(members, held)
			Expect(members[1].gaps()).To(Equal(gaps{found: 10, healed: 10, cleared: members[1].gaps().cleared}))
			finishAll(members...)
		})
	})

	It("agrees after every method of one node's port has failed for a while", func() {
		virtually(func(ctx context.Context) {
			members := cluster(ctx, 0, 0, 0)
			failing := members[1]
			for _, m := range members {
				Expect(m.Set(ctx, "key of "+m.Status().NodeID, []byte("old"), 0)).To(Succeed())
			}
			failing.handle.failing.Store(true)
			pass(20 * scriptBeat)
			Expect(failing.Delete(ctx, "key of a")).To(MatchError(coordination.ErrUnavailable))
			Expect(members[0].Set(ctx, "key of c", []byte("new"), 0)).To(Succeed())
			Expect(members[0].Status().SuspectNodes).To(Equal([]string{"b"}))
			failing.handle.failing.Store(false)
			pass(2*scriptBeat + grace + replayTimeout)
			for _, m := range members {
				Expect(m.cache.held()).NotTo(HaveKey("key of a"))
				Expect(m.cache.held()).NotTo(HaveKeyWithValue("key of c", "old"))
				Expect(m.Status().ActiveNodes).To(Equal([]string{"a", "b", "c"}))
				Expect(m.gaps().missing).To(BeZero())
			}
			Expect(members[0].Set(ctx, "key", []byte("value"), 0)).To(Succeed())
			synctest.Wait()
			for _, m := range members {
				Expect(m.cache.held()).To(HaveKeyWithValue("key", "value"))
			}
			finishAll(members...)
		})
	})

	It("shows two nodes of one name on both, and neither corrupts the other", func() {
		virtually(func(ctx context.Context) {
			hub := memory.NewHub()
			one, two, third := join(ctx, hub, "same", 0), join(ctx, hub, "same", 0), join(ctx, hub, "third", 0)
			pass(3 * scriptBeat)
			for _, m := range []*member{one, two} {
				Expect(m.Status().DuplicateNodeID).To(BeTrue())
				Expect(m.told(dsync.DuplicateNode)).To(Equal([]dsync.Event{{Kind: dsync.DuplicateNode, Node: "same"}}))
				Expect(m.Status().ActiveNodes).To(Equal([]string{"same", "third"}))
			}
			Expect(third.Status().DuplicateNodeID).To(BeFalse())

			two.handle.muted.Store(true)
			Expect(two.Set(ctx, "of two", []byte("2"), 0)).To(Succeed())
			two.handle.muted.Store(false)
			Expect(one.Set(ctx, "of one", []byte("1"), 0)).To(Succeed())
			Expect(third.Set(ctx, "of third", []byte("3"), 0)).To(Succeed())
			pass(scriptBeat + grace + replayTimeout)
			all := []*member{one, two, third}
			for _, m := range all {
				Expect(m.gaps().missing).To(BeZero())
				for key, value := range m.cache.held() {
					for _, other := range all {
						if theirs, found := other.cache.held()[key]; found {
							Expect(theirs).To(Equal(value))
						}
					}
				}
			}
			leaders := 0
			for _, m := range all {
				if m.IsLeader() {
					leaders++
				}
			}
			Expect(leaders).To(Equal(1))

			finishAll(one)
			pass(2 * scriptBeat)
			Expect(third.handle.ListNodes(ctx)).To(Equal([]string{"same", "third"}), "the other one goes on")
			Expect(two.Status().DuplicateNodeID).To(BeFalse())
			Expect(third.Status().SuspectNodes).To(BeEmpty())
			Expect(two.Delete(ctx, "of third")).To(Succeed())
			synctest.Wait()
			Expect(third.cache.held()).NotTo(HaveKey("of third"))
			finishAll(two, third)
		})
	})

	DescribeTable("shows a clock that is an hour off on its node alone, and agrees",
		func(ahead ...time.Duration) {
			virtually(func(ctx context.Context) {
				members := cluster(ctx, ahead...)
				for i, m := range members {
					status := m.Status()
					Expect(status.ClockOff).To(Equal(ahead[i] != 0), status.NodeID)
					Expect(status.ClockOffset).To(BeNumerically("~", ahead[i], time.Millisecond))
					Expect(len(m.told(dsync.ClockOff)) > 0).To(Equal(ahead[i] != 0), status.NodeID)
				}
				for round := range 3 {
					for i, m := range members {
						// Each knows of the one before it, so that its own is the newer.
						Expect(m.Set(ctx, "key", fmt.Appendf(nil, "%d of %d", round, i), 0)).To(Succeed())
						synctest.Wait()
						expectAll(members, map[string]string{"key": fmt.Sprintf("%d of %d", round, i)})
					}
				}
				finishAll(members...)
			})
		},
		Entry("ahead", time.Duration(0), time.Duration(0), time.Hour),
		Entry("behind", time.Duration(0), time.Duration(0), -time.Hour),
	)

	It("takes over within two retries after the leader has left", func() {
		virtually(func(ctx context.Context) {
			members := cluster(ctx, 0, 0, 0)
			at := slices.IndexFunc(members, func(m *member) bool { return m.IsLeader() })
			finishAll(members[at])
			others := slices.Delete(members, at, at+1)
			synctest.Wait()
			Expect(others[0].IsLeader() != others[1].IsLeader()).To(BeTrue(), "at once, as it was told to")
			Expect(others[0].Status().Leader).NotTo(BeEmpty())
			finishAll(others...)
		})
	})

	It("does not take a rolling restart for a failure", func() {
		virtually(func(ctx context.Context) {
			hub := memory.NewHub()
			var members []*member
			for i := range 3 {
				members = append(members, join(ctx, hub, string(rune('a'+i)), 0))
				pass(scriptBeat)
			}
			for i := range members {
				finishAll(members[i])
				members[i] = join(ctx, hub, string(rune('a'+i)), 0)
				pass(10 * scriptBeat)
			}
			for _, m := range members {
				Expect(m.told(dsync.NodeSuspected, dsync.DuplicateNode, dsync.GapFound, dsync.ClockOff)).To(BeEmpty())
				Expect(m.Status().SuspectNodes).To(BeEmpty())
			}
			finishAll(members...)
		})
	})

	It("agrees where a node was away for longer than anybody speaks of one that crashed", func() {
		virtually(func(ctx context.Context) {
			members := cluster(ctx, 0, 0, 0)
			away, crashed := members[1], members[2]
			Expect(crashed.Set(ctx, "key", []byte("old"), 0)).To(Succeed())
			synctest.Wait()
			away.handle.failing.Store(true)
			pass(scriptBeat)
			Expect(crashed.Set(ctx, "key", []byte("new"), 0)).To(Succeed())
			crashed.handle.failing.Store(true)
			finishAll(crashed)
			pass(30 * scriptBeat)
			away.handle.failing.Store(false)
			pass(2*scriptBeat + grace + replayTimeout)
			Expect(away.cache.held()).To(BeEmpty())
			Expect(members[0].cache.held()).To(Equal(map[string]string{"key": "new"}), "it has missed nothing")
			finishAll(members[:2]...)
		})
	})
})
