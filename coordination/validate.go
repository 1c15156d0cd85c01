package coordination

import (
	"context"
	"fmt"
	"math"
	"time"
)

const (
	// MaxNameLen is the greatest length of a channel, pattern, key or node ID,
	// in bytes.
	MaxNameLen = 4096

	// MaxPayloadLen is the greatest length of a message, a value or metadata,
	// in bytes. A Redis server with default settings cuts off a subscriber to
	// whom more than 32 MiB are waiting (client-output-buffer-limit), so that
	// twice this length could never be delivered.
	MaxPayloadLen = 16 << 20
)

// The checks below are shared by all adapters, so that the same bad argument
// gives the same answer on each. Each returns nil or an error that matches
// ErrInvalidArgument and names the operation and the argument.

// CheckContext refuses a nil context.
func CheckContext(operation string, ctx context.Context) error {
	if ctx == nil {
		return invalid(operation, "ctx", "is nil")
	}
	return nil
}

// CheckName refuses a name that is empty or longer than [MaxNameLen]. Any bytes
// are legal in it.
func CheckName(operation, argument, name string) error {
	if name == "" {
		return invalid(operation, argument, "is empty")
	}
	if len(name) > MaxNameLen {
		return invalid(operation, argument, fmt.Sprintf("has %d bytes, more than %d", len(name), MaxNameLen))
	}
	return nil
}

// CheckPayload refuses a payload that is longer than [MaxPayloadLen].
func CheckPayload(operation, argument string, payload []byte) error {
	if len(payload) > MaxPayloadLen {
		return invalid(operation, argument, fmt.Sprintf("has %d bytes, more than %d", len(payload), MaxPayloadLen))
	}
	return nil
}

// CheckExpiry refuses a time to live that is neither 0, for no end, nor at
// least a millisecond.
func CheckExpiry(operation string, ttl time.Duration) error {
	if ttl == 0 {
		return nil
	}
	return CheckLease(operation, ttl)
}

// CheckLease refuses a time to live of less than a millisecond.
func CheckLease(operation string, ttl time.Duration) error {
	if ttl < time.Millisecond {
		return invalid(operation, "ttl", fmt.Sprintf("is %v, less than a millisecond", ttl))
	}
	return nil
}

// CheckTimeout refuses a timeout that is not more than zero.
func CheckTimeout(operation string, timeout time.Duration) error {
	if timeout <= 0 {
		return invalid(operation, "timeout", fmt.Sprintf("is %v, not more than zero", timeout))
	}
	return nil
}

// Millis returns a time to live in milliseconds, rounded up: what is leased is
// never lost before its time, and a holder that counts the exact time gives up
// before the backend does. The result fits a time.Duration again.
func Millis(ttl time.Duration) int64 {
	millis := ttl / time.Millisecond
	if ttl%time.Millisecond > 0 && millis < math.MaxInt64/time.Millisecond {
		millis++
	}
	return int64(millis)
}

func invalid(operation, argument, problem string) error {
	return fmt.Errorf("%s: %s %s: %w", operation, argument, problem, ErrInvalidArgument)
}
