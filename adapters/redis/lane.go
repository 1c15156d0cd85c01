package redis

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// lane is a connection for one command at a time. A caller who finds it free
// saves the two goroutines of the pipeline between him and the socket, about a
// quarter of a round trip on a near server; the others are pipelined.
//
// go-redis does not end a command when its context is cancelled, only at its
// deadline. So a cancellation closes the connection of the lane, which no other
// command is using.
type lane struct {
	client      *redis.Client
	connections *connections
	busy        sync.Mutex // held by the command

	mu      sync.Mutex // guards what follows
	calls   uint64
	current uint64 // the number of the call under way, else 0
}

// newLane returns a lane with connections like those of a client.
func newLane(options *redis.Options, dial dialer) *lane {
	l := &lane{connections: &connections{dial: dial}}
	own := *options
	own.Dialer = l.connections.connect
	own.PoolSize = 1
	own.PipelinePoolSize = -1
	l.client = redis.NewClient(&own)
	return l
}

// try runs a command, unless the lane is taken.
func (l *lane) try(ctx context.Context, cmd redis.Cmder) (done bool, err error) {
	if !l.busy.TryLock() {
		return false, nil
	}
	defer l.busy.Unlock()
	if ctx.Done() != nil {
		call := l.begin()
		defer l.end()
		stop := context.AfterFunc(ctx, func() { l.interrupt(call) })
		defer stop()
	}
	return true, l.client.Process(ctx, cmd)
}

func (l *lane) begin() (call uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	l.current = l.calls
	return l.current
}

func (l *lane) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current = 0
}

// interrupt ends a call, if it is still under way.
func (l *lane) interrupt(call uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == call {
		l.connections.closeOpen()
	}
}

func (l *lane) close() {
	l.connections.closeAll()
	_ = l.client.Close()
}
