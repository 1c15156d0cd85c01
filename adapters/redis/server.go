package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// server is the connections of a handle to one server: a lane for a lone caller,
// a pipeline for concurrent callers, a session for commands that belong together,
// and those that subscriptions open on client.
//
// The server at the other end may turn out to be the wrong one: a primary that
// became a replica, or a name that moved. Then drop closes all connections, and
// the next use of each resolves the address again.
type server struct {
	name        string // in errors and in the log
	options     *redis.Options
	connections *connections // of client
	client      *redis.Client
	lane        *lane
	session     *session
	pipe        *redis.AutoPipeliner
	budget      *budget
	log         *slog.Logger
	locate      locator       // nil if the server cannot move
	certain     bool          // locate tells the only right address
	hints       chan struct{} // that the server may have moved; may be nil
	resolver    func()        // closes what resolves the address; may be nil
	cluster     *cluster      // of which it is a node; nil without
	address     string        // of a node that stays where it is; else ""

	watching sync.WaitGroup

	mu      sync.Mutex // guards what follows
	dropped time.Time
}

const (
	defaultDialTimeout = 5 * time.Second

	// dropEvery is the least time between two drops for the same kind of reason: a
	// server that is wrong for long must not make the link flap with every call.
	dropEvery = time.Second
)

// newServer opens no connection yet.
func newServer(name string, options *redis.Options, dial dialer, log *slog.Logger) (*server, error) {
	own := settings(options)
	log = log.With("server", name)
	s := &server{name: name, options: own, budget: newBudget(), log: log}
	s.connections = newConnections(dial, own.DialTimeout, log)
	own.Dialer = s.connections.connect
	s.client = redis.NewClient(own)
	// Full duplex is the mode that does not tax a lone caller.
	pipe, err := s.client.AsyncAutoPipelineWithOptions(&redis.AutoPipelineOptions{
		FullDuplex: true, FullDuplexWindow: maxPending,
		// Then the pool looks whether the other side has closed it.
		FullDuplexIdleTimeout: 10 * time.Millisecond,
	})
	if err != nil {
		_ = s.client.Close()
		return nil, err
	}
	s.pipe = pipe
	s.lane = newLane(own, newConnections(dial, own.DialTimeout, log))
	s.session = newSession(s, newLane(own, newConnections(dial, own.DialTimeout, log)))
	all := []*connections{s.connections, s.lane.connections, s.session.lane.connections}
	for _, each := range all {
		each.peers = all
	}
	return s, nil
}

