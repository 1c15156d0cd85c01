//go:build unix

package sync_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/internal/redistest"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// patience is for what has no bound of its own, on a machine that is busy.
const patience = 10 * time.Second

// tenure is a term in which a node has said that it leads.
type tenure struct {
	node     string
	term     uint64
	from, to time.Time // it led at least from then until then
}

// process is a node in a process of its own.
type process struct {
	id      string
	command *exec.Cmd
	input   io.WriteCloser
	answers chan nodeReport
	ended   chan struct{}

	mu      sync.Mutex // guards what follows
	tenures []tenure
	events  []nodeReport
}

// startProcess starts a node, which is killed at the end of the spec at the latest.
// A process whose parent is gone ends as well: its input does, and one that is
// stopped by a signal is told to hang up, since it is a process group of its own.
func startProcess(id, url string) *process {
	GinkgoHelper()
	program, err := os.Executable()
	Expect(err).NotTo(HaveOccurred())
	p := &process{id: id, command: exec.Command(program), answers: make(chan nodeReport, 1), ended: make(chan struct{})}
	p.command.Env = append(os.Environ(), asNode+"="+id, atServer+"="+url)
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.command.Stderr = GinkgoWriter
	p.input, err = p.command.StdinPipe()
	Expect(err).NotTo(HaveOccurred())
	output, err := p.command.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(p.command.Start()).To(Succeed())
	go func() {
		defer close(p.ended)
		p.read(output)
		_ = p.command.Wait() // how it ended its state says
	}()
	DeferCleanup(func() {
		_ = p.command.Process.Kill() // it may have ended
		<-p.ended
	})
	return p
}

// read takes note of what the node says.
func (p *process) read(output io.Reader) {
	lines := json.NewDecoder(output)
	for {
		var line nodeReport
		if lines.Decode(&line) != nil {
			return
		}
		if line.Kind == reportDone {
			p.answers <- line
			continue
		}
		p.mu.Lock()
		if line.Kind == reportLeads {
			p.leads(line)
		} else {
			p.events = append(p.events, line)
		}
		p.mu.Unlock()
	}
}

func (p *process) leads(line nodeReport) {
	last := len(p.tenures) - 1
	if last >= 0 && p.tenures[last].term == line.Term {
		p.tenures[last].to = line.From
		return
	}
	p.tenures = append(p.tenures, tenure{node: p.id, term: line.Term, from: line.To, to: line.From})
}

func (p *process) led() []tenure {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.tenures)
}

// told waits until the node has told of an event, and returns when it was.
func (p *process) told(ctx context.Context, kind dsync.EventKind, term uint64) (at time.Time) {
	GinkgoHelper()
	Eventually(ctx, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		found := slices.IndexFunc(p.events, func(event nodeReport) bool { return event.Kind == kind && event.Term == term })
		if found >= 0 {
			at = p.events[found].Time
		}
		return found >= 0
	}).WithTimeout(patience).WithPolling(nodeLook).Should(BeTrue(), "%s is to tell of: %s in term %d", p.id, kind, term)
	return at
}

// ask has the node do what a line says, and returns the answer.
func (p *process) ask(ctx context.Context, format string, arguments ...any) (nodeReport, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := fmt.Fprintf(p.input, format+"\n", arguments...); err != nil {
		return nodeReport{}, err
	}
	select {
	case answer := <-p.answers:
		return answer, nil
	case <-p.ended:
		return nodeReport{}, fmt.Errorf("%s has ended", p.id)
	case <-ctx.Done():
		return nodeReport{}, fmt.Errorf("%s does not answer: %w", p.id, ctx.Err())
	}
}

// signal sends a signal to the process.
func (p *process) signal(signal syscall.Signal) {
	GinkgoHelper()
	Expect(p.command.Process.Signal(signal)).To(Succeed())
}

// fleet is three nodes on a server.
type fleet struct {
	server    *redistest.Server
	processes []*process
	values    map[string]string // the last ones of all keys that were not deleted
}

// launch starts a server and three nodes, and waits until they have met.
func launch(ctx context.Context, arguments ...string) *fleet {
	GinkgoHelper()
	server := startServer(redistest.Start(arguments...))
	f := launchAt(ctx, server.URL())
	f.server = server
	return f
}

// launchAt starts three nodes, and waits until they have met.
func launchAt(ctx context.Context, url string) *fleet {
	GinkgoHelper()
	f := &fleet{values: map[string]string{}}
	for _, id := range []string{"node-1", "node-2", "node-3"} {
		f.processes = append(f.processes, startProcess(id, url))
	}
	f.eventually(ctx, func(g Gomega, p *process, state nodeReport) {
		g.Expect(state.Status.ActiveNodes).To(HaveLen(len(f.processes)), p.id)
		g.Expect(state.Status.Leader).NotTo(BeEmpty(), p.id)
	})
	return f
}

