package sync

import (
	"context"
	"errors"
	"time"
)

// Why a leadership was lost, beside an error of the port and a panic.
var (
	errTaken   = errors.New("sync: the lease is not this node's any more")
	errTerm    = errors.New("sync: the lease had ended, and was acquired anew")
	errExpired = errors.New("sync: the lease was not renewed in time")
	errEnding  = errors.New("sync: the election ends")
)

// campaign asks for the lease in each interval, and returns errAborted if the work
// was aborted.
func (e *LeaderElection) campaign(ctx context.Context) error {
	if e.options.Observer {
		<-ctx.Done()
		return nil
	}
	ctx, e.abort = context.WithCancelCause(ctx)
	defer e.abort(nil)
	mayHold := false // the lease, whether or not the node leads
	for ctx.Err() == nil {
		mayHold = e.try(ctx)
		e.rest(ctx)
	}
	if mayHold {
		e.resign(context.WithoutCancel(ctx), e.current())
	}
	if errors.Is(context.Cause(ctx), errAborted) {
		return errAborted
	}
	return nil
}

// try asks for the lease, or for more of it, and reports whether this node may
// hold it now. An error means that nothing is known; what was known before holds
// for as long as it does.
func (e *LeaderElection) try(ctx context.Context) (mayHold bool) {
	if !e.looked {
		if err := e.look(ctx); err != nil {
			e.tell(ElectionFailed, 0, err)
			return false
		}
	}
	asked, wall := time.Now(), e.wall().Round(0)
	term, acquired, err := e.acquire(ctx)
	if e.byAnswer {
		asked, wall = time.Now(), e.wall().Round(0)
	}
	if err != nil {
		if ctx.Err() == nil {
			e.tell(ElectionFailed, 0, err)
		}
		return true
	}
	held := e.current()
	switch {
	case held == nil && acquired && term <= e.led:
		e.giveBack(ctx)
	case held == nil && acquired && ctx.Err() == nil:
		e.begin(ctx, term, asked, wall)
	case held == nil:
	case !acquired:
		e.lose(held, errTaken)
	case term != held.term:
		e.lose(held, errTerm)
	default:
		e.extend(held, asked, wall)
	}
	return acquired
}

// look finds the lease that an earlier election of this node on the handle may have
// left. try gives it back if it still has that term when it is acquired.
func (e *LeaderElection) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.options.Timeout)
	defer cancel()
	leader, found, err := e.leadership.Leader(ctx)
	if err != nil {
		return err
	}
	if e.looked = true; found && leader.NodeID == e.node {
		e.led = leader.Term
	}
	return nil
}

// giveBack releases a lease that outlived this node's leadership: answers were lost.
// The guards of resources would admit what is left of that leadership together with a
// new one in the same term. The next acquisition has a greater term.
func (e *LeaderElection) giveBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.options.Timeout)
	defer cancel()
	if _, err := e.leadership.ReleaseLeadership(ctx, e.node); err != nil {
		e.tell(ElectionFailed, 0, err)
	}
}

// acquire does not give up where ctx is done: the request could arrive after the
// release, and take the lease for a node that is gone.
func (e *LeaderElection) acquire(ctx context.Context) (term uint64, acquired bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.options.Timeout)
	defer cancel()
	return e.leadership.TryAcquireLeadership(ctx, e.node, e.lease)
}

func (e *LeaderElection) current() *tenure {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tenure
}

// begin starts to lead, unless the answer came too late for that.
func (e *LeaderElection) begin(ctx context.Context, term uint64, asked, wall time.Time) {
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	until := asked.Add(e.options.goodFor(e.lease))
	begun := &tenure{term: term, asked: asked, wall: wall, until: until, work: work, stop: stop, done: make(chan struct{})}
	if !e.holds(begun) {
		stop(errExpired)
		return
	}
	begun.expiry = time.AfterFunc(time.Until(until), func() { stop(errExpired) })
	e.mu.Lock()
	e.tenure, e.led = begun, term
	e.mu.Unlock()
	e.tell(LeadershipAcquired, term, nil)
	if e.options.Lead == nil {
		close(begun.done)
		return
	}
	go func() {
		defer close(begun.done)
		err := errAborted // unless callLead returns
		defer func() {
			if errors.Is(err, errAborted) {
				e.abort(err)
			}
			if err != nil {
				stop(err)
			}
		}()
		err = e.callLead(work, term)
	}()
}

func (e *LeaderElection) tell(kind EventKind, term uint64, err error) {
	e.observe(Event{Kind: kind, Time: e.wall(), Node: e.node, Term: term, Err: err})
}

// callLead has the leader's work done, and returns an error where it panics.
func (e *LeaderElection) callLead(ctx context.Context, term uint64) (err error) {
	defer caught("work of the leader", &err)
	e.options.Lead(ctx, term)
	return nil
}

// extend counts the lease from the newer request, unless it has ended meanwhile,
// which rest finds out.
func (e *LeaderElection) extend(held *tenure, asked, wall time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.holds(held) || !held.expiry.Stop() {
		return
	}
	held.asked, held.wall, held.until = asked, wall, asked.Add(e.options.goodFor(e.lease))
	held.expiry.Reset(time.Until(held.until))
}

// rest waits until it is time to ask again. While the node leads, it looks at
// both clocks all along: of a machine that was suspended only that on the wall
// knows.
func (e *LeaderElection) rest(ctx context.Context) {
	timer := time.NewTimer(e.options.Retry)
	defer timer.Stop()
	for {
		var ended <-chan struct{}
		var look <-chan time.Time
		held := e.current()
		if held != nil {
			if !e.IsLeader() {
				e.lose(held, errExpired)
				continue
			}
			ended, look = held.work.Done(), time.After(max(e.options.Margin/2, time.Millisecond))
		}
		select {
		case <-timer.C:
			return
		case <-e.nudges:
			if held == nil {
				return
			}
		case <-ended:
		case <-look:
		case <-ctx.Done():
			return
		}
	}
}

// lose stops leading, and waits for the end of the work.
func (e *LeaderElection) lose(held *tenure, why error) {
	e.end(held, why)
	e.tell(LeadershipLost, held.term, context.Cause(held.work))
	<-held.done
}

// end tells the work to stop, if nothing else has yet.
func (e *LeaderElection) end(held *tenure, why error) {
	held.expiry.Stop()
	held.stop(why)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tenure = nil
}

// resign stops the work, renews the lease until it has returned, so that no
// other node begins before, and frees it.
func (e *LeaderElection) resign(ctx context.Context, held *tenure) {
	if held != nil {
		e.end(held, errEnding)
		e.renewUntilDone(ctx, held)
	}
	ctx, cancel := context.WithTimeout(ctx, e.options.Timeout)
	defer cancel()
	released, err := e.leadership.ReleaseLeadership(ctx, e.node)
	if held == nil {
		return // nobody has heard of this node as leader
	}
	if released {
		e.tell(LeadershipReleased, held.term, nil)
		return
	}
	if err == nil {
		err = errTaken
	}
	e.tell(LeadershipLost, held.term, err)
}

// renewUntilDone goes on where the campaign has stopped: an interval after the
// last request that was answered.
func (e *LeaderElection) renewUntilDone(ctx context.Context, held *tenure) {
	timer := time.NewTimer(time.Until(held.asked.Add(e.options.Retry)))
	defer timer.Stop()
	for {
		select {
		case <-held.done:
			return
		case <-timer.C:
			_, _, _ = e.acquire(ctx) // what comes of it the release tells
			timer.Reset(e.options.Retry)
		}
	}
}
