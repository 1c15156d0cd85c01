package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

// How acknowledgement works. The publisher's frame names its handle and gives
// the message a number. Each connection that a frame reaches notes in the record
// of the message, a hash, to how many subscriptions it passes it on; each of
// those notes that it took the message, or that it was closed before. The script
// that writes a note counts what comes twice once, and publishes the counts to
// the publisher's inbox. The publisher is done when as many frames are noted as
// PUBLISH told it, and as many subscriptions as those frames announce. What it
// returns is a count of distinct subscriptions that the server made, so that
// duplicates cannot raise it; lost nudges only make it wait until the timeout,
// when it reads the record itself.

const (
	// ackLinger is how long a record outlives the publisher's timeout.
	ackLinger = 10 * time.Second

	// ackLongest bounds how long a record stays after its last note, whatever a
	// frame says: any client that may publish can write a frame.
	ackLongest = 24 * time.Hour

	// ackBacklog bounds the notes that wait for a slow server, some 100 MB. Beyond it
	// they are dropped, and the publisher counts too few.
	ackBacklog = 1 << 20

	// ackChunk is how many notes are sent at a time.
	ackChunk = 512

	// ackFlushTimeout bounds how long a part of the notes is sent again, while their
	// publishers wait. A failover takes less.
	ackFlushTimeout = 30 * time.Second

	ackCloseTimeout = time.Second
	ackReadTimeout  = 150 * time.Millisecond // beyond the publisher's own
)

// counts are what a record tells.
type counts struct{ frames, subscriptions, taken, gone int }

// complete reports whether nothing more is to come.
func (n counts) complete(frames int) bool {
	return n.frames >= frames && n.taken+n.gone >= n.subscriptions
}

// acknowledger sends the notes of this handle's subscriptions and hears of
// those on its messages.
type acknowledger struct {
	c       *Coordination
	joining chan struct{} // holds a token while the inbox is being joined

	wake    chan struct{}
	done    chan struct{}
	sending context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	inbox   bool       // is joined
	waiting map[uint64]*expectation
	notes   []note
	started bool
	stopped bool
}

func newAcknowledger(c *Coordination) *acknowledger {
	a := &acknowledger{
		c:       c,
		joining: make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		waiting: map[uint64]*expectation{},
	}
	a.sending, a.cancel = context.WithCancel(context.Background())
	return a
}

// expectation is a publisher that waits.
type expectation struct {
	a         *acknowledger
	number    uint64
	told      chan counts   // the latest counts, unless taken
	published time.Duration // how long the publish took
	again     chan struct{} // a token when nudges may have been lost
}

func (a *acknowledger) expect() *expectation {
	e := &expectation{a: a, number: rand.Uint64(), told: make(chan counts, 1), again: make(chan struct{}, 1)}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting[e.number] = e
	return e
}

func (a *acknowledger) forget(e *expectation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, e.number)
}

// listen makes sure that the inbox is joined.
func (a *acknowledger) listen(ctx context.Context) error {
	select {
	case a.joining <- struct{}{}:
		defer func() { <-a.joining }()
	case <-ctx.Done():
		return ctx.Err()
	}
	a.mu.Lock()
	joined := a.inbox
	a.mu.Unlock()
	if joined {
		return nil
	}
	inbox := &member{topic: a.c.names.inbox(a.c.id), hear: a.hear, regained: a.regained}
	if err := a.c.link.join(ctx, inbox); err != nil {
		a.c.link.leave(inbox)
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inbox = true
	return nil
}

// hear takes what ack.lua tells a publisher.
func (a *acknowledger) hear(text string) {
	var number uint64
	var told counts
	if _, err := fmt.Sscan(text, &number, &told.frames, &told.subscriptions, &told.taken, &told.gone); err != nil {
		return // not ours; the record is read at the timeout
	}
	a.mu.Lock()
	e := a.waiting[number]
	a.mu.Unlock()
	if e == nil {
		return
	}
	select { // the newest counts replace older ones; only this goroutine sends
	case <-e.told:
	default:
	}
	e.told <- told
}

// regained makes every publisher look for itself: nudges may have been lost.
func (a *acknowledger) regained() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.waiting {
		select {
		case e.again <- struct{}{}:
		default:
		}
	}
}

// until waits until the counts are complete, or bounded is done, and then reads
// the record. It gives up where ctx is done or the handle closes, and fails
// where the record can't be read and nothing is known.
func (e *expectation) until(ctx, bounded context.Context, frames int) (counts, error) {
	var last counts
	for !last.complete(frames) {
		select {
		case last = <-e.told:
		case <-e.again:
			if read, err := e.read(bounded); err == nil {
				last = read
			}
		case <-e.a.c.closing.Done():
			return counts{}, coordination.ErrClosed
		case <-bounded.Done():
			return e.atTimeout(ctx, last)
		}
	}
	return last, nil
}

func (e *expectation) atTimeout(ctx context.Context, last counts) (counts, error) {
	if ctx.Err() != nil {
		return counts{}, ctx.Err()
	}
	// The publish took a round trip; so will the read.
	ctx, cancel := context.WithTimeout(ctx, ackReadTimeout+2*e.published)
	defer cancel()
	read, err := e.read(ctx)
	if err != nil && last.taken > 0 {
		return last, nil
	}
	return read, err
}

func (e *expectation) read(ctx context.Context) (counts, error) {
	record := e.a.c.names.ackRecord(e.a.c.id, e.number)
	reply, err := e.a.c.submit(ctx, "hmget", record, "frames", "subscriptions", "taken", "gone").wait(ctx)
	if err != nil {
		return counts{}, err
	}
	var read [4]int
	fields, _ := reply.([]any)
	for i := range min(len(fields), len(read)) {
		if text, ok := fields[i].(string); ok {
			read[i], _ = strconv.Atoi(text) // what is no number was not written by us
		}
	}
	return counts{frames: read[0], subscriptions: read[1], taken: read[2], gone: read[3]}, nil
}

func (n names) ackRecord(handle string, number uint64) string {
	return n.records + "ack:" + handle + ":" + strconv.FormatUint(number, 10)
}

// receipt notes what one subscription does with one message.
type receipt struct {
	a    *acknowledger
	from *origin
	id   string
}

func (r receipt) Taken(*delivery.Subscription)     { r.a.note(note{r.from, "taken", r.id, 0}) }
func (r receipt) Abandoned(*delivery.Subscription) { r.a.note(note{r.from, "gone", r.id, 0}) }
