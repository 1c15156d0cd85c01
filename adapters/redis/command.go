package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/coordination"
)

// command is a command that is never sent twice, whatever the client's
// MaxRetries: a second PUBLISH would be a second message, and a second UNLINK
// would count nothing.
type command struct{ *redis.Cmd }

func (command) NoRetry() bool { return true }

// begin does what every method does after it has checked its arguments.
func (c *Coordination) begin(ctx context.Context, operation string) error {
	if c.closing.Err() != nil {
		return fmt.Errorf("%s: %w", operation, coordination.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}

// submit hands a command to the pipeline of the home server. Each must be waited
// for.
func (c *Coordination) submit(ctx context.Context, arguments ...any) pending {
	return c.home.submit(ctx, arguments...)
}

// pending is a command on its way.
type pending struct {
	server *server
	cmd    command
	future redis.AutoFuture
	size   int
	start  time.Time
	err    error // of one that was not sent
}

// wait ends with ctx, and then the command may still take effect. A command that a
// node of a Cluster did not run is sent on.
func (p pending) wait(ctx context.Context) (any, error) {
	reply, err := p.own(ctx)
	if err != nil && p.err == nil && p.server.cluster != nil {
		return p.server.cluster.follow(ctx, p.server, p.cmd.Args(), reply, err)
	}
	return reply, err
}

// own waits for the answer of the server itself.
func (p pending) own(ctx context.Context) (any, error) {
	if p.err != nil {
		return nil, p.err
	}
	err := p.future.WaitContext(ctx)
	// The pool may hand out what came of an earlier dial. Nothing was sent on it.
	for dial := (*dialError)(nil); errors.As(err, &dial) && dial.began.Before(p.start) && !dial.began.IsZero() && ctx.Err() == nil; {
		p.submit(ctx, p.cmd.Args())
		err = p.future.WaitContext(ctx)
	}
	if err != nil && ctx.Err() != nil {
		p.server.budget.abandon(p)
		return nil, ctx.Err()
	}
	p.server.budget.give(p.size)
	return p.server.reply(p.cmd, err)
}

// call runs one command.
func (c *Coordination) call(ctx context.Context, operation string, arguments ...any) (any, error) {
	if err := c.begin(ctx, operation); err != nil {
		return nil, err
	}
	reply, err := c.do(ctx, arguments...)
	return reply, c.failure(ctx, operation, err)
}

// do runs one command on the home server.
func (c *Coordination) do(ctx context.Context, arguments ...any) (any, error) {
	return c.home.do(ctx, arguments...)
}

// serverOf returns the server of a user's key.
func (c *Coordination) serverOf(ctx context.Context, key string) (*server, error) {
	if c.home.cluster == nil {
		return c.home, nil
	}
	return c.home.cluster.owner(ctx, key)
}

// callKey runs one command on a user's key.
func (c *Coordination) callKey(ctx context.Context, operation, key string, arguments ...any) (any, error) {
	if err := c.begin(ctx, operation); err != nil {
		return nil, err
	}
	var reply any
	s, err := c.serverOf(ctx, key)
	if err == nil {
		reply, err = s.do(ctx, arguments...)
	}
	return reply, c.failure(ctx, operation, err)
}

// failure says what an error of the client means to the caller of the port.
func (c *Coordination) failure(ctx context.Context, operation string, err error) error {
	deadline, bounded := ctx.Deadline()
	switch {
	case err == nil:
		return nil
	case ended(ctx) != nil:
		return fmt.Errorf("%s: %w", operation, ended(ctx))
	case bounded && !time.Now().Before(deadline):
		// go-redis sets it on the connection too, whose timer may be the first.
		return fmt.Errorf("%s: %w", operation, context.DeadlineExceeded)
	case c.closing.Err() != nil:
		return fmt.Errorf("%s: %w", operation, coordination.ErrClosed)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %s: %w: %w", operation, c.home.name, coordination.ErrUnavailable, withoutContext(err))
	default:
		return fmt.Errorf("%s: %s: %w: %w", operation, c.home.name, coordination.ErrUnavailable, err)
	}
}

// withoutContext replaces the errors of contexts by their texts: they are not those of
// the caller's context, and he must not take them for his own.
func withoutContext(err error) error {
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return errors.New(err.Error())
	}
	var parts []error
	for _, part := range joined.Unwrap() {
		parts = append(parts, withoutContext(part))
	}
	return errors.Join(parts...)
}

// ended returns the error of a context that is done. The deadline of a socket
// may pass a moment before the context's own timer fires.
func ended(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return cmp.Or(ctx.Err(), context.DeadlineExceeded)
	}
	return ctx.Err()
}

// unexpected says that the server answered, but not what it was asked.
func (c *Coordination) unexpected(operation string, reply any) error {
	return fmt.Errorf("%s: %s: unexpected reply %.100v: %w", operation, c.home.name, reply, coordination.ErrUnavailable)
}
