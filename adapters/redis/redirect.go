package redis

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// maxHops bounds how often a command is sent on.
	maxHops = 8

	// busyFor is how long a command waits for a slot whose keys are between two
	// nodes, or that no node serves at the moment.
	busyFor = time.Second
)

// follow sends a command on as long as the servers answer that they did not run it:
// to the node that serves the slot (MOVED), for once to the one that will (ASK), or to
// the same again (TRYAGAIN, CLUSTERDOWN). What a server ran is never sent again.
func (cl *cluster) follow(ctx context.Context, from *server, arguments []any, reply any, err error) (any, error) {
	until := time.Now().Add(busyFor)
	for pause, hops := firstPause, 0; err != nil && hops < maxHops; {
		r, redirected := redirectOf(err, from.origin())
		var to *server
		var failed error
		if redirected {
			if to, failed = cl.at(r.address); failed != nil {
				return nil, failed
			}
			hops++
		}
		switch {
		case redirected && r.ask:
			reply, err = to.ask(ctx, arguments...)
		case redirected:
			cl.moved(r)
			if from.locate != nil {
				from.drop(err) // the home server is another one now
			}
			from = to
			reply, err = from.send(ctx, arguments...)
		case isBusy(err) && time.Now().Before(until):
			if failed := sleep(ctx, pause); failed != nil {
				return nil, failed
			}
			pause *= 2
			reply, err = from.send(ctx, arguments...)
		default:
			return reply, err
		}
	}
	return reply, err
}

func isBusy(err error) bool {
	return redis.HasErrorPrefix(err, "TRYAGAIN") || redis.HasErrorPrefix(err, "CLUSTERDOWN")
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// origin returns the address of the node that a server is at the moment.
func (s *server) origin() string {
	if s.address != "" {
		return s.address
	}
	for _, target := range s.targets() {
		return target
	}
	return ""
}

// ask runs one command on a node that does not own its slot yet.
func (s *server) ask(ctx context.Context, arguments ...any) (any, error) {
	results, err := s.session.run(ctx, []any{"asking"}, arguments)
	if err != nil {
		return nil, err
	}
	return results[1].reply, results[1].err
}

// together runs commands on one slot one after another on one connection. A node of a
// Cluster that did not run them tells which one will.
func (s *server) together(ctx context.Context, commands ...[]any) (outcomes, error) {
	results, err := s.session.run(ctx, commands...)
	for hops := 0; err == nil && s.cluster != nil && hops < maxHops; hops++ {
		r, redirected := redirectOf(results.err(), s.origin())
		if !redirected {
			break
		}
		var to *server
		if to, err = s.cluster.at(r.address); err != nil {
			return nil, err
		}
		if r.ask {
			results, err = to.session.run(ctx, append([][]any{{"asking"}}, commands...)...)
			return results[min(1, len(results)):], err
		}
		s.cluster.moved(r)
		if s.locate != nil {
			s.drop(results.err())
		}
		s = to
		results, err = s.session.run(ctx, commands...)
	}
	return results, err
}
