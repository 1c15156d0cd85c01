package redis

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// lane is a connection for one command at a time. A caller who finds it free
// saves the two goroutines of the pipeline between him and the socket, about a
// quarter of a round trip on a near server; the others are pipelined.
//
// go-redis does not end a command when its context is cancelled, only at its
// deadline. So a timer looks at the command under way: if its context is done,
// it closes the connection, which no other command is using. That is much
// cheaper than to watch each context, and soon enough.
type lane struct {
	client      *redis.Client
	connections *connections
	busy        sync.Mutex // held by the command

	mu      sync.Mutex      // guards what follows
	current context.Context // of the command under way; else nil
	timer   *time.Timer     // fires while it is armed
	armed   bool
}

// lookEvery is how long a cancellation may go unnoticed.
const lookEvery = 25 * time.Millisecond

// newLane returns a lane whose connections are made with a server's options.
func newLane(options *redis.Options, connections *connections) *lane {
	own := *options
	own.Dialer = connections.connect
	own.PipelinePoolSize = -1
	return &lane{connections: connections, client: redis.NewClient(&own)}
}

// try runs a command, unless the lane is taken.
func (l *lane) try(ctx context.Context, cmd redis.Cmder) (done bool, err error) {
	if !l.busy.TryLock() {
		return false, nil
	}
	defer l.busy.Unlock()
	l.begin(ctx)
	defer l.end()
	for start, again := time.Now(), true; again; {
		err = l.client.Process(ctx, cmd)
		// The pool may hand out what came of the dial of an earlier command, which
		// was cancelled. Nothing was sent on it.
		var dial *dialError
		again = errors.As(err, &dial) && (dial.began.Before(start) || errors.Is(dial, context.Canceled)) &&
			ended(ctx) == nil && l.connections.closing.Err() == nil
	}
	if err != nil && ended(ctx) != nil {
		l.connections.closeOpen(nil) // and a dial that may hang: the next command must not wait for it
	}
	return true, err
}

func (l *lane) begin(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current = ctx
	if l.armed {
		return
	}
	l.armed = true
	if l.timer == nil {
		l.timer = time.AfterFunc(lookEvery, l.look)
	} else {
		l.timer.Reset(lookEvery)
	}
}

func (l *lane) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current = nil
}

// look goes on looking as long as there is something to look at.
func (l *lane) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = l.current != nil
	if !l.armed {
		return
	}
	if l.current.Err() != nil {
		l.connections.closeOpen(nil)
	}
	l.timer.Reset(lookEvery)
}

// close waits for the command under way, which the closing of its connection ends.
func (l *lane) close() {
	_ = l.client.Close()
	l.busy.Lock() // for good
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
}
