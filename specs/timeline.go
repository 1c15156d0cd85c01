package specs

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// remembered is how many events a timeline keeps: the last ones, since a failure
// comes of what was just done.
const remembered = 100

// timeline is what each peer did in a trial, for a failure to be understood.
type timeline struct {
	mu     sync.Mutex
	start  time.Time
	events []*event // a ring once it is full
	count  int
}

// event is one call of a peer.
type event struct {
	who, what string
	begin     time.Duration // since the start
	took      time.Duration
	answer    string // "" while it runs
}

// add begins an event and returns what ends it.
func (t *timeline) add(who, what string) (end func(answer string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.start.IsZero() {
		t.start = time.Now()
	}
	e := &event{who: who, what: what, begin: time.Since(t.start)}
	if len(t.events) < remembered {
		t.events = append(t.events, e)
	} else {
		t.events[t.count%remembered] = e
	}
	t.count++
	return func(answer string) {
		t.mu.Lock()
		defer t.mu.Unlock()
		e.took, e.answer = time.Since(t.start)-e.begin, answer
	}
}

// note adds what happened at one moment.
func (t *timeline) note(who, what string) { t.add(who, what)("done") }

// pending names the last calls that have not returned, if any.
func (t *timeline) pending() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var calls []string
	for _, e := range t.events {
		if e.answer == "" {
			calls = append(calls, e.who+"'s "+e.what)
		}
	}
	if len(calls) == 0 {
		return ""
	}
	return strings.Join(calls, " and ") + " never returns"
}

// String returns a line for each event, in the order in which they began.
func (t *timeline) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("what the peers did:\n")
	if t.count > remembered {
		fmt.Fprintf(&b, "  (%d calls before these)\n", t.count-remembered)
	}
	for i := range t.events {
		e := t.events[(t.count+i)%len(t.events)]
		if t.count <= remembered {
			e = t.events[i]
		}
		answer := "has not returned"
		if e.answer != "" {
			answer = fmt.Sprintf("%s (%v)", e.answer, e.took.Round(time.Microsecond))
		}
		fmt.Fprintf(&b, "  %10v  %-8s %s: %s\n", e.begin.Round(time.Microsecond), e.who, e.what, answer)
	}
	return b.String()
}
