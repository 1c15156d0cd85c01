package honest_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks/honest"
)

const (
	rises    = "Each new acquisition has a term strictly greater than every term before it"
	positive = "Terms are greater than zero"
	owned    = "if this candidate holds it"
)

// lease is a wrapped Leadership whose answers the steps put in.
type lease struct {
	*recorder
	coordination.Leadership
	answers *port
}

func newLease() *lease {
	l := &lease{recorder: &recorder{}, answers: &port{}}
	l.Leadership = honest.Leadership(l.recorder, l.answers)
	return l
}

// step is a call, what is answered to it, and which promise that breaks, if any.
type step struct {
	title   string
	answers port
	call    func(ctx context.Context, l *lease)
	lie     string
	during  []step
}

func (s step) lies(promise string) step  { s.lie = promise; return s }
func (s step) while(during ...step) step { s.during = during; return s }

func (l *lease) play(t *testing.T, steps ...step) {
	t.Helper()
	for i, s := range steps {
		*l.answers = s.answers
		l.answers.during = func() {
			l.play(t, s.during...)
			*l.answers = s.answers
		}
		s.call(t.Context(), l)
		t.Logf("step %d: %s", i+1, s.title)
		l.expect(t, s.lie)
	}
}

func try(nodeID string, answers port) step {
	return step{title: fmt.Sprintf("%s tries: %d, %v", nodeID, answers.term, answers.err), answers: answers,
		call: func(ctx context.Context, l *lease) { l.TryAcquireLeadership(ctx, nodeID, 10*time.Second) }}
}

func acquires(nodeID string, term uint64) step { return try(nodeID, port{term: term, found: true}) }

func isRefused(nodeID string) step { return try(nodeID, port{}) }

func fails(nodeID string) step { return try(nodeID, port{err: coordination.ErrUnavailable}) }

func releases(nodeID string, released bool) step {
	return step{title: fmt.Sprintf("%s releases: %v", nodeID, released), answers: port{removed: released},
		call: func(ctx context.Context, l *lease) { l.ReleaseLeadership(ctx, nodeID) }}
}

func leads(nodeID string, term uint64) step {
	return step{title: fmt.Sprintf("%s leads: %d", nodeID, term),
		answers: port{found: true, leader: coordination.Leader{NodeID: nodeID, Term: term, Remaining: time.Second}},
		call:    func(ctx context.Context, l *lease) { l.Leader(ctx) }}
}

func nobodyLeads() step {
	return step{title: "nobody leads", call: func(ctx context.Context, l *lease) { l.Leader(ctx) }}
}

func TestTermsRise(t *testing.T) {
	for title, steps := range map[string][]step{
		"a renewal":                    {acquires("a", 5), acquires("a", 5)},
		"after an end unseen":          {acquires("a", 5), acquires("a", 6), acquires("b", 9)},
		"one that falls":               {acquires("a", 5), acquires("a", 4).lies(rises), acquires("a", 5)},
		"one that falls for another":   {acquires("a", 5), acquires("b", 4).lies(rises)},
		"one of another":               {acquires("a", 5), acquires("b", 5).lies(rises)},
		"below that of a leader":       {leads("b", 5), acquires("a", 4).lies(rises)},
		"of another leader":            {leads("b", 5), acquires("a", 5).lies(rises)},
		"of a leader that it may be":   {fails("a"), leads("a", 5), acquires("a", 5)},
		"of a leader that falls":       {leads("b", 5), leads("b", 4).lies(rises)},
		"of a leader below an own one": {acquires("a", 5), leads("b", 4).lies(rises)},
		"of two leaders":               {leads("a", 5), leads("b", 5).lies(rises)},
		"of a leader and an own one":   {acquires("a", 5), leads("b", 5).lies(rises)},
		"the own one of a leader":      {acquires("a", 5), leads("a", 5)},
		"after a release":              {acquires("a", 5), releases("a", true), acquires("a", 5).lies(rises), acquires("a", 6)},
		"of a leader after a release":  {acquires("a", 5), releases("a", true), leads("a", 5).lies(rises)},
		"while nobody leads":           {acquires("a", 5), nobodyLeads(), acquires("a", 5).lies(rises), acquires("a", 6)},
		"after a refusal":              {acquires("a", 5), isRefused("a"), acquires("a", 5).lies(rises), acquires("a", 6)},
		"after a release in vain":      {acquires("a", 5), releases("a", false), acquires("a", 5).lies(rises)},
		"another's refusal":            {acquires("a", 5), isRefused("b"), acquires("a", 5)},
		"another's release in vain":    {acquires("a", 5), releases("b", false), acquires("a", 5)},
		"namesake elsewhere":           {leads("a", 5), isRefused("a"), leads("a", 5), acquires("a", 5).lies(rises)},
		"the greatest":                 {acquires("a", math.MaxUint64), acquires("a", math.MaxUint64)},
		"zero":                         {acquires("a", 0).lies(positive)},
		"zero, later":                  {acquires("a", 5), acquires("a", 0).lies(positive)},
		"a leader's of zero":           {leads("a", 0).lies(positive)},
		"a term that was not acquired": {try("a", port{term: 5}).lies("If acquired is false, term is 0.")},
	} {
		t.Run(title, func(t *testing.T) { newLease().play(t, steps...) })
	}
}

