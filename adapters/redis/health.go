package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/coordination"
)

// HealthCheck implements coordination.Diagnostics. It returns true only if, now,
//
//   - the server is a primary, answers, and is not about to evict records,
//   - it takes every command that any method needs, with this user, on the records,
//     keys and channels of this namespace (the server queues them in a transaction
//     that is discarded),
//   - as many replicas are online as LeadershipOptions.Replicas wants,
//   - the scripts run, and the records have the right type and are not damaged,
//   - what the handle publishes comes back on the connection of its subscriptions.
//
// It takes five round trips, and three more in a Cluster. It opens the connection of the subscriptions if there is
// none. If the server does not allow INFO, eviction is unknown and does not count:
// Stats then has the reason in its Metadata under "unknown".
func (c *Coordination) HealthCheck(ctx context.Context) (bool, error) {
	const operation = "health check"
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return false, err
	}
	found, err := c.diagnose(ctx, operation)
	return err == nil && found.degraded == "", err
}

// diagnosis is what HealthCheck finds.
type diagnosis struct {
	degraded string // what is wrong, "" if nothing is
	unknown  string // what could not be found out, "" if nothing
}

func (c *Coordination) diagnose(ctx context.Context, operation string) (diagnosis, error) {
	if err := c.begin(ctx, operation); err != nil {
		return diagnosis{}, err
	}
	found, err := c.diagnoseServers(ctx)
	if err == nil && found.degraded == "" {
		found.degraded, err = c.diagnoseLink(ctx)
	}
	return found, c.failure(ctx, operation, err)
}

// diagnoseServers returns the error of a connection, but not that of a server.
func (c *Coordination) diagnoseServers(ctx context.Context) (diagnosis, error) {
	found, err := c.diagnoseServer(ctx, c.home, c.uses)
	if found.degraded == "" && err == nil && c.leadership.options.Replicas > 0 {
		found.degraded, err = c.diagnoseReplicas(ctx)
	}
	if found.degraded == "" && err == nil && c.home.cluster != nil {
		found.degraded, err = c.diagnoseNodes(ctx)
	}
	if found.degraded == "" && err == nil {
		keys := append([]string{c.names.leaderRecord()}, c.names.memberRecords()...)
		_, err = c.eval(ctx, healthScript, keys, nil)
		if isRefusal(err) {
			found.degraded, err = err.Error(), nil
		}
	}
	return found, err
}

// diagnoseServer asks one server how it is, and whether it takes the commands.
func (c *Coordination) diagnoseServer(ctx context.Context, s *server, commands [][]any) (diagnosis, error) {
	const ping, hello, role, memory, multi, discard = 0, 1, 2, 3, 4, 5
	pipelined := s.submit(ctx, "ping") // the connection of concurrent callers
	state, err := s.session.run(ctx, []any{"ping"}, []any{"hello"}, []any{"role"}, []any{"info", "memory"}, []any{"multi"}, []any{"discard"})
	if _, pipeErr := pipelined.wait(ctx); err == nil && !isRefusal(pipeErr) {
		err = pipeErr
	}
	if err != nil {
		return diagnosis{}, err
	}
	for _, i := range []int{ping, multi, discard} {
		if refusal := state[i].refusal(); refusal != "" {
			s.session.reset(state[discard].err)
			return diagnosis{degraded: refusal}, nil
		}
	}
	if redis.HasErrorPrefix(state[role].err, "NOPERM") { // unknown to some servers, which say it in HELLO
		return diagnosis{degraded: state[role].refusal()}, nil
	}
	if isReplica(state[hello].reply, state[role].reply) {
		return diagnosis{degraded: "the server is a read-only replica"}, nil
	}
	found := diagnosis{}
	if state[memory].err != nil {
		found.unknown = "whether the server can evict records: " + state[memory].err.Error()
	} else {
		text, _ := state[memory].reply.(string)
		found.degraded = eviction(text)
	}
	if found.degraded == "" {
		found.degraded, err = refusals(ctx, s, commands)
	}
	return found, err
}

// refusals returns which of the commands a server refuses, "" if none.
func refusals(ctx context.Context, s *server, commands [][]any) (string, error) {
	queue := slices.Concat([][]any{{"multi"}}, commands, [][]any{{"discard"}})
	queued, err := s.together(ctx, queue...)
	if err != nil {
		return "", err
	}
	s.session.reset(queued[len(queued)-1].err)
	const shown = 3
	var refused []string
	for _, each := range queued {
		if each.err != nil && len(refused) < shown {
			refused = append(refused, each.err.Error())
		}
	}
	return strings.Join(refused, "; "), nil
}

