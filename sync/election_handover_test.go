package sync_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// handOver has a leader end so long after its start, and a candidate that started
// offset after it succeed. It returns how long there was no leader.
func handOver(ctx context.Context, offset, ends time.Duration, crashes bool) (vacant time.Duration) {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hub, acquired, freed := memory.NewHub(), make(chan time.Time, 2), make(chan time.Time, 1)
	enter := func(name string) (port *badPort, election *dsync.LeaderElection, end func()) {
		handle, err := hub.Open(nil)
		Expect(err).NotTo(HaveOccurred())
		port = &badPort{Leadership: handle, random: rand.New(rand.NewPCG(uint64(offset), uint64(ends)))}
		election, err = dsync.NewLeaderElection(name, trialLease, port, nil, func(event dsync.Event) {
			switch event.Kind {
			case dsync.LeadershipAcquired:
				acquired <- time.Now()
			case dsync.LeadershipReleased:
				freed <- time.Now()
			}
		})
		Expect(err).NotTo(HaveOccurred())
		running, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer GinkgoRecover()
			defer close(ended)
			Expect(election.Run(running)).To(Succeed())
			port.flying.Wait()
		}()
		return port, election, func() { stop(); <-ended }
	}

	port, first, endFirst := enter("first")
	<-acquired
	time.Sleep(offset)
	_, second, endSecond := enter("second")
	defer endSecond()
	time.Sleep(ends)
	Expect(first.IsLeader()).To(BeTrue())
	Expect(second.IsLeader()).To(BeFalse())
	over := time.Now()
	port.dead.Store(crashes)
	if endFirst(); !crashes {
		over = <-freed
	}
	vacant = (<-acquired).Sub(over)
	Expect(first.IsLeader()).To(BeFalse())
	Expect(second.IsLeader()).To(BeTrue())
	return vacant
}

var _ = Describe("A hand-over", func() {
	for offset := time.Millisecond; offset < trialRetry; offset += 33 * time.Millisecond {
		// ends are moments all through an interval of the leader's.
		ends := func(yield func(time.Duration) bool) {
			for end := trialLease; end < trialLease+trialRetry; end += 10 * time.Millisecond {
				if !yield(end) {
					return
				}
			}
		}

		It(fmt.Sprintf("takes two intervals at most after a release, to a candidate %v behind", offset), func() {
			for end := range ends {
				virtually(func(ctx context.Context) {
					Expect(handOver(ctx, offset, end, false)).To(BeNumerically("<=", 2*trialRetry), "after %v", end)
				})
			}
		})

		It(fmt.Sprintf("takes lease, interval and margin at most after a crash, to a candidate %v behind", offset), func() {
			for end := range ends {
				virtually(func(ctx context.Context) {
					Expect(handOver(ctx, offset, end, true)).To(
						BeNumerically("<=", trialLease+trialRetry+trialMargin), "after %v", end)
				})
			}
		})
	}
})
