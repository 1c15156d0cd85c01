package sync

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Run hears what other nodes tell, heals what was lost, keeps the node a member
// and takes part in the election, until ctx is done. Then it ends the work of the
// leader and waits for it, frees the lease, sends what waits to be sent, says
// goodbye and deregisters, and returns nil. Beside the leader's work that takes a
// heartbeat interval and two Election.Timeouts at most: one for a request that is
// under way, one for the release. Where what waits can't be sent within the interval
// there is no goodbye, and the others take the end for a crash. While the port can't
// reach its backend, Run goes on trying.
//
// It owns every goroutine of the DistributedSync, and returns when all of them
// have ended. Once the lease is freed, methods that tell others, or apply what
// others told, return coordination.ErrClosed.
//
// Errors: ErrRunning where it was called before; coordination.ErrClaimed if another
// DistributedSync or LeaderElection with this NodeID runs on the same handle; coordination.ErrInvalidArgument
// for a nil context, and where the port refuses the name of a channel;
// coordination.ErrClosed where the port was closed. If a goroutine of Run is ended by
// runtime.Goexit, as a mock does when it fails a test, Run stops and returns an error
// that says so.
func (s *DistributedSync) Run(ctx context.Context) error {
	if err := coordination.CheckContext("run", ctx); err != nil {
		return err
	}
	if s.ran.Swap(true) {
		return ErrRunning
	}
	release, err := s.claim()
	if err != nil {
		return err
	}
	defer release()
	working, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	observing, stopObserving := context.WithCancel(context.WithoutCancel(ctx))
	campaign, stopCampaign := context.WithCancel(ctx)
	defer stop(nil)
	defer stopObserving()
	defer stopCampaign()
	living, stopLiving := context.WithCancel(working)
	defer stopLiving()

	var observer, workers, signs sync.WaitGroup
	live := make(chan struct{}, 2) // one for each subscription
	ready := func() { live <- struct{}{} }
	fatal := func(err error) {
		if err != nil {
			stop(err)
			stopCampaign()
		}
	}
	start := func(group *sync.WaitGroup, work func() error) {
		group.Go(func() {
			err := errAborted
			defer func() { fatal(err) }()
			err = work()
		})
	}
	start(&observer, func() error { s.observe(observing); return nil })
	s.connection.begin()
	start(&workers, func() error { return s.listen(working, s.options.Channel, s.hear, ready) })
	start(&workers, func() error { return s.listen(working, inbox(s.options.Channel, s.self.node), s.attend, ready) })
	start(&workers, func() error { s.recover(working); return nil })
	start(&signs, func() error { s.membership(living); return nil })
	start(&signs, func() error { s.outbox.send(living, s.config.HeartbeatInterval); return nil })
	start(&signs, func() error {
		for range cap(live) { // who speaks is asked, and could not hear the question before
			select {
			case <-live:
			case <-living.Done():
				return nil
			}
		}
		s.beats(living)
		return nil
	})

	fatal(s.election.Run(campaign))
	stopLiving() // first, for none of its heartbeats to be told as refused
	s.closed.Store(true)
	signs.Wait() // to show life after the goodbye would undo it
	if working.Err() == nil {
		s.leave(working)
	}
	stop(nil)
	workers.Wait()
	stopObserving()
	observer.Wait()
	if err := context.Cause(working); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}

// claim keeps another DistributedSync from being the same node on the same handle:
// both would lead at once, and the end of one would deregister the other.
func (s *DistributedSync) claim() (release func(), err error) {
	claimer, ok := s.port.(coordination.Claimer)
	if !ok {
		return func() {}, nil
	}
	release, err = claimer.Claim("node " + s.self.node)
	if err != nil {
		return nil, fmt.Errorf("run: NodeID %q is that of another DistributedSync on this handle, "+
			"want one with several caches, or a NodeID or a handle for each: %w", s.self.node, err)
	}
	return release, nil
}

// leave says goodbye. What fails of it the others find out by themselves.
func (s *DistributedSync) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.config.HeartbeatInterval)
	defer cancel()
	if err := s.beat(ctx, heartbeat{leaving: true, released: s.released}); err != nil {
		s.publishFailed(0, err)
	}
	if _, err := s.port.DeregisterNode(ctx, s.self.node); err != nil {
		s.emit(Event{Kind: MembershipFailed, Err: err})
	}
}

// noteElection takes note of what the election says.
func (s *DistributedSync) noteElection(event Event) {
	s.emit(event)
	switch event.Kind {
	case LeadershipAcquired:
		s.speak() // the others learn of it by a heartbeat
	case LeadershipReleased:
		s.released = true
	}
}
