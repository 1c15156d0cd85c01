package redis

import (
	"context"
	"crypto/rand"
	"time"
)

// echo is what the link knows of its probes. The link's mutex guards the fields.
//
// A PONG proves that the server at the other end answers, not that messages arrive: a
// former primary answers for as long as it runs. So three times within the time-out the
// handle publishes a probe to its own inbox, on the connection of its publishes, and
// waits for two thirds of it until the link receives it. So a link that turns deaf is
// found out within the time-out.
type echo struct {
	member *member       // of the inbox
	token  string        // of the probe under way
	heard  chan struct{} // closed when it arrives
	lag    time.Duration // of the last one that arrived
}

// watch sends the probes until the handle closes. A probe that does not arrive drops
// all connections to the server, and the address is resolved again.
func (l *link) watch() {
	ticker := time.NewTicker(l.timeout / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if !l.isDown() && l.isDeaf() {
				l.c.home.drop(errDeaf)
			}
		case <-l.c.closing.Done():
			return
		}
	}
}

// isDeaf reports whether a probe was published and did not arrive. A probe that could
// not be published proves nothing, and one during which the link broke proves nothing
// either.
func (l *link) isDeaf() bool {
	ctx, cancel := context.WithTimeout(l.c.closing, l.timeout)
	defer cancel()
	token, heard, breaks, ready := l.expect(ctx)
	if !ready {
		return false
	}
	began := time.Now()
	if _, err := l.c.do(ctx, l.c.names.publish(), l.echo.member.topic.name, token); err != nil {
		return false
	}
	// The probe waits its turn on the link, maybe behind large messages. So it is late
	// only after the PONG of a PING that was sent once the probe was published.
	pong := l.ping()
	timer := time.NewTimer(l.timeout * 2 / 3)
	defer timer.Stop()
	for late, passed := timer.C, false; late != nil || !passed; {
		select {
		case <-heard:
			l.arrived(time.Since(began))
			return false
		case <-late:
			late = nil
		case err := <-pong:
			if err != nil {
				return false
			}
			pong, passed = nil, true
		case <-l.c.closing.Done():
			return false
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.breaks == breaks
}

// expect returns the token of a new probe, a channel that is closed when the probe
// arrives, how often the link broke so far, and whether the server has confirmed
// the inbox.
func (l *link) expect(ctx context.Context) (token string, heard <-chan struct{}, breaks uint64, ready bool) {
	if l.echo.member == nil {
		inbox := &member{topic: l.c.names.inbox(l.c.id), hear: l.hearProbe, regained: func() {}}
		if err := l.join(ctx, inbox); err != nil {
			l.leave(inbox)
			return "", nil, 0, false
		}
		l.echo.member = inbox // only this goroutine uses it
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.echo.token, l.echo.heard = "probe "+rand.Text(), make(chan struct{})
	return l.echo.token, l.echo.heard, l.breaks, l.isConfirmed(l.echo.member.topic)
}

// hearProbe is called with the link's mutex held.
func (l *link) hearProbe(payload string) {
	if payload == l.echo.token {
		l.echo.token = ""
		close(l.echo.heard)
	}
}

func (l *link) arrived(lag time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.echo.lag = lag
}

// lag returns how long the last probe took, "" if none has arrived yet.
func (l *link) lag() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.echo.lag == 0 {
		return ""
	}
	return l.echo.lag.String()
}

// ping asks for a PONG. What it returns receives nil when the PONG is read, or the
// error with which the link broke.
func (l *link) ping() <-chan error {
	m := &member{joined: make(chan error, 1)} // of no topic
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		m.joined <- l.down
	} else {
		l.joins = append(l.joins, m)
		l.nudge()
	}
	return m.joined
}