// What is answered to a call is true of some moment while it lasts.
func TestCallsAtTheSameTimeBindOneAnotherLess(t *testing.T) {
	for title, steps := range map[string][]step{
		"an older acquisition is told later": {
			acquires("a", 4).while(acquires("b", 5)), acquires("a", 4).lies(rises),
		},
		"not so far that two share a term":  {acquires("a", 5).while(acquires("b", 5)).lies(rises)},
		"an older leader is told later":     {leads("a", 4).while(acquires("b", 5))},
		"a release of an older lease":       {acquires("a", 4), releases("a", true).while(acquires("a", 5)), acquires("a", 5)},
		"an acquisition before the release": {acquires("a", 5).while(releases("a", true)), acquires("a", 5)},
		"an acquisition after a refusal":    {isRefused("a").while(acquires("a", 5)), acquires("a", 5)},
		"an end before the acquisition":     {nobodyLeads().while(acquires("a", 5)), acquires("a", 5)},
		"a release while it is acquired":    {acquires("a", 5).while(releases("a", true))},
		"a release of what it acquires":     {releases("a", true).while(acquires("a", 5))},
		"a release of what it may acquire":  {releases("a", true).while(fails("a"))},
		"a release after a refusal":         {isRefused("a").while(acquires("a", 5)), releases("a", true)},
		"a release after an end":            {nobodyLeads().while(acquires("a", 5)), releases("a", true)},
		"a release while it is refused":     {acquires("a", 5), isRefused("a").while(releases("a", true))},
	} {
		t.Run(title, func(t *testing.T) { newLease().play(t, steps...) })
	}
}

func TestOnlyAHolderReleases(t *testing.T) {
	invalid := try("a", port{err: coordination.ErrInvalidArgument}).lies("ErrInvalidArgument says")
	for title, steps := range map[string][]step{
		"a holder":                  {acquires("a", 5), releases("a", true)},
		"again":                     {acquires("a", 5), releases("a", true), releases("a", true).lies(owned)},
		"again, and in vain":        {acquires("a", 5), releases("a", true), releases("a", false)},
		"another lease":             {acquires("a", 5), releases("a", true), acquires("a", 6), releases("a", true)},
		"nobody":                    {releases("a", true).lies(owned)},
		"in vain":                   {releases("a", false)},
		"another":                   {acquires("a", 5), releases("b", true).lies(owned), releases("a", true)},
		"who was refused":           {isRefused("a"), releases("a", true).lies(owned)},
		"who was succeeded":         {acquires("a", 5), acquires("b", 6), releases("a", true).lies(owned)},
		"who was succeeded, unseen": {acquires("a", 5), leads("b", 6), releases("a", true).lies(owned)},
		"who no longer leads":       {acquires("a", 5), nobodyLeads(), releases("a", true).lies(owned)},
		"who leads":                 {acquires("a", 5), leads("a", 5), releases("a", true)},
		"another's namesake":        {leads("a", 5), releases("a", true).lies(owned)},
		"who may lead":              {fails("a"), releases("a", true)},
		"who may come to lead":      {fails("a"), nobodyLeads(), releases("a", true)},
		"who may, after a lie":      {invalid, releases("a", true)},
	} {
		t.Run(title, func(t *testing.T) { newLease().play(t, steps...) })
	}
}

