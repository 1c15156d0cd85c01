package sync

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// wireOperation is an operation as JSON; the package documentation describes the
// fields.
type wireOperation struct {
	ID        string        `json:"id,omitempty"`
	Type      OperationType `json:"operation_type,omitempty"`
	Key       string        `json:"key,omitempty"`
	KeyBytes  []byte        `json:"key_bytes,omitempty"`
	Value     []byte        `json:"value,omitempty"`
	TTL       float64       `json:"ttl,omitempty"`
	Timestamp time.Time     `json:"timestamp,omitzero"`
	Priority  int           `json:"priority,omitempty"`
	Stamp     int64         `json:"stamp,omitempty"`
	Logical   uint32        `json:"logical,omitempty"`
	Seq       uint64        `json:"seq,omitempty"`
}

// wireMessage is a message as JSON. One that carries a single operation, or a
// heartbeat, has the operation's fields beside its own. The order of those up to
// the operations is what echo goes by.
type wireMessage struct {
	Version    int             `json:"version,omitempty"`
	Origin     string          `json:"origin_node"`
	Epoch      uint64          `json:"epoch,omitempty"`
	Beat       uint64          `json:"beat,omitempty"`
	Operations []wireOperation `json:"operations,omitempty"`
	wireOperation
	Clock        int64       `json:"clock,omitempty"`
	ClockLogical uint32      `json:"clock_logical,omitempty"`
	Term         uint64      `json:"term,omitempty"`
	Released     bool        `json:"released,omitempty"`
	Leaving      bool        `json:"leaving,omitempty"`
	Seen         []wireSeen  `json:"seen,omitempty"`
	Request      *wireReplay `json:"request,omitempty"`
	Refused      *wireReplay `json:"refused,omitempty"`
}

