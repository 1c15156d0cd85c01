package specs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/riptidecrawler/coordkit/specs/report"
)

// trial is one behaviour on one subject. What is called of the adapter may fail
// in any way: whatever it does is the outcome of this trial and of no other.
type trial struct {
	judge     *judge
	behaviour behaviour
	scale     float64
	stuck     int // how many before it have used up their limit
	declared  *Deviation
	timeline  timeline
	proving   timeline // of the proof that there are peers, if it was asked for

	mu     sync.Mutex
	state  report.State // "" as long as nothing is known
	reason string
	ending sync.Once
	over   chan struct{} // closed when it has come to an end
	asked  chan struct{} // for the real time, which is
	time   chan time.Time
}

// decide says what a trial has come to; what was said first stays.
func (t *trial) decide(state report.State, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == "" {
		t.state, t.reason = state, reason
	}
}

func (t *trial) failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state == report.Failed
}

// blame says that the subject is at fault, in place of what was said of the
// promise before.
func (t *trial) blame(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == report.Failed {
		reason += "\nwhich the behaviour saw as: " + t.reason
	}
	if t.state != report.Subject {
		t.state, t.reason = report.Subject, reason
	}
}

// bounded runs all of a trial, and gives it up when it does not end.
func (t *trial) bounded(body func()) report.Outcome {
	// Made here, outside of any bubble, they can be used on both sides.
	t.over, t.asked, t.time = make(chan struct{}), make(chan struct{}), make(chan time.Time)
	go func() {
		defer t.end()
		defer t.rescue()
		body()
	}()
	go t.tellTime()
	// Beyond its limit it gets some time to notice, and to clean up.
	limit := t.limit() + t.limit()/4
	timer := time.NewTimer(limit)
	defer timer.Stop()
	start := time.Now()
	select {
	case <-t.over:
	case <-timer.C:
		t.decide(report.Failed, fmt.Sprintf("the behaviour has not come to an end for %v: %s", limit, cmp.Or(t.timeline.pending(), t.proving.pending(), "a call never returns")))
	}
	if time.Since(start) < t.limit() {
		t.judge.stuck = 0
	} else {
		t.judge.stuck++
	}
	return t.outcome()
}

// tellTime answers realTime until the trial is over.
func (t *trial) tellTime() {
	for {
		select {
		case <-t.asked:
			t.time <- time.Now()
		case <-t.over:
			return
		}
	}
}

// realTime returns the time outside of any bubble.
func (t *trial) realTime() time.Time {
	t.asked <- struct{}{}
	return <-t.time
}

func (t *trial) end() { t.ending.Do(func() { close(t.over) }) }

// limit is half as long after each behaviour that has just used up its own, since
// what hangs once is likely to hang again.
func (t *trial) limit() time.Duration {
	least := min(t.judge.patience, t.judge.limit)
	return t.scaled(max(least, t.judge.limit>>t.stuck))
}

func (t *trial) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) * t.scale) }

// outcome reads what the trial has come to.
func (t *trial) outcome() report.Outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := report.Outcome{State: t.state, Reason: t.reason}
	if o.State == "" {
		o.State = report.Passed
	}
	if t.declared != nil {
		switch o.State {
		case report.Failed:
			return report.Outcome{State: report.Deviates, Reason: t.declared.Reason, Link: t.declared.Link}
		case report.Passed:
			o.State = report.Failed
			o.Reason = fmt.Sprintf("no longer deviates; remove the declared deviation (%s)", t.declared.Reason)
		}
	}
	if o.State == report.Failed || o.State == report.Subject {
		o.Timeline = t.timeline.String()
	}
	return o
}

// whole runs a body in the goroutine that calls it. Where it neither returns nor
// ends the behaviour, what it called has ended the goroutine.
func (t *trial) whole(body func()) {
	returned := false
	defer func() {
		if !returned {
			t.decide(report.Failed, "a call ends the goroutine of its caller")
		}
	}()
	defer t.rescue()
	body()
	returned = true
}

// rescue turns a panic of the goroutine that it is deferred in into a failure.
func (t *trial) rescue() {
	if cause := recover(); cause != nil {
		t.decide(report.Failed, fmt.Sprintf("panics: %v\n%s", cause, debug.Stack()))
	}
}

// apart runs a body in a goroutine and waits for it. A failure ends the goroutine
// and no other.
func (t *trial) apart(body func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t.whole(body)
	}()
	<-ended
}

// perform shows the behaviour on a cluster and takes down what it has put up.
func (t *trial) perform(ctx context.Context, subject Subject) {
	c := newCluster(ctx, t, subject)
	t.apart(func() { t.behaviour.body(c) })
	if t.failed() {
		t.apart(c.autopsy)
	}
	t.apart(c.takeDown)
	if closer, ok := subject.(io.Closer); ok {
		if err := guarded(t.judge.patience, "Close of the subject", closer.Close); err != nil {
			t.blame(fmt.Sprintf("closing the subject: %v", err))
		}
	}
}

// Fail ends the goroutine that calls it, and with it the behaviour. It is the
// fail handler of the cluster's assertions.
func (t *trial) Fail(message string, callerSkip ...int) {
	skip := 0
	if len(callerSkip) > 0 {
		skip = callerSkip[0]
	}
	at := types.NewCodeLocation(skip + 1)
	folder, file := filepath.Split(at.FileName)
	t.decide(report.Failed, fmt.Sprintf("%s:%d: %s", filepath.Join(filepath.Base(folder), file), at.LineNumber, message))
	runtime.Goexit()
}

// notChecked ends the behaviour without a verdict.
func (t *trial) notChecked(reason string) {
	t.decide(report.NotChecked, reason)
	runtime.Goexit()
}
