package redis

import (
	"encoding/binary"
	"errors"
	"time"
)

// A frame is what goes over a channel: one byte for its kind, eight for the
// publisher's time (Unix nanoseconds, big endian), then for a message that is to
// be acknowledged the publisher's handle (length, bytes), the number that it
// gave the message and its timeout in milliseconds (eight each), and the
// payload. A reader takes a kind that it does not know for a lost message.
const (
	plainFrame byte = 1
	ackedFrame byte = 2
)

// origin says who wants to know that a message was taken.
type origin struct {
	handle  string
	number  uint64
	timeout uint64 // milliseconds

	received time.Time // by us
}

// patience returns for how long the publisher waits.
func (o *origin) patience() time.Duration {
	return time.Duration(min(o.timeout, uint64(ackLongest/time.Millisecond))) * time.Millisecond
}

// until returns when it waits no longer. It has waited since before the message arrived.
func (o *origin) until() time.Time { return o.received.Add(o.patience()) }

func encode(at time.Time, from *origin, payload []byte) []byte {
	kind, size := plainFrame, 9+len(payload)
	if from != nil {
		kind, size = ackedFrame, size+17+len(from.handle)
	}
	frame := make([]byte, 0, size)
	frame = append(frame, kind)
	frame = binary.BigEndian.AppendUint64(frame, uint64(at.UnixNano()))
	if from != nil {
		frame = append(frame, byte(len(from.handle)))
		frame = append(frame, from.handle...)
		frame = binary.BigEndian.AppendUint64(frame, from.number)
		frame = binary.BigEndian.AppendUint64(frame, from.timeout)
	}
	return append(frame, payload...)
}

var errFrame = errors.New("not a frame of a known kind")

func decode(frame string) (at time.Time, from *origin, payload string, err error) {
	if len(frame) < 9 || frame[0] != plainFrame && frame[0] != ackedFrame {
		return at, nil, "", errFrame
	}
	at = time.Unix(0, int64(number(frame[1:])))
	if frame[0] == plainFrame {
		return at, nil, frame[9:], nil
	}
	rest := frame[9:]
	if rest == "" || len(rest) < 17+int(rest[0]) {
		return at, nil, "", errFrame
	}
	end := 1 + int(rest[0])
	handle, rest := rest[1:end], rest[end:]
	return at, &origin{handle: handle, number: number(rest), timeout: number(rest[8:])}, rest[16:], nil
}

// number reads eight bytes, big endian, without copying the text.
func number(text string) (n uint64) {
	for i := range 8 {
		n = n<<8 | uint64(text[i])
	}
	return n
}
