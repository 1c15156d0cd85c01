package specs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/specs/report"
)

const (
	// patience is how long a subject may take for anything.
	patience = 10 * time.Second

	// limit bounds a behaviour in real time.
	limit = time.Minute

	// enough behaviours that use up their limit in a row tell that all will.
	enough = 10
)

// interrupted is the reason for what was not judged, or not to its end.
const interrupted = "interrupted"

// judge judges the subjects of one factory.
type judge struct {
	backend    string
	factory    func() Subject
	behaviours []behaviour
	flaw       string        // why no verdict can be trusted: an extra that is none
	patience   time.Duration // with the subject
	limit      time.Duration // of a behaviour

	proof proof
	hangs atomic.Int64 // how many calls of the factory in a row did not return

	mu      sync.Mutex // one behaviour at a time is judged; it guards what follows
	version string     // of the backend, once it is known
	mute    bool       // for Version hangs
	stuck   int        // how many behaviours in a row have used up their limit
}

func newJudge(backend string, factory func() Subject, extras []Extra) *judge {
	j := &judge{backend: backend, factory: factory, behaviours: behaviours(), patience: patience, limit: limit}
	for _, extra := range extras {
		b, err := extra.behaviour(j.behaviours)
		if err != nil {
			j.flaw = err.Error()
		}
		j.behaviours = append(j.behaviours, b)
	}
	return j
}

// Options of [Judge]. The zero value judges everything in silence.
type Options struct {
	// Suite is the test in whose bubbles subjects with virtual time are judged.
	// Without one they are asked for theirs.
	Suite *testing.T

	// Only chooses the behaviours to judge; nil chooses all.
	Only func(report.Behaviour) bool

	// Observe is told of each behaviour once it was judged, with its outcome. It
	// is called by the goroutine that called Judge.
	Observe func(report.Behaviour)

	// Extras are the adapter's own behaviours.
	Extras []Extra

	// Patience is how long the factory, and Open, Close and the powers of a
	// subject, may take before it is at fault; 0 for 10 s. It is also how long
	// Close of a handle may take before the behaviour fails.
	Patience time.Duration

	// Limit is how long a behaviour may take in real time before it fails; 0 for
	// a minute. It is for what hangs, not for what is slow. After one that has
	// used it up the next gets half of it, but no less than Patience, and after
	// ten of them in a row the rest is not tried: the subject is at fault.
	Limit time.Duration
}

// Judge judges the subjects that the factory makes and needs no test framework to
// do so: a program can. It returns a report on the one backend. When ctx is done
// it ends after the behaviour that it is about, and reports that and the rest as not
// checked, since it was interrupted.
func Judge(ctx context.Context, backend string, factory func() Subject, options *Options) *report.Report {
	if options == nil {
		options = &Options{}
	}
	j := newJudge(backend, factory, options.Extras)
	j.patience, j.limit = cmp.Or(options.Patience, j.patience), cmp.Or(options.Limit, j.limit)
	r := &report.Report{Schema: report.Schema, Contract: Version}
	var b report.Backend
	for _, behaviour := range j.behaviours {
		if options.Only != nil && !options.Only(behaviour.Behaviour) {
			continue
		}
		run := j.run(ctx, options.Suite, behaviour)
		b = run.Backend
		r.Behaviours = append(r.Behaviours, run.Behaviour)
		if options.Observe != nil {
			options.Observe(run.Behaviour)
		}
	}
	b.Name = backend
	r.Backends = []report.Backend{b}
	return r
}

// run judges one behaviour.
func (j *judge) run(ctx context.Context, suite *testing.T, b behaviour) report.Run {
	j.mu.Lock()
	defer j.mu.Unlock()
	start := time.Now()
	backend := report.Backend{Name: j.backend}
	o := report.Outcome{State: report.NotChecked, Reason: interrupted}
	if ctx.Err() == nil {
		var t *trial
		t, o = j.try(ctx, suite, b)
		if t != nil {
			backend.Scale = t.scale
		}
		if ctx.Err() != nil && o.State != report.Passed {
			o = report.Outcome{State: report.NotChecked, Reason: interrupted} // in its middle
		}
	}
	backend.Version = j.version
	o.Duration = time.Since(start)
	judged := b.Behaviour
	judged.Outcomes = map[string]report.Outcome{j.backend: o}
	return report.Run{Contract: Version, Backend: backend, Behaviour: judged}
}

// try makes a subject and has the behaviour shown on it.
func (j *judge) try(ctx context.Context, suite *testing.T, b behaviour) (*trial, report.Outcome) {
	if j.flaw != "" {
		return nil, report.Outcome{State: report.Subject, Reason: j.flaw}
	}
	subject, err := j.make()
	if err != nil {
		return nil, report.Outcome{State: report.Subject, Reason: err.Error()}
	}
	if missing, ok := subject.(absent); ok {
		if strings.TrimSpace(missing.reason) == "" {
			return nil, report.Outcome{State: report.Subject, Reason: "the subject is absent and gives no reason"}
		}
		return nil, report.Outcome{State: report.NotChecked, Reason: missing.reason}
	}
	if j.stuck >= enough {
		return nil, report.Outcome{State: report.Subject, Reason: fmt.Sprintf("%d behaviours in a row have used up their time, and no more are tried", enough)}
	}
	t := &trial{judge: j, behaviour: b, scale: 1, stuck: j.stuck}
	if t.scale, t.declared, err = j.describe(subject, b.ID); err != nil {
		return t, report.Outcome{State: report.Subject, Reason: err.Error()}
	}
	j.askVersion(ctx, subject, t.scaled(time.Second))
	virtual, isVirtual := subject.(VirtualTime)
	if !isVirtual {
		return t, t.bounded(func() { t.perform(ctx, subject) })
	}
	if suite == nil {
		suite, err = asked(j.patience, "Suite", func() (*testing.T, error) { return virtual.Suite(), nil })
		if err == nil && suite == nil {
			err = errors.New("the subject has virtual time, and Suite returns no test to run it in")
		}
		if err != nil {
			return t, report.Outcome{State: report.Subject, Reason: err.Error()}
		}
	}
	// The subject above only told what it can do: what the behaviour uses is
	// made inside the bubble.
	j.closeQuietly(subject)
	return t, t.bounded(func() {
		t.bubble(suite, func() {
			subject, err := j.make()
			if err != nil {
				t.blame(err.Error())
				return
			}
			t.perform(ctx, subject)
		})
	})
}

// make calls the factory, which may fail in any way but must not end the run.
func (j *judge) make() (Subject, error) {
	const times = 3
	if j.hangs.Load() >= times {
		return nil, fmt.Errorf("the factory did not return %d times in a row, and is not called again", times)
	}
	subject, err := asked(j.patience, "the factory", func() (Subject, error) { return j.factory(), nil })
	switch {
	case errors.Is(err, errHangs):
		j.hangs.Add(1)
		return nil, err
	case err != nil:
		return nil, err
	case isNil(subject):
		return nil, fmt.Errorf("the factory returns nil")
	}
	j.hangs.Store(0)
	return subject, nil
}

func (j *judge) closeQuietly(subject Subject) {
	if closer, ok := subject.(io.Closer); ok {
		_ = guarded(min(time.Second, j.patience), "Close of the subject", closer.Close)
	}
}