type wireSeen struct {
	Node  string `json:"node"`
	Epoch uint64 `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

type wireReplay struct {
	Epoch uint64      `json:"epoch"`
	Spans [][2]uint64 `json:"spans"`
}

// encode writes a message.
func encode(m *message) []byte {
	wire := wireMessage{
		Version: version,
		Origin:  m.origin.node, Epoch: m.origin.epoch,
		Clock: m.clock.Wall, ClockLogical: m.clock.Logical,
		Request: toWireReplay(m.request), Refused: toWireReplay(m.refused),
	}
	if len(m.operations) == 1 && m.operations[0].Seq == m.last {
		operation := m.operations[0]
		if operation.ID == "" {
			operation.ID = operation.Origin + "/" + strconv.FormatUint(operation.Epoch, 36) + "/" + strconv.FormatUint(operation.Seq, 10)
		}
		wire.wireOperation = toWire(operation)
		wire.Timestamp = operation.Timestamp.UTC()
		return marshal(&wire)
	}
	wire.Seq = m.last
	if len(m.operations) > 0 {
		wire.Operations = make([]wireOperation, len(m.operations))
		for i, operation := range m.operations {
			wire.Operations[i] = toWire(operation)
		}
	}
	if beat := m.heartbeat; beat != nil {
		wire.Type, wire.Timestamp = Heartbeat, beat.wall
		wire.ID = m.origin.node + "/" + strconv.FormatUint(m.origin.epoch, 36) + "/beat/" + strconv.FormatUint(beat.beat, 10)
		wire.Beat, wire.Term, wire.Released, wire.Leaving = beat.beat, beat.term, beat.released, beat.leaving
		for _, mention := range beat.seen {
			wire.Seen = append(wire.Seen, wireSeen{Node: mention.of.node, Epoch: mention.of.epoch, Seq: mention.last})
		}
	}
	return marshal(&wire)
}

func marshal(wire *wireMessage) []byte {
	payload, _ := json.Marshal(wire) // there is nothing in it that has no form
	return payload
}

// echo is how the messages of an incarnation begin. By it a node knows its own
// operations, which come back as anybody's do, without reading them.
type echo []byte

func newEcho(self incarnation) echo {
	begins := marshal(&wireMessage{Version: version, Origin: self.node, Epoch: self.epoch})
	begins[len(begins)-1] = ','
	return begins
}

// has reports whether payload is operations of the incarnation, and nothing else.
func (e echo) has(payload []byte) bool {
	rest, own := bytes.CutPrefix(payload, e)
	return own && (bytes.HasPrefix(rest, []byte(`"operations":`)) || bytes.HasPrefix(rest, []byte(`"id":`)))
}

// toWire leaves the timestamp out: among others the stamp tells it well enough.
func toWire(operation Operation) wireOperation {
	wire := wireOperation{
		ID: operation.ID, Type: operation.Type,
		Value: operation.Value, TTL: seconds(operation.TTL),
		Priority: operation.Priority,
		Stamp:    operation.Stamp.Wall, Logical: operation.Stamp.Logical,
		Seq: operation.Seq,
	}
	if utf8.ValidString(operation.Key) {
		wire.Key = operation.Key
	} else {
		wire.KeyBytes = []byte(operation.Key)
	}
	return wire
}

// decode reads a message. Where it is of a newer version only the origin, its
// last number and its clock are there, with unread saying so. An error means
// that nothing could be read.
func decode(payload []byte) (*message, error) {
	var wire wireMessage
	if err := json.Unmarshal(payload, &wire); err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	m := &message{
		origin: incarnation{wire.Origin, wire.Epoch},
		last:   wire.Seq,
		clock:  Stamp{Wall: wire.Clock, Logical: wire.ClockLogical, Node: wire.Origin, Epoch: wire.Epoch},
	}
	switch {
	case wire.Version > version:
		m.unread = fmt.Errorf("version %d: %w", wire.Version, errVersion)
	case wire.Type == Heartbeat:
		m.heartbeat = wire.toHeartbeat()
	case wire.Type != "":
		m.operations = []Operation{wire.toOperation(&wire.wireOperation)}
	default:
		m.operations = make([]Operation, len(wire.Operations))
		for i := range wire.Operations {
			m.operations[i] = wire.toOperation(&wire.Operations[i])
		}
		m.request, m.refused = wire.Request.toReplay(), wire.Refused.toReplay()
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

func (w *wireMessage) toHeartbeat() *heartbeat {
	beat := &heartbeat{beat: w.Beat, wall: w.Timestamp, term: w.Term, released: w.Released, leaving: w.Leaving}
	for _, mention := range w.Seen {
		beat.seen = append(beat.seen, seen{incarnation{mention.Node, mention.Epoch}, mention.Seq})
	}
	return beat
}

// toOperation gives one without a stamp, as the first generation sends it, that
// of its timestamp.
func (w *wireMessage) toOperation(o *wireOperation) Operation {
	operation := Operation{
		ID: o.ID, Type: o.Type, Key: o.Key, Value: o.Value,
		Timestamp: o.Timestamp, Origin: w.Origin, Priority: o.Priority, Epoch: w.Epoch, Seq: o.Seq,
		Stamp: Stamp{Wall: o.Stamp, Logical: o.Logical, Priority: o.Priority, Node: w.Origin, Epoch: w.Epoch},
	}
	if len(o.KeyBytes) > 0 {
		operation.Key = string(o.KeyBytes)
	}
	if operation.Stamp.Wall == 0 && !o.Timestamp.IsZero() {
		operation.Stamp.Wall = o.Timestamp.UnixMicro()
	} else if o.Timestamp.IsZero() {
		operation.Timestamp = time.UnixMicro(o.Stamp)
	}
	if o.Type == Set && o.Value == nil {
		operation.Value = []byte{}
	}
	operation.TTL = fromSeconds(o.TTL)
	return operation
}

// fromSeconds makes -1, which no check lets pass, of what is no time to live.
func fromSeconds(seconds float64) time.Duration {
	millis := math.Round(seconds * 1000)
	switch {
	case seconds == 0:
		return 0
	case seconds < 0 || millis > math.MaxInt64/float64(time.Millisecond):
		return -1
	}
	return time.Duration(max(millis, 1)) * time.Millisecond
}

func toWireReplay(named *replay) *wireReplay {
	if named == nil {
		return nil
	}
	wire := &wireReplay{Epoch: named.epoch, Spans: make([][2]uint64, len(named.spans))}
	for i, numbers := range named.spans {
		wire.Spans[i] = [2]uint64{numbers.from, numbers.to}
	}
	return wire
}

func (w *wireReplay) toReplay() *replay {
	if w == nil {
		return nil
	}
	named := &replay{epoch: w.Epoch, spans: make([]span, len(w.Spans))}
	for i, numbers := range w.Spans {
		named.spans[i] = span{numbers[0], numbers[1]}
	}
	return named
}