// startServer has a server stopped at the end of the spec. Without one the spec is
// not checked, or fails where REQUIRE_REDIS is 1.
func startServer(server *redistest.Server, err error) *redistest.Server {
	GinkgoHelper()
	if errors.Is(err, redistest.ErrMissing) && !redistest.Required() {
		Skip("not checked: " + redistest.ErrMissing.Error())
	}
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(server.Stop)
	return server
}

// eventually waits until what is checked is true of the states of all nodes.
func (f *fleet) eventually(ctx context.Context, check func(g Gomega, p *process, state nodeReport)) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega) {
		for _, p := range f.processes {
			state, err := p.ask(ctx, "state")
			g.Expect(err).NotTo(HaveOccurred())
			check(g, p, state)
		}
	}).WithTimeout(patience).WithPolling(nodeLook).Should(Succeed())
}

// churn has all nodes set and delete keys, the more often the more rounds. Where
// they can't reach the server they are to tell one another later.
func (f *fleet) churn(ctx context.Context, rounds int, each func()) {
	GinkgoHelper()
	for round := range rounds {
		for i, p := range f.processes {
			key, value := fmt.Sprintf("key-%d", (round+i)%5), fmt.Sprintf("%s/%d", p.id, round)
			line := "set " + key + " " + value
			if f.values[key] = value; (round+i)%4 == 0 {
				line = "delete " + key
				delete(f.values, key)
			}
			answer, err := p.ask(ctx, "%s", line)
			Expect(err).NotTo(HaveOccurred())
			Expect(answer.Err).NotTo(ContainSubstring("rejected"))
		}
		each()
	}
}

// agrees waits until no node misses operations, or holds another value than the
// last one. Since a miss is always legal, it then waits until all hear one another.
func (f *fleet) agrees(ctx context.Context) {
	GinkgoHelper()
	f.eventually(ctx, func(g Gomega, p *process, state nodeReport) {
		g.Expect(state.Status.Missing).To(BeZero(), p.id)
		g.Expect(state.Status.GapsHealed).To(Equal(state.Status.GapsFound), p.id)
		for key, value := range state.Cache {
			g.Expect(f.values).To(HaveKeyWithValue(key, value), p.id)
		}
	})
	Eventually(ctx, func(g Gomega) { // a cache may be emptied late
		for _, p := range f.processes {
			key := "from:" + p.id
			f.values[key] = rand.Text()
			answer, err := p.ask(ctx, "set %s %s", key, f.values[key])
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(answer.Err).To(BeEmpty(), p.id)
		}
		for _, p := range f.processes {
			for _, other := range f.processes {
				key := "from:" + other.id
				g.Eventually(ctx, func(g Gomega) {
					state, err := p.ask(ctx, "state")
					g.Expect(err).NotTo(HaveOccurred())
					g.Expect(state.Cache).To(HaveKeyWithValue(key, f.values[key]), p.id)
				}).WithTimeout(5 * nodeBeat).WithPolling(nodeLook).Should(Succeed())
			}
		}
	}).WithTimeout(patience).Should(Succeed())
}

// leader waits until one node leads, and all the others know, and returns it.
func (f *fleet) leader(ctx context.Context) (leader *process, term uint64) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega) {
		var leaders []*process
		terms := map[uint64]bool{}
		for _, p := range f.processes {
			state, err := p.ask(ctx, "state")
			g.Expect(err).NotTo(HaveOccurred())
			if state.Status.Leading {
				leaders = append(leaders, p)
			}
			terms[state.Status.Term] = true
			term = state.Status.Term
		}
		g.Expect(leaders).To(HaveLen(1))
		g.Expect(terms).To(HaveLen(1))
		leader = leaders[0]
	}).WithTimeout(patience).WithPolling(nodeLook).Should(Succeed())
	return leader, term
}

// without returns the fleet less one of its nodes.
func (f *fleet) without(gone *process) *fleet {
	rest := slices.DeleteFunc(slices.Clone(f.processes), func(p *process) bool { return p == gone })
	return &fleet{server: f.server, processes: rest, values: f.values}
}

// expectOneLeader checks all that the nodes have said of when they led.
func (f *fleet) expectOneLeader() {
	GinkgoHelper()
	var all []tenure
	for _, p := range f.processes {
		all = append(all, p.led()...)
	}
	Expect(all).NotTo(BeEmpty())
	for i, one := range all {
		for _, other := range all[:i] {
			overlap := one.from.Before(other.to) && other.from.Before(one.to)
			Expect(overlap && one.node != other.node).To(BeFalse(), "%+v and %+v lead at once", one, other)
			Expect(one.term == other.term && one.node != other.node).To(BeFalse(), "%+v and %+v have one term", one, other)
		}
	}
}
