package sync

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
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
// heartbeat, has the operation's fields beside its own.
type wireMessage struct {
	Version int    `json:"version,omitempty"`
	Origin  string `json:"origin_node"`
	Epoch   uint64 `json:"epoch,omitempty"`
	wireBody
}

// wireBody is what follows the head of a message, which echo goes by.
type wireBody struct {
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
