package sync

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// encode appends a message to buffer. The operations, of which there may be many,
// are written by hand, in the form that encoding/json gives a wireMessage.
func encode(buffer []byte, m *message) []byte {
	body := wireBody{Clock: m.clock.Wall, ClockLogical: m.clock.Logical, Request: toWireReplay(m.request), Refused: toWireReplay(m.refused)}
	buffer = appendHead(buffer, m.origin)
	if len(m.operations) == 1 && m.operations[0].Seq == m.last {
		operation := m.operations[0]
		if operation.ID == "" {
			operation.ID = operation.Origin + "/" + strconv.FormatUint(operation.Epoch, 36) + "/" + strconv.FormatUint(operation.Seq, 10)
		}
		return appendBody(appendOperation(buffer, &operation, true), &body)
	}
	body.Seq = m.last
	if beat := m.heartbeat; beat != nil {
		body.Type, body.Timestamp = Heartbeat, beat.wall
		body.ID = m.origin.node + "/" + strconv.FormatUint(m.origin.epoch, 36) + "/beat/" + strconv.FormatUint(beat.beat, 10)
		body.Beat, body.Term, body.Released, body.Leaving = beat.beat, beat.term, beat.released, beat.leaving
		for _, mention := range beat.seen {
			body.Seen = append(body.Seen, wireSeen{Node: mention.of.node, Epoch: mention.of.epoch, Seq: mention.last})
		}
	}
	return appendBody(appendOperations(buffer, m.operations), &body)
}

// appendHead writes a message up to its epoch.
func appendHead(to []byte, origin incarnation) []byte {
	to = strconv.AppendInt(append(to, `{"version":`...), version, 10)
	to = appendText(append(to, `,"origin_node":`...), origin.node)
	return appendNumber(to, `,"epoch":`, origin.epoch)
}

// appendBody writes the rest of a message, but for operations.
func appendBody(to []byte, body *wireBody) []byte {
	rest, _ := json.Marshal(body) // there is nothing in it that has no form
	if len(rest) > len(`{}`) {
		rest[0] = ','
		return append(to, rest...)
	}
	return append(to, '}')
}

func appendOperations(to []byte, operations []Operation) []byte {
	if len(operations) == 0 {
		return to
	}
	to = append(to, `,"operations":[`...)
	for i := range operations {
		begin := len(to)
		to = appendOperation(to, &operations[i], false)
		to[begin] = '{'
		to = append(to, `},`...)
	}
	to[len(to)-1] = ']'
	return to
}

// appendOperation writes the fields of an operation, each after a comma. The
// timestamp is for one that is sent alone: among others the stamp tells it well
// enough.
func appendOperation(to []byte, o *Operation, alone bool) []byte {
	if o.ID != "" {
		to = appendText(append(to, `,"id":`...), o.ID)
	}
	to = appendText(append(to, `,"operation_type":`...), string(o.Type))
	if !utf8.ValidString(o.Key) {
		to = appendBytes(append(to, `,"key_bytes":`...), []byte(o.Key))
	} else if o.Key != "" {
		to = appendText(append(to, `,"key":`...), o.Key)
	}
	if len(o.Value) > 0 {
		to = appendBytes(append(to, `,"value":`...), o.Value)
	}
	if o.TTL != 0 {
		to = strconv.AppendFloat(append(to, `,"ttl":`...), seconds(o.TTL), 'f', -1, 64)
	}
	if alone && !o.Timestamp.IsZero() {
		to = append(o.Timestamp.UTC().AppendFormat(append(to, `,"timestamp":"`...), time.RFC3339Nano), '"')
	}
	to = appendNumber(to, `,"priority":`, o.Priority)
	to = appendNumber(to, `,"stamp":`, o.Stamp.Wall)
	to = appendNumber(to, `,"logical":`, o.Stamp.Logical)
	return appendNumber(to, `,"seq":`, o.Seq)
}

// appendNumber leaves a number out that is zero.
func appendNumber[N int | int64 | uint32 | uint64](to []byte, name string, n N) []byte {
	switch {
	case n == 0:
		return to
	case n < 0:
		return strconv.AppendInt(append(to, name...), int64(n), 10)
	}
	return strconv.AppendUint(append(to, name...), uint64(n), 10)
}

func appendBytes(to []byte, value []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(to, '"'), value), '"')
}

// appendText leaves what has to be escaped to encoding/json.
func appendText(to []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(text) // every text has a form
			return append(to, quoted...)
		}
	}
	return append(append(append(to, '"'), text...), '"')
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

// echo is how the messages of an incarnation begin. By it a node knows its own
// operations, which come back as anybody's do, without reading them.
type echo []byte

func newEcho(self incarnation) echo { return append(appendHead(nil, self), ',') }

// has reports whether payload is operations of the incarnation, and nothing else.
func (e echo) has(payload []byte) bool {
	rest, own := bytes.CutPrefix(payload, e)
	return own && (bytes.HasPrefix(rest, []byte(`"operations":`)) || bytes.HasPrefix(rest, []byte(`"id":`)))
}
