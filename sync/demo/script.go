package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Times of the script.
const (
	pace     = 3 * time.Second / 2 // between steps, for those who watch
	patience = 8 * time.Second     // with what a step waits for
	whole    = 24 * time.Second
)

// script is what the demo does by itself.
type script struct {
	cluster  *cluster
	expected map[string]string // what a cache that had to forget nothing holds
	result   result
}

// result is what has come of a script.
type result struct {
	failed error // nil where every step has come to its end
	took   time.Duration
	views  []view // at the end

	written, invalidated int
	leader, successor    string        // the one that was killed, and who led next
	takeOver             time.Duration // from the one to the other; zero for none
}

// good reports whether all of it has happened, and the nodes agree.
func (r result) good() bool {
	return r.failed == nil && r.takeOver > 0 && compare(r.views).holds()
}

func newScript(c *cluster) *script {
	return &script{cluster: c, expected: make(map[string]string)}
}

// run carries out the steps one after another, until one fails.
func (s *script) run(ctx context.Context) result {
	ctx, cancel := context.WithTimeoutCause(ctx, whole, fmt.Errorf("the script took more than %v", whole))
	defer cancel()
	steps := []struct {
		title string
		run   func(ctx context.Context) error
	}{
		{"start three nodes: they find each other and a leader", s.start},
		{"write: each node sets eight keys", s.write},
		{"invalidate: one node forgets user:*, for all", s.invalidate},
		{"lose messages: a follower is deaf while the others write", s.lose},
		{"kill -9 the leader: a follower has missed its last words", s.crash},
		{"restart the node that was killed: it joins with nothing", s.restart},
		{"heal: all keys are written anew", s.write},
	}
	for i, step := range steps {
		s.cluster.display.step(fmt.Sprintf("%d/%d %s", i+1, len(steps), step.title))
		s.result.failed = step.run(ctx)
		s.result.views, s.result.took = s.cluster.views(), time.Since(s.cluster.began)
		s.cluster.display.reached(s.result.views)
		if s.result.failed != nil {
			break
		}
		rest(ctx, pace)
	}
	return s.result
}

func (s *script) start(ctx context.Context) error {
	for _, name := range names {
		if err := s.cluster.start(name); err != nil {
			return err
		}
	}
	return s.await(ctx, "three nodes that agree who leads", settled)
}

func (s *script) write(ctx context.Context) error {
	for i, name := range names {
		if err := s.put(name, kinds[i], 8); err != nil {
			return err
		}
	}
	return s.await(ctx, "what was written on all nodes", s.held(names...))
}

func (s *script) invalidate(ctx context.Context) error {
	by, pattern := names[1], kinds[0]+":*"
	if err := s.cluster.invalidate(by, pattern); err != nil {
		return err
	}
	before := len(s.expected)
	maps.DeleteFunc(s.expected, func(key, _ string) bool { return coordination.Match(pattern, key) })
	s.result.invalidated += before - len(s.expected)
	return s.await(ctx, pattern+" on no node", s.nothingStale)
}

// lose has a follower miss what the others write. They can tell it again.
func (s *script) lose(ctx context.Context) error {
	_, followers := roles(s.cluster.views())
	if len(followers) != 2 {
		return errNoLeader
	}
	victim := followers[0]
	before, err := s.deafen(ctx, victim.name)
	if err != nil {
		return err
	}
	var others []string
	for i, name := range names {
		if name == victim.name {
			continue
		}
		others = append(others, name)
		if err := s.put(name, kinds[i], 4); err != nil {
			return err
		}
	}
	if err := s.await(ctx, "what was written on the others", s.held(others...)); err != nil {
		return err
	}
	rest(ctx, 2*heartbeat)
	if err := s.cluster.deafen(victim.name, false); err != nil {
		return err
	}
	return s.recovered(ctx, victim.name, before)
}

// crash kills the leader when a follower has yet to hear what it wrote last, and
// there will be nobody to ask.
func (s *script) crash(ctx context.Context) error {
	leader, followers := roles(s.cluster.views())
	if len(followers) != 2 {
		return errNoLeader
	}
	victim, other := followers[0].name, followers[1].name
	before, err := s.deafen(ctx, victim)
	if err != nil {
		return err
	}
	if err := s.put(leader.name, kinds[1], 4); err != nil {
		return err
	}
	if err := s.await(ctx, "what was written on the other", s.held(leader.name, other)); err != nil {
		return err
	}
	killedAt := time.Now()
	if err := s.cluster.kill(leader.name); err != nil {
		return err
	}
	s.result.leader = leader.name
	if err := s.cluster.deafen(victim, false); err != nil {
		return err
	}
	if err := s.await(ctx, "two nodes that agree on another leader", settled); err != nil {
		return err
	}
	successor, _ := roles(s.cluster.views())
	s.result.successor, s.result.takeOver = successor.name, successor.acquired.Sub(killedAt)
	s.cluster.say("demo", "%s leads %.1f s after %s was killed", successor.name, s.result.takeOver.Seconds(), leader.name)
	return s.recovered(ctx, victim, before)
}

func (s *script) restart(ctx context.Context) error {
	if err := s.cluster.start(s.result.leader); err != nil {
		return err
	}
	return s.await(ctx, "three nodes that agree who leads", settled)
}

// put has a node write, and expects it everywhere.
func (s *script) put(name, kind string, count int) error {
	written, err := s.cluster.write(name, kind, count)
	maps.Copy(s.expected, written)
	s.result.written += len(written)
	return err
}

// deafen has a node lose messages, and returns what it was like before.
func (s *script) deafen(ctx context.Context, name string) (before view, err error) {
	before = find(s.cluster.views(), name)
	if err := s.cluster.deafen(name, true); err != nil {
		return before, err
	}
	return before, s.await(ctx, name+" deaf", func(views []view) bool { return find(views, name).condition == deaf })
}

// recovered waits until a node has noticed what it lost, and got over it.
func (s *script) recovered(ctx context.Context, name string, before view) error {
	return s.await(ctx, name+" over what it has missed", func(views []view) bool {
		now := find(views, name)
		return now.condition == running && now.found > before.found && now.state.Status.Missing == 0 && s.nothingStale(views)
	})
}

// await waits until the nodes are as they should be.
func (s *script) await(ctx context.Context, what string, reached func([]view) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %v: %s", patience, what))
	defer cancel()
	for !reached(s.cluster.views()) {
		rest(ctx, reporting/4)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// held reports whether these nodes have all that is expected.
func (s *script) held(by ...string) func([]view) bool {
	return func(views []view) bool {
		return !slices.ContainsFunc(by, func(name string) bool {
			return !maps.Equal(find(views, name).state.Entries, s.expected)
		})
	}
}

// nothingStale reports whether no node has anything but what is expected. It may
// have less: a cache may forget.
func (s *script) nothingStale(views []view) bool {
	for _, v := range views {
		for key, value := range v.state.Entries {
			if s.expected[key] != value {
				return false
			}
		}
	}
	return true
}

var errNoLeader = errors.New("there is no leader any more")

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
