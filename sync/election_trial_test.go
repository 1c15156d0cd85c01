package sync_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// What a lease of a second means by default.
const (
	trialLease   = time.Second
	trialRetry   = 200 * time.Millisecond
	trialTimeout = 200 * time.Millisecond
	trialMargin  = 100 * time.Millisecond
	trialGood    = 890 * time.Millisecond // less the drift, and the margin
	instant      = time.Microsecond
)

// trial is the election of one node against a mock, in virtual time. What happens
// is noted, with the time since the start.
type trial struct {
	*dsync.LeaderElection
	port  *mocks.MockLeadership
	lead  func(ctx context.Context, term uint64)
	start time.Time
	end   context.CancelFunc
	ended chan struct{} // closed when Run has returned

	leader  coordination.Leader // the holder before the election
	blind   int                 // how often asking for the holder fails
	answers []answer            // those to come; for the campaign's goroutine only
	calls   journal             // of the port
	events  journal
	works   journal // of the leader
}

// journal is what has happened, line by line.
type journal struct {
	mu    sync.Mutex // guards what follows
	lines []string
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// answer is what the port says to a request for the lease, or to a release.
type answer struct {
	term  uint64 // 0 where another node holds the lease
	err   error
	takes time.Duration // whatever the context says
	hangs bool          // until the context is done
}

// held is the answer to the holder of the lease.
func held(term uint64) answer { return answer{term: term} }

// taken is the answer while another node holds it.
var taken = answer{}

// newTrial makes an election to which the port gives the answers in their order,
// and the last of them from then on. With options the leader works, without it
// has nothing to do.
func newTrial(options *dsync.ElectionOptions, answers ...answer) *trial {
	GinkgoHelper()
	t := &trial{
		port:  mocks.NewMockLeadership(gomock.NewController(GinkgoT())),
		start: time.Now(), ended: make(chan struct{}), answers: answers,
	}
	t.lead = t.workThatTakes(0)
	if options != nil {
		options.Lead = func(ctx context.Context, term uint64) { t.lead(ctx, term) }
	}
	election, err := dsync.NewLeaderElection("node", trialLease, t.port, options, t.observe)
	Expect(err).NotTo(HaveOccurred())
	t.LeaderElection = election
	t.port.EXPECT().Leader(gomock.Any()).AnyTimes().
		DoAndReturn(func(context.Context) (coordination.Leader, bool, error) {
			if t.blind > 0 {
				t.blind--
				return coordination.Leader{}, false, coordination.ErrUnavailable
			}
			return t.leader, t.leader.Term > 0, nil
		})
	t.port.EXPECT().TryAcquireLeadership(gomock.Any(), "node", trialLease).AnyTimes().
		DoAndReturn(func(ctx context.Context, _ string, _ time.Duration) (uint64, bool, error) {
			said := t.next()
			err := t.answer(ctx, "acquire", said)
			return said.term, said.term > 0, err
		})
	return t
}

// releases has the port expect a release, and answer so.
func (t *trial) releases(said answer) *trial {
	t.port.EXPECT().ReleaseLeadership(gomock.Any(), "node").
		DoAndReturn(func(ctx context.Context, _ string) (bool, error) {
			err := t.answer(ctx, "release", said)
			return said.term > 0, err
		})
	return t
}

// campaigns runs the election in the background, until ctx is done at the latest.
func (t *trial) campaigns(ctx context.Context) *trial {
	ctx, t.end = context.WithCancel(ctx)
	t.start = time.Now()
	go func() {
		defer GinkgoRecover()
		defer close(t.ended)
		Expect(t.Run(ctx)).To(Succeed())
	}()
	return t
}

// at waits until d after the start, and for all that happens up to then.
func (t *trial) at(d time.Duration) {
	time.Sleep(time.Until(t.start.Add(d)))
	synctest.Wait()
}

// endsAt ends the election d after the start, and waits until it has.
func (t *trial) endsAt(d time.Duration) {
	t.at(d)
	t.end()
	<-t.ended
}

// workThatTakes returns work that takes so long to return after it was told to.
func (t *trial) workThatTakes(d time.Duration) func(context.Context, uint64) {
	return func(ctx context.Context, term uint64) {
		t.note(&t.works, "begins term %d", term)
		<-ctx.Done()
		t.note(&t.works, "stops: %v", context.Cause(ctx))
		if time.Sleep(d); d > 0 {
			t.note(&t.works, "returns")
		}
	}
}

func (t *trial) next() answer {
	said := t.answers[0]
	if len(t.answers) > 1 {
		t.answers = t.answers[1:]
	}
	return said
}

func (t *trial) answer(ctx context.Context, call string, said answer) error {
	t.note(&t.calls, "%s", call)
	time.Sleep(said.takes)
	if said.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return said.err
}

func (t *trial) observe(event dsync.Event) {
	text := fmt.Sprint(event.Kind, " by ", event.Node, " in term ", event.Term)
	if event.Err != nil {
		text += fmt.Sprint(": ", event.Err)
	}
	t.note(&t.events, "%s", text)
}

func (t *trial) note(in *journal, format string, arguments ...any) {
	line := fmt.Sprint(time.Since(t.start), " ") + fmt.Sprintf(format, arguments...)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.lines = append(in.lines, line)
}
