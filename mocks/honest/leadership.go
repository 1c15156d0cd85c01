package honest

import (
	"context"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Leadership wraps a mock of coordination.Leadership. What it is told of terms
// holds for the whole namespace, whoever else may lead there; what it is told of
// the holder, for the candidates on this handle.
func Leadership(t T, mock coordination.Leadership) coordination.Leadership {
	t.Helper()
	if !exists(t, "Leadership", mock) {
		return nil
	}
	return newLeadership(&witness{t: t}, mock)
}

type leadership struct {
	*witness
	mock  coordination.Leadership
	terms terms
}

func newLeadership(w *witness, mock coordination.Leadership) *leadership {
	return &leadership{witness: w, mock: mock}
}

func (l *leadership) TryAcquireLeadership(
	ctx context.Context, nodeID string, ttl time.Duration,
) (uint64, bool, error) {
	l.t.Helper()
	const operation = "try acquire leadership"
	c := l.begin(ctx, "TryAcquireLeadership", []any{nodeID, ttl},
		coordination.CheckName(operation, "nodeID", nodeID),
		coordination.CheckLease(operation, ttl))
	try := l.terms.beginTry(nodeID, ttl)
	term, acquired, err := l.mock.TryAcquireLeadership(ctx, nodeID, ttl)
	switch ok := c.succeeded(failures{unavailable, mostErrors, zeroValues}, err, term, acquired); {
	case !ok:
		l.terms.failed(try, c.owed != nil && err != nil)
	case !acquired:
		l.terms.refused(try)
		if term != 0 {
			c.lie("a term came along although acquired is false", refusedTerm)
		}
	default:
		if fault := l.terms.acquired(try, term); term == 0 {
			c.lie("the term is zero", positiveTerm)
		} else if fault != "" {
			c.lie(fault, newTerm)
		}
	}
	return term, acquired, err
}

func (l *leadership) ReleaseLeadership(ctx context.Context, nodeID string) (bool, error) {
	l.t.Helper()
	c := l.begin(ctx, "ReleaseLeadership", []any{nodeID},
		coordination.CheckName("release leadership", "nodeID", nodeID))
	release := l.terms.beginRelease(nodeID)
	released, err := l.mock.ReleaseLeadership(ctx, nodeID)
	if c.succeeded(failures{unavailable, mostErrors, zeroValues}, err, released) {
		if possible := l.terms.released(release, released); released && !possible {
			c.lie(fmt.Sprintf("%s held no lease that it could release", show(nodeID)), releases)
		}
	}
	return released, err
}

func (l *leadership) Leader(ctx context.Context) (coordination.Leader, bool, error) {
	l.t.Helper()
	c := l.begin(ctx, "Leader", nil)
	look := l.terms.beginLook()
	leader, found, err := l.mock.Leader(ctx)
	if !c.succeeded(failures{unavailable, nameless, zeroValues}, err, leader, found) {
		return leader, found, err
	}
	if !found {
		l.terms.foundNobody(look)
		if isSomething(leader) {
			c.lie("a leader came along although found is false", tellsLeader)
		}
		return leader, found, err
	}
	if !isName(leader.NodeID) {
		c.lie("NodeID is empty or too long", leaderNode)
	}
	fault, longest := l.terms.found(look, leader.NodeID, leader.Term)
	switch {
	case leader.Term == 0:
		c.lie("Term is zero", positiveTerm)
	case fault != "":
		c.lie(fault, newTerm)
	}
	switch {
	case leader.Remaining <= 0:
		c.lie("nothing is left of the lease", remaining)
	case longest > 0 && leader.Remaining > longest:
		c.lie(fmt.Sprintf("the lease was taken for %v at the most", longest), remainingMost)
	}
	return leader, found, err
}