// settings returns the options of a connection to a server: what the user chose of
// address, authentication, protocol, time-outs, buffers and ages, and the
// adapter's own choice of everything else. Nothing is sent twice, a failed dial is
// not repeated, and no commands run that the port does not need.
func settings(from *redis.Options) *redis.Options {
	own := &redis.Options{
		Network: from.Network, Addr: from.Addr, ClientName: from.ClientName, OnConnect: from.OnConnect,
		Protocol: from.Protocol, Username: from.Username, Password: from.Password, DB: from.DB,
		CredentialsProvider:          from.CredentialsProvider,
		CredentialsProviderContext:   from.CredentialsProviderContext,
		StreamingCredentialsProvider: from.StreamingCredentialsProvider,
		DialTimeout:                  from.DialTimeout, ReadTimeout: from.ReadTimeout, WriteTimeout: from.WriteTimeout,
		ReadBufferSize: from.ReadBufferSize, WriteBufferSize: from.WriteBufferSize,
		PipelineReadBufferSize: from.PipelineReadBufferSize, PipelineWriteBufferSize: from.PipelineWriteBufferSize,
		ConnMaxIdleTime: from.ConnMaxIdleTime,
		ConnMaxLifetime: from.ConnMaxLifetime, ConnMaxLifetimeJitter: from.ConnMaxLifetimeJitter,

		MaxRetries:               -1,
		DialerRetries:            1,
		ContextTimeoutEnabled:    true,
		PoolSize:                 2, // of which one is used
		PipelinePoolSize:         1,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	// Without a bound a dead connection would never be noticed.
	if own.DialTimeout <= 0 {
		own.DialTimeout = defaultDialTimeout
	}
	own.ReadTimeout, own.WriteTimeout = max(own.ReadTimeout, 0), max(own.WriteTimeout, 0)
	return own
}

// submit hands a command to the pipeline. It waits only for room in it. The caller
// must wait for each command that it submits.
func (s *server) submit(ctx context.Context, arguments ...any) pending {
	size := sizeOf(arguments)
	if err := s.budget.take(ctx, size); err != nil {
		return pending{err: err}
	}
	return s.start(ctx, size, arguments)
}

// start hands a command to the pipeline whose room in the budget is already taken.
func (s *server) start(ctx context.Context, size int, arguments []any) pending {
	p := pending{server: s, size: size, start: time.Now()}
	p.submit(ctx, arguments)
	return p
}

func (p *pending) submit(ctx context.Context, arguments []any) {
	p.cmd = command{redis.NewCmd(ctx, arguments...)}
	p.future = p.server.pipe.Submit(ctx, p.cmd)
}

// do runs one command. A node of a Cluster that did not run it tells which one will.
func (s *server) do(ctx context.Context, arguments ...any) (any, error) {
	reply, err := s.send(ctx, arguments...)
	if err != nil && s.cluster != nil {
		return s.cluster.follow(ctx, s, arguments, reply, err)
	}
	return reply, err
}

// send sends one command to this server, on the lane if it is free.
func (s *server) send(ctx context.Context, arguments ...any) (any, error) {
	cmd := command{redis.NewCmd(ctx, arguments...)}
	if done, err := s.lane.try(ctx, cmd); done {
		return s.reply(cmd, err)
	}
	return s.submit(ctx, arguments...).own(ctx)
}

// reply returns a command's result, nil if the reply is nil. A reply that only a
// wrong server gives drops the connections.
func (s *server) reply(cmd command, err error) (any, error) {
	if err == nil || errors.Is(err, redis.Nil) {
		return cmd.Val(), nil
	}
	var refusal redis.Error
	switch {
	case isWrongServer(err):
		s.drop(err)
	case s.cluster != nil && !errors.As(err, &refusal):
		s.cluster.stale() // another node may have taken over
	}
	if s.address != "" {
		return nil, fmt.Errorf("%s: %w", s.address, named(cmd, err))
	}
	return nil, named(cmd, err)
}

// named returns a server's error with the command that it refused. Scripts do that
// themselves for the commands in them.
func named(cmd command, err error) error {
	for _, code := range []string{"NOPERM", "OOM", "WRONGTYPE", "READONLY", "MISCONF", "NOREPLICAS"} {
		inScript := strings.HasPrefix(cmd.Name(), "eval") && code != "NOPERM"
		if redis.HasErrorPrefix(err, code) && !inScript {
			return fmt.Errorf("%s: %w", strings.ToUpper(cmd.Name()), err)
		}
	}
	return err
}

// isWrongServer reports whether an error comes from a server that is not primary.
func isWrongServer(err error) bool {
	return redis.HasErrorPrefix(err, "READONLY") || redis.HasErrorPrefix(err, "MASTERDOWN")
}

// drop closes all connections: those of the lane, the pipeline and the
// subscriptions. Commands under way fail, and their effect is unknown. The next use
// resolves the address again. A second drop within a second does nothing.
func (s *server) drop(reason error) {
	s.mu.Lock()
	again := !s.dropped.IsZero() && time.Since(s.dropped) < dropEvery
	if !again {
		s.dropped = time.Now()
	}
	s.mu.Unlock()
	if again || s.connections.closing.Err() != nil {
		return
	}
	s.log.Warn("redis: connections dropped", "reason", reason)
	s.connections.closeOpen(reason)
	s.lane.connections.closeOpen(reason)
	s.session.lane.connections.closeOpen(reason)
}

// disconnect closes all connections and refuses new ones. It may be called again.
func (s *server) disconnect() {
	s.connections.closeAll()
	s.lane.connections.closeAll()
	s.session.lane.connections.closeAll()
}

// close ends what disconnect left: subscriptions must have ended before.
func (s *server) close() {
	s.disconnect()
	s.watching.Wait()
	s.lane.close()
	s.session.lane.close()
	_ = s.client.Close() // says only that calls were under way
	s.budget.close()
	if s.resolver != nil {
		s.resolver()
	}
}
