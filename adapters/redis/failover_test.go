package redis_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

const lease = 400 * time.Millisecond

var waitingOut = withLeadership(redis.LeadershipOptions{WaitOut: true})

// expectWait fails if a node acquires the lease earlier than after the given time.
func expectWait(t *testing.T, handle *redis.Coordination, node string, start time.Time, least time.Duration) {
	t.Helper()
	took := eventuallyLeads(t, handle, node, lease).Sub(start)
	if took < least || took > least+time.Second {
		t.Errorf("%s leads after %v, want %v", node, took, least)
	}
}

func TestWaitOutDelaysTheFirstLeaderByOneLease(t *testing.T) {
	handle := open(t, private(t).URL(), waitingOut)
	start := time.Now()
	loses(t, handle, "node", lease)
	if _, found, err := handle.Leader(t.Context()); found || err != nil {
		t.Errorf("Leader = %v, %v", found, err)
	}
	expectWait(t, handle, "node", start, lease)
}

func TestWaitOutDelaysTheSuccessorOfAHolderThatVanished(t *testing.T) {
	server := private(t)
	one, other := open(t, server.URL(), waitingOut), open(t, server.URL(), waitingOut)
	eventuallyLeads(t, one, "one", lease)
	start := time.Now()
	leads(t, one, "one", lease)
	expectWait(t, other, "other", start, 2*lease)
}

func TestWaitOutDelaysNeitherARenewalNorTheSuccessorOfARelease(t *testing.T) {
	server := private(t)
	one, other := open(t, server.URL(), waitingOut), open(t, server.URL(), waitingOut)
	eventuallyLeads(t, one, "one", lease)
	term := leads(t, one, "one", time.Minute)
	if again := leads(t, one, "one", time.Minute); again != term {
		t.Errorf("the renewal changes term %d to %d", term, again)
	}
	if released, err := one.ReleaseLeadership(within(t), "one"); !released || err != nil {
		t.Fatal(released, err)
	}
	leads(t, other, "other", lease)
}

func TestWaitOutLetsACandidateFollowItself(t *testing.T) {
	handle := open(t, private(t).URL(), waitingOut)
	eventuallyLeads(t, handle, "node", lease)
	term := leads(t, handle, "node", time.Millisecond)
	for ctx := within(t); ; {
		if _, found, err := handle.Leader(ctx); err != nil {
			t.Fatal(err)
		} else if !found {
			break
		}
	}
	if next := leads(t, handle, "node", time.Minute); next <= term {
		t.Errorf("term %d follows %d", next, term)
	}
}

func TestWaitOutDelaysTheSuccessorWhenTheRecordIsLost(t *testing.T) {
	server := private(t)
	one, other := open(t, server.URL(), waitingOut), open(t, server.URL(), waitingOut)
	eventuallyLeads(t, one, "one", lease)
	term := leads(t, one, "one", lease)
	start := time.Now()
	raw(t, server.Address).FlushAll(t.Context())
	expectWait(t, other, "other", start, lease)
	leader, _, err := other.Leader(t.Context())
	if err != nil || leader.Term <= term {
		t.Errorf("term %d follows %d, %v", leader.Term, term, err)
	}
}

func TestWaitOutLetsALiveHolderGoOnWhenTheRecordIsLost(t *testing.T) {
	server := private(t)
	one, other := open(t, server.URL(), waitingOut), open(t, server.URL(), waitingOut)
	eventuallyLeads(t, one, "one", time.Second)
	term := leads(t, one, "one", time.Minute)
	raw(t, server.Address).FlushAll(t.Context())
	loses(t, other, "other", time.Minute) // has begun to wait out
	if next := leads(t, one, "one", time.Minute); next <= term {
		t.Errorf("term %d follows %d", next, term)
	}
	loses(t, other, "other", time.Minute)
}

// failover lets a candidate lead on the primary, lose its last writes, and connects
// both candidates to the replica that was promoted.
type failover struct {
	primary, replica *redistest.Server
	address          atomic.Value // that the handles connect to
}

func newFailover(t *testing.T) *failover {
	primary, replica := replicated(t)
	f := &failover{primary: primary, replica: replica}
	f.address.Store(primary.Address)
	return f
}

func (f *failover) open(t *testing.T) *redis.Coordination {
	return f.openWith(t, waitingOut.Leadership)
}

func (f *failover) openWith(t *testing.T, leadership redis.LeadershipOptions) *redis.Coordination {
	options := *withLeadership(leadership)
	options.Dialer = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, f.address.Load().(string))
	}
	return open(t, f.primary.URL(), &options)
}

