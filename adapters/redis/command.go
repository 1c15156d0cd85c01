package redis

import (
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

// submit hands a command to the pipeline without waiting for it.
func (c *Coordination) submit(ctx context.Context, arguments ...any) pending {
	cmd := command{redis.NewCmd(ctx, arguments...)}
	return pending{cmd: cmd, future: c.pipe.Submit(ctx, cmd)}
}

// pending is a command on its way.
type pending struct {
	cmd    command
	future redis.AutoFuture
}

// wait ends with ctx, and then the command may still take effect.
func (p pending) wait(ctx context.Context) (any, error) {
	return reply(p.cmd, p.future.WaitContext(ctx))
}

// call runs one command.
func (c *Coordination) call(ctx context.Context, operation string, arguments ...any) (any, error) {
	if err := c.begin(ctx, operation); err != nil {
		return nil, err
	}
	reply, err := c.do(ctx, arguments...)
	return reply, c.failure(ctx, operation, err)
}

// do runs one command, on the lane if it is free.
func (c *Coordination) do(ctx context.Context, arguments ...any) (any, error) {
	if c.lane != nil {
		cmd := command{redis.NewCmd(ctx, arguments...)}
		if done, err := c.lane.try(ctx, cmd); done && !c.lane.wasClosed(ctx, err) {
			return reply(cmd, err)
		}
	}
	return c.submit(ctx, arguments...).wait(ctx)
}

// reply returns what a command came to, nil for a reply that says that there is
// nothing.
func reply(cmd command, err error) (any, error) {
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	return cmd.Val(), nil
}

// failure says what an error of the client means to the caller of the port.
func (c *Coordination) failure(ctx context.Context, operation string, err error) error {
	deadline, bounded := ctx.Deadline()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", operation, ctx.Err())
	case bounded && !time.Now().Before(deadline):
		// go-redis sets it on the connection too, whose timer may be the first.
		return fmt.Errorf("%s: %w", operation, context.DeadlineExceeded)
	case c.closing.Err() != nil:
		return fmt.Errorf("%s: %w", operation, coordination.ErrClosed)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		// Not the caller's context: he must not take it for his own.
		return fmt.Errorf("%s: %s: %w: %v", operation, c.address, coordination.ErrUnavailable, err)
	default:
		return fmt.Errorf("%s: %s: %w: %w", operation, c.address, coordination.ErrUnavailable, err)
	}
}

// unexpected says that the server answered, but not what it was asked.
func (c *Coordination) unexpected(operation string, reply any) error {
	return fmt.Errorf("%s: %s: unexpected reply %.100v: %w", operation, c.address, reply, coordination.ErrUnavailable)
}
