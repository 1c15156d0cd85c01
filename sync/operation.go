package sync

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/riptidecrawler/coordkit/coordination"
)

// MaxValueLen is the greatest length of a value in bytes. A message carries it
// in base64, which must fit in coordination.MaxPayloadLen.
const MaxValueLen = 8 << 20

// OperationType says what an operation does to a cache.
type OperationType string

// The types of operations.
const (
	// Set stores Value under Key for TTL.
	Set OperationType = "Set"
	// Delete forgets Key.
	Delete OperationType = "Delete"
	// InvalidatePattern forgets every key that Key, a glob, matches as
	// coordination.Match decides.
	InvalidatePattern OperationType = "InvalidatePattern"
	// Clear forgets every key.
	Clear OperationType = "Clear"
	// Heartbeat changes nothing: it tells that its origin lives, and the number
	// of its last operation.
	Heartbeat OperationType = "Heartbeat"
)

// Operation is one change of the caches, or a sign of life.
type Operation struct {
	// ID is for people and logs; nothing depends on it. It is valid UTF-8 of at
	// most coordination.MaxNameLen bytes. One that is empty is given when the
	// operation is sent by itself, and stays empty where it is sent together
	// with others.
	ID string
	// Type says what it does.
	Type OperationType
	// Key is the key of a Set and a Delete, and the pattern of an
	// InvalidatePattern; 1 to coordination.MaxNameLen bytes of any kind.
	Key string
	// Value is that of a Set, of at most MaxValueLen bytes. It must not be
	// changed once it was handed over.
	Value []byte
	// TTL is how long a Set is to be kept, from its arrival on, or from when it
	// was first sent where it is told again; 0 for no end, or at least a
	// millisecond. It travels in whole milliseconds, rounded up.
	TTL time.Duration
	// Timestamp is the wall clock of the origin; for people, and instead of a
	// Stamp where there is none. One that is sent together with others arrives
	// with the time of its Stamp.
	Timestamp time.Time
	// Origin is the node that the operation comes from.
	Origin string
	// Priority decides between operations of one instant: the greater one wins.
	// It is of 32 bits.
	Priority int
	// Stamp orders it among all operations. NotifyOperation gives it where it
	// is zero.
	Stamp Stamp
	// Epoch is the incarnation of the origin, and Seq the operation's number in
	// it, counted from 1. Both are 0 where the origin does not number, as the
	// senders of the first generation did not: the loss of such an operation
	// goes unnoticed. NotifyOperation gives both.
	Epoch, Seq uint64
}

// check refuses an operation that nobody could apply.
func (o Operation) check(call string) error {
	switch o.Type {
	case Set:
		if err := coordination.CheckExpiry(call, o.TTL); err != nil {
			return err
		}
		fallthrough
	case Delete:
		if err := coordination.CheckName(call, "key", o.Key); err != nil {
			return err
		}
	case InvalidatePattern:
		if err := coordination.CheckName(call, "pattern", o.Key); err != nil {
			return err
		}
	case Clear, Heartbeat:
		// The first generation gives a Clear a key, which says nothing.
		if len(o.Key) > coordination.MaxNameLen {
			return invalid(call, "key", fmt.Sprintf("has %d bytes, more than %d", len(o.Key), coordination.MaxNameLen))
		}
	default:
		return invalid(call, "type", fmt.Sprintf("is %q", o.Type))
	}
	if len(o.Value) > MaxValueLen {
		return invalid(call, "value", fmt.Sprintf("has %d bytes, more than %d", len(o.Value), MaxValueLen))
	}
	if !utf8.ValidString(o.ID) || len(o.ID) > coordination.MaxNameLen {
		return invalid(call, "id", "is no UTF-8 or too long")
	}
	if o.Priority < math.MinInt32 || o.Priority > math.MaxInt32 {
		return invalid(call, "priority", fmt.Sprintf("is %d, not of 32 bits", o.Priority))
	}
	if !o.Stamp.readable() {
		return invalid(call, "stamp", fmt.Sprintf("is %d, not of 53 bits", o.Stamp.Wall))
	}
	if year := o.Timestamp.UTC().Year(); year < 0 || year > 9999 {
		return invalid(call, "timestamp", fmt.Sprintf("is of the year %d", year))
	}
	return nil
}

// size is what the operation holds, roughly, in bytes.
func (o Operation) size() int { return operationOverhead + len(o.ID) + len(o.Key) + len(o.Value) }

// operationOverhead is the operation itself, and its place in queue and history.
const operationOverhead = 256

func invalid(call, argument, problem string) error {
	return fmt.Errorf("%s: %s %s: %w", call, argument, problem, coordination.ErrInvalidArgument)
}