func TestATryThatWasOwedAnErrorAcquiresNothing(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	inVain := step{
		title: "a tries with a context that is done", answers: port{err: context.Canceled},
		call: func(_ context.Context, l *lease) { l.TryAcquireLeadership(cancelled, "a", time.Second) },
	}
	newLease().play(t, inVain, releases("a", true).lies(owned))
	newLease().play(t, fails("a"), inVain, releases("a", true))
}

func TestALeaderIsSomebodyForAWhile(t *testing.T) {
	const left = "Remaining is what was left of the lease"
	for title, c := range map[string]struct {
		found  bool
		leader coordination.Leader
		lie    string
	}{
		"somebody":         {true, coordination.Leader{NodeID: "b", Term: 1, Remaining: 1}, ""},
		"for centuries":    {true, coordination.Leader{NodeID: "b", Term: 1, Remaining: math.MaxInt64}, ""},
		"nobody":           {false, coordination.Leader{}, ""},
		"nobody by name":   {false, coordination.Leader{NodeID: "b"}, "Leader returns who holds the lease"},
		"nobody with term": {false, coordination.Leader{Term: 1}, "Leader returns who holds the lease"},
		"without a name":   {true, coordination.Leader{Term: 1, Remaining: 1}, "NodeID is the node ID"},
		"no longer":        {true, coordination.Leader{NodeID: "b", Term: 1}, left},
		"before":           {true, coordination.Leader{NodeID: "b", Term: 1, Remaining: -1}, left},
	} {
		t.Run(title, func(t *testing.T) {
			l := newLease()
			l.answers.found, l.answers.leader = c.found, c.leader
			leader, found, err := l.Leader(t.Context())
			if leader != c.leader || found != c.found || err != nil {
				t.Errorf("the wrapper returns %v, %v, %v", leader, found, err)
			}
			l.expect(t, c.lie)
		})
	}
}

func TestNoLeaseLastsLongerThanItWasTakenFor(t *testing.T) {
	for _, c := range []struct {
		ttls []time.Duration
		left time.Duration
		lie  string
	}{
		{[]time.Duration{time.Second}, time.Second, ""},
		{[]time.Duration{time.Second}, time.Second + 1, "at most its time to live"},
		{[]time.Duration{time.Second + 1}, time.Second + time.Millisecond, ""},
		{[]time.Duration{time.Minute, time.Second}, time.Minute, ""}, // whichever was the last
		{[]time.Duration{time.Second, time.Minute}, time.Minute + 1, "at most its time to live"},
		{[]time.Duration{math.MaxInt64}, math.MaxInt64, ""},
	} {
		t.Run(fmt.Sprint(c.ttls, c.left), func(t *testing.T) {
			l := newLease()
			l.answers.term, l.answers.found = 5, true
			for _, ttl := range c.ttls {
				l.TryAcquireLeadership(t.Context(), "a", ttl)
			}
			l.answers.leader = coordination.Leader{NodeID: "a", Term: 5, Remaining: c.left}
			l.Leader(t.Context())
			l.expect(t, c.lie)
		})
	}
}

func TestANamesakeElsewhereLeadsForAsLongAsItLikes(t *testing.T) {
	l := newLease()
	l.play(t, acquires("a", 5))
	l.answers.leader = coordination.Leader{NodeID: "a", Term: 6, Remaining: time.Hour}
	l.Leader(t.Context())
	l.expectSilence(t)
}
