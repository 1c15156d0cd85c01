// Package miniredissubject puts the Redis adapter on a server within the process
// before the contract, in virtual time.
package miniredissubject

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/internal/redissubject"
)

// Subject is the Redis adapter on a server within the process, over pipes.
type Subject struct {
	*redissubject.Links
	*redissubject.Keyspace
	// Server is what the handles connect to.
	Server *miniredis.Miniredis

	suite   *testing.T
	stopped atomic.Bool
}

var errStopped = errors.New("the server is stopped")

// New returns a subject on a server of its own, which its Close ends.
func New(suite *testing.T) *Subject {
	s := &Subject{Server: miniredis.NewMiniRedis(), suite: suite}
	s.Server.ClockTTL(true)
	dial := func(context.Context, string, string) (net.Conn, error) {
		if s.stopped.Load() {
			return nil, errStopped
		}
		return newPipe(s.Server.Dial())
	}
	s.Links, s.Keyspace = &redissubject.Links{Dial: dial}, &redissubject.Keyspace{Dial: dial}
	return s
}

// Open implements specs.Subject.
func (s *Subject) Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
	return s.OpenAt(ctx, "redis://127.0.0.1:6379", &redis.Options{
		Namespace: namespace, Buffer: redissubject.Buffer, LinkTimeout: redissubject.LinkTimeout,
	})
}

// Suite implements specs.VirtualTime.
func (s *Subject) Suite() *testing.T { return s.suite }

// Buffer implements specs.Buffered.
func (*Subject) Buffer() int { return redissubject.Buffer }

// Own implements specs.Backend: the server is the subject's own.
func (*Subject) Own(context.Context) error { return nil }

// Stop implements specs.Backend.
func (s *Subject) Stop(context.Context) error {
	s.stopped.Store(true)
	s.Server.Close()
	return nil
}

// Start implements specs.Backend. The server starts with the next connection,
// and has kept what it held.
func (s *Subject) Start(context.Context) error {
	s.stopped.Store(false)
	return nil
}

// Close ends the server.
func (s *Subject) Close() error {
	s.Server.Close()
	return nil
}

// Deviations are what the stand-in can't show; a real server does.
func (*Subject) Deviations() []specs.Deviation {
	const reason = "miniredis 2.40 sends a connection one pmessage for a message, however many of its patterns match"
	var deviations []specs.Deviation
	for _, behaviour := range []string{"publish-3", "publish-15", "ack-2", "pattern-22"} {
		deviations = append(deviations, specs.Deviation{Behaviour: behaviour, Reason: reason})
	}
	return deviations
}
