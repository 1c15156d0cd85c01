package redis

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// locator resolves where the server is now, in the same form as the targets of the
// connections. Several addresses mean any of them.
type locator func(ctx context.Context) ([]string, error)

// errMoved is the reason of a drop.
var errMoved = errors.New("the address of the server has changed")

// watch looks again and again, and after each hint, whether the server is elsewhere now, and
// then drops its connections. It ends when the server is disconnected.
func (s *server) watch(every time.Duration) {
	if s.locate == nil {
		return
	}
	s.watching.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.look()
			case <-s.hints:
				s.look()
			case <-s.connections.closing.Done():
				return
			}
		}
	})
}

func (s *server) look() {
	if len(s.targets()) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(s.connections.closing, s.options.DialTimeout)
	defer cancel()
	// An address that cannot be resolved says nothing about the connections.
	if moved, err := s.moved(ctx); err == nil && moved && (s.certain || s.isOther(ctx)) {
		s.drop(errMoved)
	}
}

// isOther reports whether a new connection leads to another server than the lane or the
// pipeline. Servers that do not tell who they are count as the same one.
func (s *server) isOther(ctx context.Context) bool {
	client := s.fresh()
	defer func() { _ = client.Close() }()
	info, err := client.Do(ctx, "info", "server").Result()
	now := runID(info)
	if err != nil || now == "" {
		return false
	}
	onPipe := s.submit(ctx, "info", "server")
	for _, ask := range []func(context.Context) (any, error){
		onPipe.own,
		func(ctx context.Context) (any, error) { return s.send(ctx, "info", "server") },
	} {
		info, err := ask(ctx)
		if then := runID(info); err == nil && then != "" && then != now {
			return true
		}
	}
	return false
}

// runID returns the identity of a server's process from the reply of INFO.
func runID(info any) string {
	text, _ := info.(string)
	_, id, _ := strings.Cut(text, "\nrun_id:")
	id, _, _ = strings.Cut(id, "\r")
	return id
}

// moved resolves the address again, and reports whether open connections lead to
// another one. Unless the locator is certain, that alone does not prove that they lead
// to a wrong server: a name may have several addresses.
func (s *server) moved(ctx context.Context) (bool, error) {
	if s.locate == nil {
		return false, nil
	}
	now, err := s.locate(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(s.targets(), func(target string) bool { return !slices.Contains(now, target) }), nil
}

// targets returns the addresses that the open connections lead to.
func (s *server) targets() []string {
	return slices.Concat(s.connections.targets(), s.lane.connections.targets(), s.session.lane.connections.targets())
}

// dialed returns the address that a new connection leads to. It is the locator of
// servers whose address only a dialer knows.
func (s *server) dialed(ctx context.Context) ([]string, error) {
	connection, target, err := s.connections.dialBounded(ctx, s.options.Network, s.options.Addr)
	if err != nil {
		return nil, err
	}
	return []string{target}, connection.Close()
}

// fresh returns a client with one connection of its own, resolved anew. The caller
// closes it.
func (s *server) fresh() *redis.Client {
	own := *s.options
	own.PoolSize, own.PipelinePoolSize = 1, -1
	return redis.NewClient(&own)
}

// resolved is the locator of a server whose host is a name.
func resolved(host, port string) locator {
	return func(ctx context.Context) ([]string, error) {
		addresses, err := net.DefaultResolver.LookupHost(ctx, host)
		for i, address := range addresses {
			addresses[i] = net.JoinHostPort(address, port)
		}
		return addresses, err
	}
}
