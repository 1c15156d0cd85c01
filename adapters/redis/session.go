package redis

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/coordination"
)

// session is a connection for commands that must follow one another on one
// connection: WAIT counts the replicas that have what its own connection wrote, and
// MULTI queues what comes after it. It opens when it is first used.
type session struct {
	server *server
	lane   *lane
	turn   chan struct{} // holds a token while it is in use

	mu     sync.Mutex      // guards what follows
	failed *sessionFailure // the last one
}

func newSession(s *server, l *lane) *session {
	return &session{server: s, lane: l, turn: make(chan struct{}, 1)}
}

// outcome is what one command of a session came to.
type outcome struct {
	reply any
	err   error // of the server
}

// refusal returns the server's error as text, "" if there is none.
func (o outcome) refusal() string {
	if o.err == nil {
		return ""
	}
	return o.err.Error()
}

type outcomes []outcome

// err returns the first error of the server.
func (o outcomes) err() error {
	for _, each := range o {
		if each.err != nil {
			return each.err
		}
	}
	return nil
}

// run sends the commands in one piece, and returns one outcome for each. err is that of
// the connection; then any of the commands may have taken effect.
func (s *session) run(ctx context.Context, commands ...[]any) (_ outcomes, err error) {
	before := s.failure()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if now := s.failure(); now != before {
		return nil, now.err
	}
	if !s.lane.busy.TryLock() {
		return nil, coordination.ErrClosed // by close, as nobody else uses the lane
	}
	defer s.lane.busy.Unlock()
	results, err := s.send(ctx, commands)
	if err != nil && ctx.Err() == nil {
		s.mu.Lock()
		s.failed = &sessionFailure{err}
		s.mu.Unlock()
	}
	return results, err
}

// sessionFailure is one failure of the connection. A caller that waited for its turn while
// it happened fails too, or it would wait for the same time-out once more.
type sessionFailure struct{ err error }

func (s *session) failure() *sessionFailure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *session) send(ctx context.Context, commands [][]any) (outcomes, error) {
	s.lane.begin(ctx)
	defer s.lane.end()
	pipe := s.lane.client.Pipeline()
	cmds := make([]*redis.Cmd, len(commands))
	for i, arguments := range commands {
		cmds[i] = pipe.Do(ctx, arguments...)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	results := make(outcomes, len(cmds))
	for i, cmd := range cmds {
		reply, err := s.server.reply(command{cmd}, cmd.Err())
		if err != nil && !isRefusal(err) {
			return nil, err
		}
		results[i] = outcome{reply, err}
	}
	return results, nil
}

// reset closes the connection if the server has refused to discard a transaction on it.
func (s *session) reset(refusal error) {
	if refusal != nil {
		s.lane.connections.closeOpen(nil)
	}
}