// diagnoseReplicas returns whether there are too few replicas for the leadership.
func (c *Coordination) diagnoseReplicas(ctx context.Context) (string, error) {
	want := c.leadership.options.Replicas
	count, err := c.home.session.run(ctx, []any{"wait", want, 1})
	if err != nil {
		return "", err
	}
	if refusal := count[0].refusal(); refusal != "" {
		return refusal, nil
	}
	if online, ok := count[0].reply.(int64); !ok || online < int64(want) {
		return fmt.Sprintf("leadership needs %d replicas, %v are online", want, count[0].reply), nil
	}
	return "", nil
}

// diagnoseNodes asks every primary of a Cluster how it is, and whether it takes the
// commands of user keys.
func (c *Coordination) diagnoseNodes(ctx context.Context) (string, error) {
	primaries, err := c.home.cluster.primaries(ctx)
	if err != nil {
		return "", err
	}
	found, errs := make([]diagnosis, len(primaries)), make([]error, len(primaries))
	var running sync.WaitGroup
	for i, address := range primaries {
		running.Go(func() { found[i], errs[i] = c.diagnoseNode(ctx, address) })
	}
	running.Wait()
	for i, address := range primaries {
		if errs[i] != nil {
			return "", fmt.Errorf("%s: %w", address, errs[i])
		}
		if found[i].degraded != "" {
			return address + ": " + found[i].degraded, nil
		}
	}
	return "", nil
}

func (c *Coordination) diagnoseNode(ctx context.Context, address string) (diagnosis, error) {
	s, err := c.home.cluster.at(address)
	if err != nil {
		return diagnosis{}, err
	}
	var commands [][]any
	for i := range 1 << 20 { // a key that this node serves
		key := c.names.keys + "{" + strconv.Itoa(i) + "}"
		owner, err := c.home.cluster.addressOf(ctx, slotOf(key))
		if err != nil {
			return diagnosis{}, err
		}
		if owner == address {
			commands = keyUses(key)
			break
		}
	}
	return c.diagnoseServer(ctx, s, commands)
}

// isReplica reads the replies of HELLO and ROLE. A server may know only one of them.
func isReplica(hello, role any) bool {
	if said := fieldOf(hello, "role"); said != "" && said != "master" {
		return true
	}
	list, ok := role.([]any)
	return ok && len(list) > 0 && list[0] != "master"
}

// eviction returns what is wrong with the server's policy when its memory is full, by
// its INFO memory. All records have a TTL, so that any policy can take them except for
// noeviction. Without a limit of the memory nothing is evicted.
func eviction(info string) string {
	policy, limit := infoField(info, "maxmemory_policy"), infoField(info, "maxmemory")
	if policy == "" || policy == "noeviction" || limit == "0" {
		return ""
	}
	return fmt.Sprintf("the server evicts records when its memory is full: maxmemory-policy is %s, want noeviction", policy)
}

func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if field, value, _ := strings.Cut(strings.TrimSpace(line), ":"); field == name {
			return value
		}
	}
	return ""
}

// diagnoseLink returns what is wrong with the connection of the subscriptions. It
// opens it if there is none.
func (c *Coordination) diagnoseLink(ctx context.Context) (string, error) {
	if broken := c.link.broken(); broken != "" {
		return broken, nil
	}
	err := c.probeLink(ctx)
	if errors.Is(err, errDeaf) {
		c.home.drop(err) // it is on another server, or dead
	}
	if err == nil || ctx.Err() != nil || errors.Is(err, coordination.ErrClosed) {
		return "", err
	}
	return fmt.Sprintf("the connection of the subscriptions: %v", err), nil
}

var errDeaf = errors.New("a published message does not arrive")

// probeLink publishes a message to the handle's own inbox, and waits for it.
func (c *Coordination) probeLink(ctx context.Context) error {
	if err := c.acks.listen(ctx); err != nil {
		return err
	}
	token := "probe " + rand.Text()
	arrived := make(chan struct{}, 1)
	inbox := c.names.inbox(c.id)
	probe := &member{topic: inbox, regained: func() {}, hear: func(payload string) {
		if payload != token {
			return
		}
		select {
		case arrived <- struct{}{}:
		default: // a duplicate must not block the link
		}
	}}
	defer c.link.leave(probe)
	if err := c.link.join(ctx, probe); err != nil {
		return err
	}
	if _, err := c.do(ctx, c.names.publish(), inbox.name, token); err != nil {
		return err
	}
	timer := time.NewTimer(c.link.timeout)
	defer timer.Stop()
	select {
	case <-arrived:
		return nil
	case <-timer.C:
		return errDeaf
	case <-c.closing.Done():
		return coordination.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}
