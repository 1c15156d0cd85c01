package specs_test

import (
	"context"
	"net"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs"
)

// linkTimeout is short, so that specs need not wait long for a dead link to be
// found out.
const linkTimeout = time.Second

var _ = specs.Contract("redis", newRedis)

func newRedis() specs.Subject {
	url := serverURL()
	dial := (&net.Dialer{}).DialContext
	return redisSubject{links: &links{dial: dial}, keyspace: &keyspace{url: url}, url: url}
}

// redisSubject is the Redis adapter on a real server.
type redisSubject struct {
	*links
	*keyspace
	url string
}

func (s redisSubject) Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
	used.Store(specNames.FindString(namespace), true)
	return s.links.open(ctx, s.url, &redis.Options{Namespace: namespace, Buffer: buffer, LinkTimeout: linkTimeout})
}

func (redisSubject) Buffer() int { return buffer }
