package specs_test

import (
	"context"
	"net"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs"
)

var _ = specs.Contract("miniredis", newMiniredis)

func newMiniredis() specs.Subject {
	server := miniredis.NewMiniRedis()
	server.ClockTTL(true)
	dial := func(context.Context, string, string) (net.Conn, error) { return newPipe(server.Dial()) }
	return miniredisSubject{links: &links{dial: dial}, keyspace: &keyspace{dial: dial}, server: server}
}

// miniredisSubject is the Redis adapter on a server within the process, over
// pipes, and thus in virtual time.
type miniredisSubject struct {
	*links
	*keyspace
	server *miniredis.Miniredis
}

func (s miniredisSubject) Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
	return s.links.open(ctx, "redis://127.0.0.1:6379", &redis.Options{Namespace: namespace, Buffer: buffer, LinkTimeout: linkTimeout})
}

func (miniredisSubject) Suite() *testing.T { return suite }
func (miniredisSubject) Buffer() int       { return buffer }
func (s miniredisSubject) Close() error    { s.server.Close(); return nil }
