package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// sentinels resolve a primary by its name. All of them are asked at once: one that
// is cut off from the others may be the first to answer, and wrong. The address that
// most of them give counts.
type sentinels struct {
	master      string
	options     *redis.Options
	connections *connections
	log         *slog.Logger
	switched    chan struct{} // a token when a Sentinel has told of a failover
	running     sync.WaitGroup

	mu      sync.Mutex // guards what follows
	clients map[string]*redis.SentinelClient
	primary string // the last answer
	closed  bool
}

// sentinelGrace is how long the slower Sentinels are waited for after the first answer.
const sentinelGrace = 300 * time.Millisecond

func newSentinels(at *location, dial dialer, log *slog.Logger) *sentinels {
	options := settings(at.options)
	options.Username, options.Password, options.DB = at.sentinelUser, at.sentinelPass, 0
	log = log.With("primary", at.master)
	s := &sentinels{
		master: at.master, options: options, log: log, clients: map[string]*redis.SentinelClient{},
		switched: make(chan struct{}, 1),
	}
	s.connections = newConnections(dial, options.DialTimeout, log)
	options.Dialer = s.connections.connect
	options.PipelinePoolSize = -1
	s.add(at.addresses)
	return s
}

// add makes more Sentinels known.
func (s *sentinels) add(addresses []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, address := range addresses {
		if s.clients[address] == nil && !s.closed {
			own := *s.options
			own.Addr = address
			client := redis.NewSentinelClient(&own)
			s.clients[address] = client
			s.running.Go(func() { s.listen(client) })
		}
	}
}

// listen waits for failovers that a Sentinel tells of, as a hint to look for the primary
// at once. While it can't be heard, the primary is looked up now and then all the same.
func (s *sentinels) listen(client *redis.SentinelClient) {
	const event = "+switch-master"
	ctx := s.connections.closing // which also closes the connection
	told := client.Subscribe(ctx, event)
	defer func() { _ = told.Close() }()
	for ctx.Err() == nil {
		message, err := told.ReceiveMessage(ctx)
		switch {
		case err != nil:
			rest(ctx, longestPause)
		case strings.HasPrefix(message.Payload, s.master+" "):
			select {
			case s.switched <- struct{}{}:
			default:
			}
		}
	}
}

// answer is what one Sentinel says.
type answer struct {
	address string
	from    *redis.SentinelClient
	err     error
}

// ask asks all Sentinels, which answer within the bounds of their connections.
func (s *sentinels) ask(ctx context.Context) (answers chan answer, asked int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answers = make(chan answer, len(s.clients))
	if s.closed {
		return answers, 0
	}
	for _, client := range s.clients {
		s.running.Go(func() {
			reply, err := client.GetMasterAddrByName(ctx, s.master).Result()
			if err == nil && len(reply) != 2 {
				err = fmt.Errorf("unexpected reply %.100v", reply)
			}
			if err != nil {
				answers <- answer{err: err}
				return
			}
			answers <- answer{address: net.JoinHostPort(reply[0], reply[1]), from: client}
		})
	}
	return answers, len(s.clients)
}

// resolve returns the address of the primary.
func (s *sentinels) resolve(ctx context.Context) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers, asked := s.ask(ctx)
	votes := map[string]int{}
	var errs []error
	var informed *redis.SentinelClient
	best := ""
	var grace <-chan time.Time
waiting:
	for range asked {
		select {
		case a := <-answers:
			if a.err != nil {
				errs = append(errs, a.err)
				continue
			}
			if votes[a.address]++; votes[a.address] > votes[best] {
				best, informed = a.address, a.from
			}
			if votes[best] > asked/2 {
				break waiting
			}
			if grace == nil {
				timer := time.NewTimer(sentinelGrace)
				defer timer.Stop()
				grace = timer.C
			}
		case <-grace:
			break waiting
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if best == "" {
		return "", s.unresolved(errs)
	}
	s.found(ctx, best, informed)
	return best, nil
}

func (s *sentinels) unresolved(errs []error) error {
	if slices.ContainsFunc(errs, func(err error) bool { return errors.Is(err, redis.Nil) }) {
		return fmt.Errorf("the Sentinels know no primary named %q", s.master)
	}
	return fmt.Errorf("no Sentinel tells the primary: %w", errors.Join(errs...))
}

// found logs a failover. When the address is new it asks for further Sentinels too,
// since those of the URL may be replaced one by one.
func (s *sentinels) found(ctx context.Context, address string, from *redis.SentinelClient) {
	s.mu.Lock()
	before := s.primary
	s.primary = address
	s.mu.Unlock()
	if before == address {
		return
	}
	if before != "" {
		s.log.Warn("redis: failover", "from", before, "to", address)
	}
	others, err := from.Sentinels(ctx, s.master).Result()
	if err != nil {
		return // what is known already will do
	}
	var more []string
	for _, other := range others {
		if other["ip"] != "" && other["port"] != "" {
			more = append(more, net.JoinHostPort(other["ip"], other["port"]))
		}
	}
	s.add(more)
}

// dialer connects to the primary, whatever the address.
func (s *sentinels) dialer(dial dialer) dialer {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		address, err := s.resolve(ctx)
		if err != nil {
			return nil, err
		}
		if target, ok := ctx.Value(targetKey{}).(*string); ok {
			*target = address
		}
		return dial(ctx, network, address)
	}
}

// locate is the locator of the primary.
func (s *sentinels) locate(ctx context.Context) ([]string, error) {
	address, err := s.resolve(ctx)
	return []string{address}, err
}

func (s *sentinels) close() {
	s.connections.closeAll() // which ends the commands under way
	s.mu.Lock()
	s.closed = true
	clients := slices.Collect(maps.Values(s.clients))
	s.mu.Unlock()
	for _, client := range clients {
		_ = client.Close() // says only that calls were under way
	}
	s.running.Wait()
}

// primaryOnly returns what to do on a new connection: what the user wants, and to
// refuse a server that says that it is a replica. A Sentinel may not yet know.
func primaryOnly(user func(context.Context, *redis.Conn) error) func(context.Context, *redis.Conn) error {
	return func(ctx context.Context, connection *redis.Conn) error {
		if role, err := connection.Do(ctx, "role").Slice(); err == nil && len(role) > 0 && role[0] == "slave" {
			return errors.New("the server is a replica, not the primary")
		}
		if user == nil {
			return nil
		}
		return user(ctx, connection)
	}
}

// openSentinel opens a handle on a primary that Sentinels know.
func openSentinel(ctx context.Context, at *location, options Options) (*Coordination, error) {
	base := netDialer()
	if options.Dialer != nil {
		base = options.Dialer
	}
	dial := secured(base, at.options.TLSConfig)
	found := newSentinels(at, dial, options.Logger)
	of := *at.options
	of.OnConnect = primaryOnly(of.OnConnect)
	home, err := newServer("primary "+at.master, &of, found.dialer(dial), options.Logger)
	if err != nil {
		found.close()
		return nil, fmt.Errorf("open: client: %w", err)
	}
	home.locate, home.certain, home.hints = found.locate, true, found.switched
	home.resolver = found.close
	c := newCoordination(home, options)
	if _, err := c.call(ctx, "open", "ping"); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}
