package sync_test

import (
	"context"
	"runtime"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// runner is what has a Run.
type runner interface {
	Run(ctx context.Context) error
}

// running runs something, and returns what ends it and what it has returned.
func running(ctx context.Context, r runner) (stop context.CancelFunc, ended chan error) {
	ctx, stop = context.WithCancel(ctx)
	ended = make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return stop, ended
}

// handlesOn opens handles on a hub.
func handlesOn(hub *memory.Hub, count int) (handles []*memory.Coordination) {
	GinkgoHelper()
	for range count {
		handle, err := hub.Open(nil)
		Expect(err).NotTo(HaveOccurred())
		handles = append(handles, handle)
	}
	return handles
}

var _ = Describe("An election by name", Label("election"), func() {
	newNode := func(id string, port coordination.DistributedCoordination, observe func(dsync.Event)) *dsync.DistributedSync {
		GinkgoHelper()
		node, err := dsync.New(dsync.DefaultConfig(id), port, &dsync.Options{Observe: observe})
		Expect(err).NotTo(HaveOccurred())
		return node
	}

	It("has a leader of its own, with a term for the work", func() {
		virtually(func(ctx context.Context) {
			handles := handlesOn(memory.NewHub(), 2)
			led := make(chan string, 4)
			join := func(node *dsync.DistributedSync, name string) (stop context.CancelFunc, ended chan error) {
				election, err := node.NewElection(name, &dsync.ElectionOptions{Lead: func(_ context.Context, term uint64) {
					Expect(term).NotTo(BeZero())
					led <- name
				}})
				Expect(err).NotTo(HaveOccurred())
				return running(ctx, election)
			}
			one, other := newNode("one", handles[0], nil), newNode("other", handles[1], nil)
			stop, ended := join(one, "a")
			synctest.Wait()
			Expect(led).To(Receive(Equal("a")))
			stopB, endedB := join(other, "b")
			stopA, endedA := join(other, "a")
			synctest.Wait()
			Expect(led).To(Receive(Equal("b")))
			Expect(led).NotTo(Receive())
			stop()
			Expect(<-ended).To(Succeed())
			time.Sleep(dsync.DefaultLeaderElectionTimeout)
			synctest.Wait()
			Expect(led).To(Receive(Equal("a")))
			stopA()
			stopB()
			Expect(<-endedA).To(Succeed())
			Expect(<-endedB).To(Succeed())
		})
	})

	It("reports its events with its name to the node's observer", func() {
		virtually(func(ctx context.Context) {
			var told []dsync.Event
			node := newNode("one", memory.New(), func(event dsync.Event) { told = append(told, event) })
			stopNode, nodeEnded := running(ctx, node)
			election, err := node.NewElection("nightly", nil)
			Expect(err).NotTo(HaveOccurred())
			stop, ended := running(ctx, election)
			synctest.Wait()
			Expect(election.IsLeader()).To(BeTrue())
			stop()
			Expect(<-ended).To(Succeed())
			stopNode()
			Expect(<-nodeEnded).To(Succeed())
			var texts []string
			for _, event := range told {
				if event.Election != "" {
					event.Term = 7
					texts = append(texts, event.String())
				}
			}
			Expect(texts).To(Equal([]string{
				`leadership acquired: election "nightly", node "one", term 7`,
				`leadership released: election "nightly", node "one", term 7`,
			}))
		})
	})

	It("is refused for a port without elections by name, a closed one, and for what is invalid", func() {
		plain := newNode("one", mocks.NewMockDistributedCoordination(gomock.NewController(GinkgoT())), nil)
		_, err := plain.NewElection("job", nil)
		Expect(err).To(MatchError(coordination.ErrInvalidArgument))
		Expect(err).To(MatchError(ContainSubstring("port is a *mocks.MockDistributedCoordination")))
		port := memory.New()
		node := newNode("one", port, nil)
		_, err = node.NewElection("", nil)
		Expect(err).To(MatchError(coordination.ErrInvalidArgument))
		_, err = node.NewElection("job", &dsync.ElectionOptions{Drift: 2})
		Expect(err).To(MatchError(coordination.ErrInvalidArgument))
		Expect(port.Close()).To(Succeed())
		_, err = node.NewElection("job", nil)
		Expect(err).To(MatchError(coordination.ErrClosed))
	})
})

var _ = Describe("Several in one process", Label("election"), func() {
	refused := func(ctx context.Context, first, second runner) {
		GinkgoHelper()
		stop, ended := running(ctx, first)
		synctest.Wait()
		Expect(second.Run(ctx)).To(MatchError(coordination.ErrClaimed))
		stop()
		Expect(<-ended).To(Succeed())
	}
	newElection := func(leadership coordination.Leadership) *dsync.LeaderElection {
		GinkgoHelper()
		election, err := dsync.NewLeaderElection("node", time.Minute, leadership, nil, nil)
		Expect(err).NotTo(HaveOccurred())
		return election
	}
	newNode := func(port coordination.DistributedCoordination) *dsync.DistributedSync {
		GinkgoHelper()
		node, err := dsync.New(dsync.DefaultConfig("node"), port, nil)
		Expect(err).NotTo(HaveOccurred())
		return node
	}

	It("of which two would be one node on one handle, the second is refused", func() {
		virtually(func(ctx context.Context) {
			port := memory.New()
			refused(ctx, newNode(port), newNode(port))
			refused(ctx, newElection(port), newElection(port))
			refused(ctx, newElection(port), newNode(port))
			one, err := port.Election("job")
			Expect(err).NotTo(HaveOccurred())
			other, err := port.Election("job")
			Expect(err).NotTo(HaveOccurred())
			refused(ctx, newElection(one), newElection(other))
		})
	})

	It("that are two nodes, or follow one another, or are in two elections, are not refused", func() {
		virtually(func(ctx context.Context) {
			port := memory.New()
			job, err := port.Election("job")
			Expect(err).NotTo(HaveOccurred())
			var stops []context.CancelFunc
			var ends []chan error
			for _, r := range []runner{newNode(port), newElection(job), newNode(handlesOn(memory.NewHub(), 1)[0])} {
				stop, ended := running(ctx, r)
				stops, ends = append(stops, stop), append(ends, ended)
			}
			synctest.Wait()
			for i, stop := range stops {
				stop()
				Expect(<-ends[i]).To(Succeed())
			}
			stop, ended := running(ctx, newNode(port))
			synctest.Wait()
			stop()
			Expect(<-ended).To(Succeed())
		})
	})

	It("has a second Run of an election fail at once, whatever its context", func() {
		virtually(func(ctx context.Context) {
			election := newElection(memory.New())
			stop, ended := running(ctx, election)
			synctest.Wait()
			began := time.Now()
			Expect(election.Run(ctx)).To(MatchError(dsync.ErrRunning))
			Expect(time.Since(began)).To(BeZero())
			stop()
			Expect(<-ended).To(Succeed())
		})
	})
})

// quitter ends the goroutine that asks it, as a mock does that fails its test.
type quitter struct {
	coordination.Leadership
	after int // calls
}

func (q *quitter) TryAcquireLeadership(ctx context.Context, node string, ttl time.Duration) (uint64, bool, error) {
	if q.after--; q.after < 0 {
		runtime.Goexit()
	}
	return q.Leadership.TryAcquireLeadership(ctx, node, ttl)
}

var _ = Describe("An election whose goroutine is ended from inside", Label("election"), func() {
	newElection := func(leadership coordination.Leadership, lead func(context.Context, uint64)) *dsync.LeaderElection {
		GinkgoHelper()
		election, err := dsync.NewLeaderElection("node", time.Minute, leadership, &dsync.ElectionOptions{Lead: lead}, nil)
		Expect(err).NotTo(HaveOccurred())
		return election
	}

	It("by the port returns an error, and has ended the work", func() {
		virtually(func(ctx context.Context) {
			working := false
			election := newElection(&quitter{memory.New(), 1}, func(ctx context.Context, _ uint64) {
				working = true
				<-ctx.Done()
				working = false
			})
			Expect(election.Run(ctx)).To(MatchError(ContainSubstring("runtime.Goexit")))
			Expect(working).To(BeFalse())
			Expect(election.IsLeader()).To(BeFalse())
		})
	})

	It("by the port before it has led returns an error", func() {
		virtually(func(ctx context.Context) {
			Expect(newElection(&quitter{memory.New(), 0}, nil).Run(ctx)).To(MatchError(ContainSubstring("runtime.Goexit")))
		})
	})

	It("by its work returns an error, and frees the lease", func() {
		virtually(func(ctx context.Context) {
			port := memory.New()
			election := newElection(port, func(context.Context, uint64) { runtime.Goexit() })
			Expect(election.Run(ctx)).To(MatchError(ContainSubstring("runtime.Goexit")))
			_, led, err := port.Leader(ctx)
			Expect(err).NotTo(HaveOccurred())
			Expect(led).To(BeFalse())
		})
	})
})
