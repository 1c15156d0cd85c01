package specs_test

import (
	"context"
	"errors"
	"os"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/internal/redistest"
	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/internal/redissubject"
)

var (
	_ = specs.Contract("redis", func() specs.Subject { return newRedis(false) })
	_ = specs.Contract("redis-client", func() specs.Subject { return newRedis(true) })
)

// newRedis returns a subject on the real server, whose handles are opened by a URL or by
// a client of the caller's. Without a server nothing is checked; where REQUIRE_REDIS is
// 1 it is one that opens no handle, and thus fails.
func newRedis(ofClient bool) specs.Subject {
	url, err := redistest.URL()
	if absent := missing(err); absent != nil {
		return absent
	}
	server := realServer()
	if ofClient {
		server = &redissubject.Server{URL: url, OfClient: true}
	}
	return &redisSubject{Subject: server.Subject()}
}

// missing returns the subject where there is no program to start.
func missing(err error) specs.Subject {
	if errors.Is(err, redistest.ErrMissing) && !redistest.Required() {
		return specs.Absent(redistest.ErrMissing.Error())
	}
	if err != nil {
		panic(err)
	}
	return nil
}

var realServer = sync.OnceValue(func() *redissubject.Server {
	url, _ := redistest.URL() // newRedis has looked
	return &redissubject.Server{URL: url}
})

// sweep removes what the specs may have left at REDIS_URL.
var _ = AfterSuite(func(ctx context.Context) {
	if os.Getenv("REDIS_URL") != "" {
		Expect(realServer().Sweep(ctx)).To(Succeed())
	}
})

// redisSubject can be put on a server of its own, to be stopped.
type redisSubject struct {
	*redissubject.Subject
	own *redistest.Server
}

// Own implements specs.Backend.
func (s *redisSubject) Own(context.Context) error {
	var err error
	if s.own, err = redistest.Start(); err != nil {
		return err
	}
	s.MoveTo(s.own.URL())
	return nil
}

// Refuse implements specs.Refusing: a server without memory takes no writes.
func (s *redisSubject) Refuse(ctx context.Context, writes bool) error {
	most := "0" // any
	if writes {
		most = "1"
	}
	client := goredis.NewClient(&goredis.Options{Addr: s.own.Address})
	defer client.Close()
	return client.ConfigSet(ctx, "maxmemory", most).Err()
}

// Stop implements specs.Backend.
func (s *redisSubject) Stop(context.Context) error {
	s.own.Stop()
	return nil
}

// Start implements specs.Backend.
func (s *redisSubject) Start(context.Context) error {
	var err error
	s.own, err = redistest.StartAt(s.own.Address)
	return err
}

// Close ends the server of its own.
func (s *redisSubject) Close() error {
	if s.own != nil {
		s.own.Stop()
	}
	return nil
}
