package redis

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// TryAcquireLeadership implements coordination.Leadership.
func (c *Coordination) TryAcquireLeadership(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
	return c.leadership.TryAcquireLeadership(ctx, nodeID, ttl)
}

// ReleaseLeadership implements coordination.Leadership.
func (c *Coordination) ReleaseLeadership(ctx context.Context, nodeID string) (bool, error) {
	return c.leadership.ReleaseLeadership(ctx, nodeID)
}

// Leader implements coordination.Leadership.
func (c *Coordination) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	return c.leadership.Leader(ctx)
}

// Election implements coordination.Elections. What the handle knows of an election
// stays with it, as long as the handle does.
func (c *Coordination) Election(name string) (coordination.Leadership, error) {
	const operation = "election"
	if err := coordination.CheckName(operation, "name", name); err != nil {
		return nil, err
	}
	if c.closing.Err() != nil {
		return nil, fmt.Errorf("%s: %w", operation, coordination.ErrClosed)
	}
	c.electing.Lock()
	defer c.electing.Unlock()
	if c.elections == nil {
		c.elections = map[string]*election{}
	}
	found := c.elections[name]
	if found == nil {
		found = newElection(c, c.names.electionRecord(name), c.leadership.options)
		c.elections[name] = found
	}
	return found, nil
}

// Claim implements coordination.Claimer.
func (e *election) Claim(name string) (release func(), err error) {
	return e.c.Claim("election " + e.keys[0] + "\x00" + name)
}

func (n names) leaderRecord() string { return n.records + "leader" }

func (n names) electionRecord(name string) string { return n.records + "election:" + name }

// election is the lease of one leader record.
type election struct {
	c       *Coordination
	keys    []string // the record's
	options LeadershipOptions
	known   knowledge
}

var _ coordination.Leadership = (*election)(nil)

func newElection(c *Coordination, record string, options LeadershipOptions) *election {
	return &election{c: c, keys: []string{record}, options: options}
}

// TryAcquireLeadership implements coordination.Leadership.
func (e *election) TryAcquireLeadership(ctx context.Context, nodeID string, ttl time.Duration) (uint64, bool, error) {
	const operation = "try acquire leadership"
	if err := checkName(ctx, operation, "nodeID", nodeID); err != nil {
		return 0, false, err
	}
	if err := coordination.CheckLease(operation, ttl); err != nil {
		return 0, false, err
	}
	start := time.Now()
	seen, live, released := e.known.before(nodeID, start)
	arguments := []any{e.c.id, nodeID, coordination.Millis(ttl), seen, e.waitOut(), live, released}
	reply, short, err := e.acquire(ctx, operation, ttl, arguments)
	if err != nil {
		return 0, false, err
	}
	fields, ok := reply.([]any)
	if !ok || len(fields) != 2 {
		return 0, false, e.c.unexpected(operation, reply)
	}
	acquired, ok := fields[0].(int64)
	term, err := e.toTerm(operation, reply, fields[1])
	switch {
	case !ok || err != nil:
		return 0, false, e.c.unexpected(operation, reply)
	case acquired == 0:
		e.known.refused(nodeID, term)
		return 0, false, nil
	case short != nil:
		e.known.saw(term)
		return 0, false, short
	default:
		e.known.acquired(nodeID, term, start.Add(ttl))
		return term, true, nil
	}
}

// acquire runs the script, and waits for the replicas. short tells that too few of
// them have what the script wrote.
func (e *election) acquire(ctx context.Context, operation string, ttl time.Duration, arguments []any) (reply any, short, err error) {
	if e.options.Replicas == 0 {
		reply, err = e.c.run(ctx, operation, acquireScript, e.keys, arguments...)
		return reply, nil, err
	}
	return e.c.runReplicated(ctx, operation, acquireScript, e.keys, arguments, e.options.within(ctx, ttl), e.options.Replicas)
}

// ReleaseLeadership implements coordination.Leadership.
func (e *election) ReleaseLeadership(ctx context.Context, nodeID string) (bool, error) {
	const operation = "release leadership"
	if err := checkName(ctx, operation, "nodeID", nodeID); err != nil {
		return false, err
	}
	_, live, _ := e.known.before(nodeID, time.Now())
	held := e.known.givesUp(nodeID) // whatever comes of it
	reply, err := e.c.run(ctx, operation, releaseScript, e.keys, e.c.id, nodeID, e.waitOut(), live)
	if err != nil {
		e.known.gaveUp(held)
		return false, err
	}
	term, err := e.toTerm(operation, reply, reply)
	if err != nil {
		return false, err
	}
	e.known.gaveUp(term)
	return term > 0, nil
}

// toTerm reads a field of a reply.
func (e *election) toTerm(operation string, reply, field any) (uint64, error) {
	text, _ := field.(string)
	term, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, e.c.unexpected(operation, reply)
	}
	return term, nil
}

// waitOut returns the option as the scripts read it.
func (e *election) waitOut() int {
	if e.options.WaitOut {
		return 1
	}
	return 0
}

// Leader implements coordination.Leadership.
func (e *election) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	const operation = "leader"
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return coordination.Leader{}, false, err
	}
	reply, err := e.c.run(ctx, operation, leaderScript, e.keys)
	fields, err := e.c.toStrings(operation, reply, err)
	if err != nil || len(fields) == 0 {
		return coordination.Leader{}, false, err
	}
	if len(fields) != 3 {
		return coordination.Leader{}, false, e.c.unexpected(operation, reply)
	}
	term, termErr := e.toTerm(operation, reply, fields[1])
	left, leftErr := strconv.ParseInt(fields[2], 10, 64)
	if termErr != nil || leftErr != nil {
		return coordination.Leader{}, false, e.c.unexpected(operation, reply)
	}
	e.known.saw(term)
	left = min(left, math.MaxInt64/int64(time.Microsecond)) // the server rounds very long ones up
	return coordination.Leader{NodeID: fields[0], Term: term, Remaining: time.Duration(left) * time.Microsecond}, true, nil
}
