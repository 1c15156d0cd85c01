package coordination_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func TestChecksAcceptWhatThePortTakes(t *testing.T) {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	for title, err := range map[string]error{
		"a context":                 coordination.CheckContext("get", context.Background()),
		"a context that is done":    coordination.CheckContext("get", done),
		"a name of one byte":        coordination.CheckName("get", "key", "k"),
		"a name of any bytes":       coordination.CheckName("get", "key", "\x00\n \xff*[{"),
		"the longest name":          coordination.CheckName("get", "key", strings.Repeat("k", coordination.MaxNameLen)),
		"no payload":                coordination.CheckPayload("set", "value", nil),
		"an empty payload":          coordination.CheckPayload("set", "value", []byte{}),
		"the longest payload":       coordination.CheckPayload("set", "value", make([]byte, coordination.MaxPayloadLen)),
		"an expiry of zero":         coordination.CheckExpiry("set", 0),
		"an expiry of a ms":         coordination.CheckExpiry("set", time.Millisecond),
		"the longest expiry":        coordination.CheckExpiry("set", math.MaxInt64),
		"a lease of a ms":           coordination.CheckLease("heartbeat", time.Millisecond),
		"a lease of a broken ms":    coordination.CheckLease("heartbeat", time.Millisecond+1),
		"the longest lease":         coordination.CheckLease("heartbeat", math.MaxInt64),
		"the shortest timeout":      coordination.CheckTimeout("publish", 1),
		"the longest timeout":       coordination.CheckTimeout("publish", math.MaxInt64),
		"a name of many characters": coordination.CheckName("publish", "channel", strings.Repeat("é", coordination.MaxNameLen/2)),
	} {
		if err != nil {
			t.Errorf("%s: %v", title, err)
		}
	}
}

func TestChecksNameTheOperationAndTheArgument(t *testing.T) {
	var noContext context.Context
	for _, c := range []struct {
		err  error
		want string
	}{
		{coordination.CheckContext("get", noContext), "get: ctx is nil"},
		{coordination.CheckName("subscribe", "pattern", ""), "subscribe: pattern is empty"},
		{
			coordination.CheckName("set", "key", strings.Repeat("k", coordination.MaxNameLen+1)),
			"set: key has 4097 bytes, more than 4096",
		},
		{ // the limit is on bytes, not on characters
			coordination.CheckName("set", "key", strings.Repeat("é", coordination.MaxNameLen/2)+"k"),
			"set: key has 4097 bytes, more than 4096",
		},
		{
			coordination.CheckPayload("publish", "payload", make([]byte, coordination.MaxPayloadLen+1)),
			"publish: payload has 16777217 bytes, more than 16777216",
		},
		{coordination.CheckExpiry("set", time.Millisecond-1), "set: ttl is 999.999µs, less than a millisecond"},
		{coordination.CheckExpiry("set", -time.Second), "set: ttl is -1s, less than a millisecond"},
		{coordination.CheckLease("heartbeat", 0), "heartbeat: ttl is 0s, less than a millisecond"},
		{coordination.CheckLease("heartbeat", time.Millisecond-1), "heartbeat: ttl is 999.999µs, less than a millisecond"},
		{coordination.CheckLease("heartbeat", math.MinInt64), "heartbeat: ttl is -2562047h47m16.854775808s, less than a millisecond"},
		{coordination.CheckTimeout("publish with ack", 0), "publish with ack: timeout is 0s, not more than zero"},
		{coordination.CheckTimeout("publish with ack", -1), "publish with ack: timeout is -1ns, not more than zero"},
	} {
		if !errors.Is(c.err, coordination.ErrInvalidArgument) {
			t.Errorf("%q does not match ErrInvalidArgument, wanted for %q", c.err, c.want)
			continue
		}
		if want := c.want + ": coordination: invalid argument"; c.err.Error() != want {
			t.Errorf("the text is %q, want %q", c.err, want)
		}
	}
}

func TestMillisRoundsUp(t *testing.T) {
	for _, c := range []struct {
		ttl  time.Duration
		want int64
	}{
		{0, 0},
		{1, 1},
		{time.Millisecond - 1, 1},
		{time.Millisecond, 1},
		{time.Millisecond + 1, 2},
		{500 * time.Millisecond, 500},
		{1500*time.Millisecond + 1, 1501},
		{time.Hour, 3_600_000},
		{math.MaxInt64, 9_223_372_036_854}, // does not overflow on its way up
	} {
		if got := coordination.Millis(c.ttl); got != c.want {
			t.Errorf("Millis(%v) = %d, want %d", c.ttl, got, c.want)
		}
	}
}
