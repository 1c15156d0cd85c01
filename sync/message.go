package sync

import (
	"errors"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// message is what one publish carries: operations, a heartbeat, or a word about
// operations that were lost; see the package documentation for its form on the
// wire.
type message struct {
	origin incarnation
	last   uint64 // the highest number that the origin has given
	clock  Stamp  // the origin's when it sent this: above all that it has numbered

	operations []Operation
	heartbeat  *heartbeat
	request    *replay // operations of the addressee that the origin asks for
	refused    *replay // operations of the origin's own that it can't tell again

	// unread says why some of the message, or all but what is above, could not
	// be read.
	unread error
}

// incarnation is a node from its start to its end. An epoch of 0 is that of a
// sender that does not number.
type incarnation struct {
	node  string
	epoch uint64
}

// heartbeat is a sign of life.
type heartbeat struct {
	beat     uint64    // its number, for its own sender
	wall     time.Time // the clock on the wall
	term     uint64    // of the leadership, 0 where the node does not lead
	released bool      // the node has given up the leadership
	leaving  bool      // the node ends
	seen     []seen
}

// seen is how far a node knows another one's numbers to go.
type seen struct {
	of   incarnation
	last uint64
}

// replay names operations by their numbers.
type replay struct {
	epoch uint64
	spans []span
}

// span is the numbers from the first to the last, both included.
type span struct{ from, to uint64 }

func (s span) len() uint64 { return s.to - s.from + 1 }

var (
	errVersion = errors.New("unknown version")
	errContent = errors.New("bad content")
)

const (
	// version is that of the messages written here, and the highest one read.
	version = 1
	// maxExact is the greatest number that every JSON reader takes exactly.
	maxExact = 1<<53 - 1
	// maxParts is how many operations, or nodes that were seen, one message may
	// hold: whatever Limits a sender has, a reader knows what it is in for.
	maxParts = 4096
)

// numbered reports whether the origin numbers its operations.
func (m *message) numbered() bool { return m.origin.epoch != 0 }

// check refuses a message that no node can have meant, and drops operations that
// can't be read.
func (m *message) check() error {
	if err := checkNode("read", "origin_node", m.origin.node); err != nil {
		return err
	}
	if m.last > maxExact || !m.clock.readable() {
		return fmt.Errorf("seq %d or clock %d: %w", m.last, m.clock.Wall, errContent)
	}
	if len(m.operations) > maxParts || len(m.mentions()) > maxParts {
		return fmt.Errorf("%d operations, %d seen: %w", len(m.operations), len(m.mentions()), errContent)
	}
	kept := m.operations[:0]
	for _, operation := range m.operations {
		if err := m.checkOperation(operation); err != nil {
			m.unread = err
			continue
		}
		kept = append(kept, operation)
	}
	m.operations = kept
	for _, mention := range m.mentions() {
		if err := checkNode("read", "seen", mention.of.node); err != nil || mention.last > maxExact {
			return fmt.Errorf("seen %q %d: %w", mention.of.node, mention.last, errContent)
		}
	}
	for _, named := range []*replay{m.request, m.refused} {
		if named != nil && !named.readable() {
			return fmt.Errorf("numbers %v: %w", named.spans, errContent)
		}
	}
	return nil
}

func (m *message) checkOperation(operation Operation) error {
	if err := operation.check("read"); err != nil {
		return err
	}
	if operation.Stamp.Wall == 0 {
		return fmt.Errorf("no stamp: %w", errContent)
	}
	if operation.Type == Heartbeat || m.numbered() != (operation.Seq > 0) || operation.Seq > m.last {
		return fmt.Errorf("%s number %d of %d: %w", operation.Type, operation.Seq, m.last, errContent)
	}
	return nil
}

// newest is the newest stamp in the message.
func (m *message) newest() Stamp {
	newest := m.clock
	for _, operation := range m.operations {
		newest = latest(newest, operation.Stamp)
	}
	return newest
}

func (m *message) mentions() []seen {
	if m.heartbeat == nil {
		return nil
	}
	return m.heartbeat.seen
}

func (s Stamp) readable() bool { return s.Wall >= 0 && s.Wall <= maxExact }

// readable reports whether the spans ascend, so that none asks twice for the same.
func (r *replay) readable() bool {
	last := uint64(0)
	for _, numbers := range r.spans {
		if numbers.from <= last || numbers.from > numbers.to || numbers.to > maxExact {
			return false
		}
		last = numbers.to
	}
	return len(r.spans) > 0
}

// seconds is the form of a time to live on the wire.
func seconds(ttl time.Duration) float64 { return float64(coordination.Millis(ttl)) / 1000 }
