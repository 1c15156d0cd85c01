package broken

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

// linkTimeout is how long a link may be silent before it is given up.
const linkTimeout = time.Second

// Why a link is of no use.
var (
	errCut    = errors.New("the link is cut")
	errSilent = errors.New("the link is silent")
	errBroken = errors.New("the link was broken meanwhile")
)

func unavailable(cause error) error {
	return fmt.Errorf("%w: %w", coordination.ErrUnavailable, cause)
}

func closed(operation string) error {
	return fmt.Errorf("%s: %w", operation, coordination.ErrClosed)
}

// condition is what a link is like.
type condition int

const (
	whole  condition = iota
	cut              // it refuses at once
	frozen           // it is silent
)

// link is what lies between a handle and the backend.
type link struct {
	messages *memory.Coordination // at the other end
	done     chan struct{}        // closed with the handle

	mu         sync.Mutex // guards what follows
	condition  condition
	everFrozen bool
	broken     int64         // how often it has been cut or frozen
	changed    chan struct{} // closed at the next change
	receptions map[*reception]struct{}
}

func newLink(messages *memory.Coordination) *link {
	return &link{
		messages:   messages,
		done:       make(chan struct{}),
		changed:    make(chan struct{}),
		receptions: map[*reception]struct{}{},
	}
}

// is returns what the link is like, and a channel that is closed once that has
// changed.
func (l *link) is() (condition, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.condition, l.changed
}

// wasFrozen reports whether it has ever been silent.
func (l *link) wasFrozen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.everFrozen
}

// breaks returns how often it has been cut or frozen.
func (l *link) breaks() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// set changes what the link is like. What it carries ends with it: the messages
// that were on their way, and those published until it is whole again.
func (l *link) set(condition condition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if condition == l.condition {
		return
	}
	l.condition = condition
	l.everFrozen = l.everFrozen || condition == frozen
	if condition != whole {
		l.broken++
	}
	for r := range l.receptions {
		r.interrupt(condition == whole)
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// await waits for as long as a call does on a link that is not whole, and
// returns why it fails.
func (l *link) await(ctx context.Context) error {
	condition, changed := l.is()
	if condition == cut {
		return unavailable(errCut)
	}
	silence := time.NewTimer(linkTimeout)
	defer silence.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-l.done:
		return closed("waiting for the backend")
	case <-changed:
		return unavailable(errBroken)
	case <-silence.C:
		return unavailable(errSilent)
	}
}

// reception is a subscription over a link. The lock of the link guards it.
type reception struct {
	link    *link
	pattern string
	done    chan struct{} // closed by Close

	inner  coordination.Subscription // nil while the link is not whole
	lost   bool                      // and not told yet
	closed bool
}

// receive makes a subscription at the other end one over the link.
func (l *link) receive(pattern string, inner coordination.Subscription) (coordination.Subscription, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.condition != whole {
		_ = inner.Close() // always nil
		return nil, unavailable(errBroken)
	}
	r := &reception{link: l, pattern: pattern, done: make(chan struct{}), inner: inner}
	l.receptions[r] = struct{}{}
	return r, nil
}

// interrupt is called with the lock held when the link breaks or is mended.
func (r *reception) interrupt(mended bool) {
	if r.inner != nil {
		_ = r.inner.Close() // always nil
		r.inner = nil
	}
	r.lost = true
	if mended {
		// It fails only where the handle is closed.
		r.inner, _ = r.link.messages.Subscribe(context.Background(), r.pattern)
	}
}

// Next implements coordination.Subscription.
func (r *reception) Next(ctx context.Context) (coordination.Message, error) {
	if err := coordination.CheckContext("next", ctx); err != nil {
		return coordination.Message{}, err
	}
	for {
		inner, changed, err := r.look(ctx)
		if err != nil {
			return coordination.Message{}, err
		}
		if inner != nil {
			if message, err := inner.Next(ctx); !errors.Is(err, coordination.ErrClosed) {
				return message, err
			}
			continue // it was closed by whom?
		}
		select {
		case <-changed:
		case <-r.done:
		case <-r.link.done:
		case <-ctx.Done():
		}
	}
}

// look returns what Next has to return, if that is known without a message, and
// otherwise what to wait for.
func (r *reception) look(ctx context.Context) (inner coordination.Subscription, changed <-chan struct{}, err error) {
	r.link.mu.Lock()
	defer r.link.mu.Unlock()
	select {
	case <-r.link.done:
		return nil, nil, closed("next")
	default:
	}
	if r.closed {
		return nil, nil, closed("next")
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if r.inner != nil && r.lost {
		r.lost = false
		return nil, nil, &coordination.MessagesLostError{}
	}
	return r.inner, r.link.changed, nil
}

// Close implements coordination.Subscription.
func (r *reception) Close() error {
	r.link.mu.Lock()
	defer r.link.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	close(r.done)
	delete(r.link.receptions, r)
	if r.inner != nil {
		_ = r.inner.Close() // always nil
	}
	return nil
}
