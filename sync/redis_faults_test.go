//go:build unix

package sync_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/internal/redistest"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// slack is for how long a busy machine may leave a process that is due waiting,
// twice: the candidate that has to ask, and the server that has to answer.
const slack = 2 * 250 * time.Millisecond

var _ = Describe("Three processes on a real Redis", Label("redis"), func() {
	var f *fleet

	// start launches a fleet, of which never more than one node may lead.
	start := func(ctx context.Context, arguments ...string) {
		GinkgoHelper()
		f = launch(ctx, arguments...)
		all := f
		DeferCleanup(func() { all.expectOneLeader() })
	}
	raw := func() *goredis.Client {
		client := goredis.NewClient(&goredis.Options{Addr: f.server.Address})
		DeferCleanup(client.Close)
		return client
	}

	It("tell one another all that they do", func(ctx SpecContext) {
		start(ctx)
		values := map[string]string{}
		operate := func(p *process, line string) {
			GinkgoHelper()
			answer, err := p.ask(ctx, "%s", line)
			Expect(err).NotTo(HaveOccurred())
			Expect(answer.Err).To(BeEmpty())
		}
		expectEverywhere := func() {
			GinkgoHelper()
			f.eventually(ctx, func(g Gomega, p *process, state nodeReport) {
				g.Expect(state.Cache).To(Equal(values), p.id)
			})
		}
		for _, p := range f.processes {
			for _, key := range []string{"a:", "b:", "c:"} {
				operate(p, "set "+key+p.id+" "+p.id)
				values[key+p.id] = p.id
			}
		}
		expectEverywhere()
		operate(f.processes[0], "delete a:node-2")
		operate(f.processes[1], "invalidate b:*")
		delete(values, "a:node-2")
		for _, p := range f.processes {
			delete(values, "b:"+p.id)
		}
		expectEverywhere()
		operate(f.processes[2], "clear")
		clear(values)
		expectEverywhere()
	})

	It("agree after the server has cut off all that listen, while they write", func(ctx SpecContext) {
		start(ctx)
		client := raw()
		missed := uint64(0)
		Eventually(ctx, func(g Gomega) { // a cut between two messages loses nothing
			f.churn(ctx, 20, func() {
				g.Expect(client.ClientKillByFilter(ctx, "TYPE", "pubsub").Err()).To(Succeed())
			})
			f.agrees(ctx)
			for _, p := range f.processes {
				state, err := p.ask(ctx, "state")
				g.Expect(err).NotTo(HaveOccurred())
				missed += state.Status.GapsFound
			}
			g.Expect(missed).To(BeNumerically(">", 0))
		}).WithTimeout(patience).Should(Succeed())
	})

	It("have no leader while the server stands still, and one and agreement after", func(ctx SpecContext) {
		start(ctx)
		pid := serverProcess(ctx, raw())
		Expect(syscall.Kill(pid, syscall.SIGSTOP)).To(Succeed())
		f.churn(ctx, 1, func() {})
		f.eventually(ctx, func(g Gomega, p *process, state nodeReport) {
			g.Expect(state.Status.Leading).To(BeFalse(), p.id)
		})
		Expect(syscall.Kill(pid, syscall.SIGCONT)).To(Succeed())
		f.agrees(ctx)
		f.leader(ctx)
	})

	It("agree after the server has started again", func(ctx SpecContext) {
		// Without its records the server would give away a lease that has not ended.
		directory, err := os.MkdirTemp("", "redistest")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(os.RemoveAll, directory)
		durable := []string{"--dir", directory, "--appendonly", "yes", "--appendfsync", "always"}
		start(ctx, durable...)
		f.churn(ctx, 5, func() {})
		f.server.Stop()
		f.churn(ctx, 1, func() {})
		f.server = startServer(redistest.StartAt(f.server.Address, durable...))
		f.agrees(ctx)
		f.leader(ctx)
	})

	It("have a leader with a greater term, and agree, after the server has lost its records", func(ctx SpecContext) {
		start(ctx)
		_, before := f.leader(ctx)
		f.server.Stop()
		f.eventually(ctx, func(g Gomega, p *process, state nodeReport) {
			g.Expect(state.Status.Leading).To(BeFalse(), p.id)
		})
		f.server = startServer(redistest.StartAt(f.server.Address))
		f.agrees(ctx)
		_, after := f.leader(ctx)
		Expect(after).To(BeNumerically(">", before))
	})

	It("take a leader that was suspended for a follower when it wakes up, which then agrees", func(ctx SpecContext) {
		start(ctx)
		suspended, before := f.leader(ctx)
		suspended.signal(syscall.SIGSTOP)
		rest := f.without(suspended)
		_, after := rest.leader(ctx)
		Expect(after).To(BeNumerically(">", before))
		rest.churn(ctx, 20, func() {})
		suspended.signal(syscall.SIGCONT)
		state, err := suspended.ask(ctx, "state")
		Expect(err).NotTo(HaveOccurred())
		Expect(state.Status.Leading).To(BeFalse())
		f.agrees(ctx)
		suspended.told(ctx, dsync.LeadershipLost, before)
	})

	// What takes how long must not depend on what other specs have to do.
	Context("when the leader is gone", Serial, func() {
		It("have the next one within lease, interval and margin after a crash", func(ctx SpecContext) {
			start(ctx)
			crashed, before := f.leader(ctx)
			crash := time.Now()
			crashed.signal(syscall.SIGKILL)
			Eventually(ctx, crashed.ended).WithTimeout(patience).Should(BeClosed())
			rest := f.without(crashed)
			next, after := rest.leader(ctx)
			Expect(after).To(BeNumerically(">", before))
			vacant := next.told(ctx, dsync.LeadershipAcquired, after).Sub(crash)
			AddReportEntry("without a leader after a crash", vacant)
			Expect(vacant).To(BeNumerically("<=", nodeLease+nodeRetry+nodeMargin+slack))
			rest.agrees(ctx)
		})

		It("have the next one within two intervals after a clean end", func(ctx SpecContext) {
			start(ctx)
			ended, before := f.leader(ctx)
			Expect(ended.input.Close()).To(Succeed())
			Eventually(ctx, ended.ended).WithTimeout(patience).Should(BeClosed())
			Expect(ended.command.ProcessState.ExitCode()).To(BeZero())
			released := ended.told(ctx, dsync.LeadershipReleased, before)
			rest := f.without(ended)
			next, after := rest.leader(ctx)
			Expect(after).To(BeNumerically(">", before))
			vacant := next.told(ctx, dsync.LeadershipAcquired, after).Sub(released)
			AddReportEntry("without a leader after a clean end", vacant)
			Expect(vacant).To(BeNumerically("<=", 2*nodeRetry))
			rest.agrees(ctx)
		})
	})
})

// serverProcess is the process of the server.
func serverProcess(ctx context.Context, client *goredis.Client) (pid int) {
	GinkgoHelper()
	info, err := client.Info(ctx, "server").Result()
	Expect(err).NotTo(HaveOccurred())
	_, rest, _ := strings.Cut(info, "process_id:")
	line, _, _ := strings.Cut(rest, "\r\n")
	pid, err = strconv.Atoi(line)
	Expect(err).NotTo(HaveOccurred())
	return pid
}
