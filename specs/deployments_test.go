package specs_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/redistest"
	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/internal/redissubject"
)

var (
	_ = specs.Contract("redis-sentinel", func() specs.Subject { return deployed.subject(deployed.Sentinel) })
	_ = specs.Contract("redis-cluster", func() specs.Subject { return deployed.subject(deployed.Cluster) })
	_ = specs.Contract("redis-tls", newTLS)
)

// deployed is what all processes of the suite share: a primary with two replicas that
// three Sentinels watch, a Cluster of three primaries with a replica each, and a server
// that speaks TLS.
var deployed deployments

type deployments struct {
	Sentinel, Cluster, TLS *redissubject.Server
	Certificate            []byte
	// Missing is the program that is not there.
	Missing string
}

var _ = SynchronizedBeforeSuite(func(ctx context.Context) []byte {
	var own deployments
	stop, err := own.start(ctx)
	DeferCleanup(stop) // in the first process, after the others have ended
	if errors.Is(err, redistest.ErrMissing) && !redistest.Required() {
		own.Missing = err.Error()
	} else {
		Expect(err).NotTo(HaveOccurred())
	}
	encoded, err := json.Marshal(&own)
	Expect(err).NotTo(HaveOccurred())
	return encoded
}, func(encoded []byte) {
	Expect(json.Unmarshal(encoded, &deployed)).To(Succeed())
	if deployed.TLS != nil {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(deployed.Certificate)
		deployed.TLS.TLS = &tls.Config{RootCAs: roots}
	}
})

// patience is for how long a server may be silent before another one takes over. None
// shall because the machine is busy.
const patience = time.Minute

// start starts the deployments. stop ends those that were started.
func (d *deployments) start(ctx context.Context) (stop func(), err error) {
	var starting errgroup.Group
	var mu sync.Mutex // guards stops
	var stops []func()
	ends := func(stop func()) {
		mu.Lock()
		defer mu.Unlock()
		stops = append(stops, stop)
	}
	starting.Go(func() error {
		s, err := redistest.StartSentinel(ctx, 2, 3, patience)
		if err == nil {
			ends(s.Stop)
			d.Sentinel = &redissubject.Server{URL: s.URL()}
		}
		return err
	})
	starting.Go(func() error {
		c, err := redistest.StartCluster(ctx, 3, 1)
		if err == nil {
			ends(c.Stop)
			d.Cluster = &redissubject.Server{URL: c.URL()}
			err = wait(ctx, c)
		}
		return err
	})
	starting.Go(func() error {
		server, err := redistest.StartTLS()
		if err != nil {
			return err
		}
		ends(server.Stop)
		d.Certificate = server.Certificate
		d.TLS = &redissubject.Server{URL: "rediss://app:secret@" + server.SecureAddress, Admin: server.URL()}
		return nil
	})
	err = starting.Wait()
	return func() {
		for _, stop := range stops {
			stop()
		}
	}, err
}

// wait has the nodes of a Cluster be patient, which makes them slow to find each other.
func wait(ctx context.Context, c *redistest.Cluster) error {
	for _, server := range c.Servers {
		client := goredis.NewClient(&goredis.Options{Addr: server.Address})
		err := client.ConfigSet(ctx, "cluster-node-timeout", fmt.Sprint(patience.Milliseconds())).Err()
		_ = client.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func newTLS() specs.Subject {
	if deployed.Missing != "" {
		return specs.Absent(deployed.Missing)
	}
	s := &tlsSubject{user: "app-" + rand.Text()}
	of := &redissubject.Server{URL: strings.Replace(deployed.TLS.URL, "app", s.user, 1), Admin: deployed.TLS.Admin, TLS: deployed.TLS.TLS}
	s.Subject, s.admin = of.Subject(), goredis.NewClient(&goredis.Options{Addr: strings.TrimPrefix(of.Admin, "redis://")})
	return s
}

// tlsSubject has a user of its own, that may do what redis.ACL says, and no more.
type tlsSubject struct {
	*redissubject.Subject
	user  string
	admin *goredis.Client
}

func (s *tlsSubject) Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
	rules, err := redis.ACL(&redis.Options{Namespace: namespace}, redis.Deployment{})
	if err != nil {
		return nil, err
	}
	if err := s.admin.ACLSetUser(ctx, s.user, append([]string{"on", ">secret"}, rules...)...).Err(); err != nil {
		return nil, err
	}
	return s.Subject.Open(ctx, namespace)
}

func (s *tlsSubject) Close() error {
	return errors.Join(s.admin.Do(context.Background(), "acl", "deluser", s.user).Err(), s.admin.Close())
}

func (d *deployments) subject(server *redissubject.Server) specs.Subject {
	if d.Missing != "" {
		return specs.Absent(d.Missing)
	}
	return server.Subject()
}
