// Package redissubject puts the Redis adapter on a server before the contract,
// with all the powers that a program has over its own connections.
package redissubject

import (
	"context"
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

// Server is a server that may hold live data: what subjects leave there has
// names that no other program has, and Sweep removes it.
type Server struct {
	url  string
	used sync.Map // namespaces
}

// NewServer returns the server at a URL.
func NewServer(url string) *Server { return &Server{url: url} }

// Subject returns a subject on the server.
func (s *Server) Subject() *Subject {
	dial := (&net.Dialer{}).DialContext
	return &Subject{Links: &Links{Dial: dial}, Keyspace: &Keyspace{URL: s.url}, used: &s.used}
}

// Subject is the Redis adapter on a server.
type Subject struct {
	*Links
	*Keyspace
	used *sync.Map
}

// names is how the contract names its namespaces.
var names = regexp.MustCompile(`spec-[A-Z2-7]{26}`)

// Open implements specs.Subject.
func (s *Subject) Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
	if name := names.FindString(namespace); name != "" {
		s.used.Store(name, true)
	}
	return s.OpenAt(ctx, s.URL, &redis.Options{Namespace: namespace, Buffer: Buffer, LinkTimeout: realLinkTimeout})
}

// Buffer implements specs.Buffered.
func (*Subject) Buffer() int { return Buffer }

// Version implements specs.Versioned.
func (s *Subject) Version(ctx context.Context) (string, error) {
	client, err := s.client()
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
	options, err := goredis.ParseURL(s.url)
	if err != nil {
		return err
	}
	client := goredis.NewClient(options)
	defer func() { _ = client.Close() }()
	found := client.Scan(ctx, 0, "*spec-*", 1000).Iterator()
	for found.Next(ctx) {
		name := names.FindString(found.Val())
		if _, ours := s.used.Load(name); ours {
			if err := client.Unlink(ctx, found.Val()).Err(); err != nil {
				return err
			}
		}
	}
	return found.Err()
}