// over makes the replica the primary, and the handles find it.
func (f *failover) over(t *testing.T, handles ...*redis.Coordination) {
	t.Helper()
	promote(t, f.replica)
	f.address.Store(f.replica.Address)
	f.primary.Stop()
	for _, handle := range handles {
		for ctx := within(t); ; {
			if _, err := handle.Stats(ctx); err == nil {
				break
			} else if ctx.Err() != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestWaitOutLetsALiveHolderRenewAfterAFailover(t *testing.T) {
	f := newFailover(t)
	one, other := f.open(t), f.open(t)
	eventuallyLeads(t, one, "one", lease)
	term := leads(t, one, "one", time.Minute)
	acknowledged(t, f.primary)
	f.over(t, one, other)
	loses(t, other, "other", time.Minute)
	if again := leads(t, one, "one", time.Minute); again != term {
		t.Errorf("the renewal changes term %d to %d", term, again)
	}
	loses(t, other, "other", time.Minute)
}

func TestWaitOutDelaysTheSuccessorAfterAFailover(t *testing.T) {
	f := newFailover(t)
	one, other := f.open(t), f.open(t)
	eventuallyLeads(t, one, "one", time.Millisecond)
	if _, err := one.ReleaseLeadership(within(t), "one"); err != nil {
		t.Fatal(err)
	}
	acknowledged(t, f.primary)
	detached(t, f.replica)
	term := leads(t, one, "one", lease) // which the failover loses
	f.over(t, one, other)
	start := time.Now()
	loses(t, other, "other", lease)
	expectWait(t, other, "other", start, lease)
	leader, _, err := other.Leader(t.Context())
	if err != nil || leader.Term <= term {
		t.Errorf("term %d follows %d, %v", leader.Term, term, err)
	}
}

// The record names one again as the holder, which has released the lease. Its
// successor, of which the new primary does not know, still leads.
func TestWaitOutDoesNotBelieveARecordFromBeforeAFailover(t *testing.T) {
	f := newFailover(t)
	one, other := f.open(t), f.open(t)
	eventuallyLeads(t, one, "one", lease)
	leads(t, one, "one", time.Minute)
	acknowledged(t, f.primary)
	detached(t, f.replica)
	if released, err := one.ReleaseLeadership(within(t), "one"); !released || err != nil {
		t.Fatal(released, err)
	}
	term := leads(t, other, "other", time.Minute)
	f.over(t, one, other)
	loses(t, one, "one", time.Minute)
	if released, err := one.ReleaseLeadership(within(t), "one"); released || err != nil {
		t.Errorf("ReleaseLeadership = %v, %v", released, err)
	}
	if next := leads(t, other, "other", time.Minute); next <= term {
		t.Errorf("term %d follows %d", next, term)
	}
	loses(t, one, "one", time.Minute)
}

// A renewal keeps its term, but one has released that lease, and other led after it.
func TestAReleasedTermDoesNotComeBackWithAFailover(t *testing.T) {
	f := newFailover(t)
	one, other := f.openWith(t, redis.LeadershipOptions{}), f.openWith(t, redis.LeadershipOptions{})
	leads(t, one, "one", time.Minute)
	acknowledged(t, f.primary)
	detached(t, f.replica)
	if released, err := one.ReleaseLeadership(within(t), "one"); !released || err != nil {
		t.Fatal(released, err)
	}
	before := leads(t, other, "other", time.Minute)
	f.over(t, one, other)
	if term := leads(t, one, "one", time.Minute); term <= before {
		t.Errorf("term %d follows %d", term, before)
	}
}

// While the others wait a lease out, the record must not say that a holder leads whose
// own lease has expired or was released.
func TestAHolderDoesNotLeadLongerBecauseItsLeaseIsWaitedOut(t *testing.T) {
	for _, releases := range []bool{true, false} {
		f := newFailover(t)
		one, other := f.open(t), f.open(t)
		eventuallyLeads(t, one, "one", lease)
		if releases {
			leads(t, one, "one", time.Minute)
			if released, err := one.ReleaseLeadership(within(t), "one"); !released || err != nil {
				t.Fatal(released, err)
			}
		}
		acknowledged(t, f.primary)
		f.over(t, one, other)
		loses(t, other, "other", time.Minute) // begins to wait out
		eventually(t, "nobody leads", func() bool {
			_, found, err := other.Leader(within(t))
			stats, statsErr := other.Stats(within(t))
			return err == nil && !found && statsErr == nil && stats.Leader == ""
		})
	}
}
