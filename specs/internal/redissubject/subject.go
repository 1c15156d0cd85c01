// Package redissubject puts the Redis adapter on a server before the contract,
// with all the powers that a program has over its own connections.
package redissubject

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
)

const (
	// Buffer is how many messages the subscriptions hold: few, so that they are
	// soon full, and more than the specs publish before they read.
	Buffer = 1024

	// LinkTimeout is short, so that nobody need wait long for a dead link to be
	// found out.
	LinkTimeout = time.Second

	// realLinkTimeout also lets a real server on a busy machine say nothing while it
	// takes in the largest payload.
	realLinkTimeout = 3 * LinkTimeout
)

// Server is a server, or what Open takes for one, that may hold live data: what
// subjects leave there has names that no other program has, and Sweep removes it.
type Server struct {
	// URL is where handles are opened.
	URL string
	// Admin is where what subjects leave can be looked at and removed. Default URL.
	Admin string
	// TLS is the configuration for rediss:// URLs.
	TLS *tls.Config `json:"-"`
	// OfClient has handles opened with the settings of a client, by redis.New.
	OfClient bool

	used sync.Map // namespaces
}

// Subject returns a subject on the server.
func (s *Server) Subject() *Subject {
	return &Subject{Links: &Links{Dial: (&net.Dialer{}).DialContext}, Keyspace: s.keyspace(), Server: s}
}

func (s *Server) keyspace() *Keyspace { return &Keyspace{URL: cmp.Or(s.Admin, s.URL), TLS: s.TLS} }

// Subject is the Redis adapter on a server.
type Subject struct {
	*Links
	*Keyspace
	*Server
	own string // where handles are opened instead, if it is set
}

// MoveTo puts the subject on a server of its own.
func (s *Subject) MoveTo(url string) { s.own, s.Keyspace = url, &Keyspace{URL: url} }

// names is how the contract names its namespaces.
var names = regexp.MustCompile(`spec-[A-Z2-7]{26}`)

// Open implements specs.Subject.
func (s *Subject) Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
	if name := names.FindString(namespace); name != "" {
		s.used.Store(name, true)
	}
	options := &redis.Options{Namespace: namespace, Buffer: Buffer, LinkTimeout: realLinkTimeout, TLS: s.Server.TLS}
	url := cmp.Or(s.own, s.Server.URL)
	if !s.OfClient {
		return s.OpenAt(ctx, url, options)
	}
	of, err := goredis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	return s.OpenAs(of, options)
}

// Buffer implements specs.Buffered.
func (*Subject) Buffer() int { return Buffer }

// Version implements specs.Versioned.
func (s *Subject) Version(ctx context.Context) (string, error) {
	client, err := s.client(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = client.Close() }()
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return "", err
	}
	for name, field := range map[string]string{"Valkey": "valkey_version:", "Dragonfly": "dragonfly_version:", "Redis": "redis_version:"} {
		if _, rest, found := strings.Cut(info, field); found && (name != "Redis" || !strings.Contains(info, "valkey_version:") && !strings.Contains(info, "dragonfly_version:")) {
			version, _, _ := strings.Cut(rest, "\r\n")
			return name + " " + strings.TrimPrefix(version, "df-"), nil
		}
	}
	return "", fmt.Errorf("the server does not tell its version: %q", info)
}

// Sweep removes what subjects may have left on the server: in one walk, and only
// names that contain one of their own namespaces.
func (s *Server) Sweep(ctx context.Context) error {
	client, err := s.keyspace().client(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return remove(ctx, client, "*spec-*", func(key string) bool {
		_, ours := s.used.Load(names.FindString(key))
		return ours
	})
}
