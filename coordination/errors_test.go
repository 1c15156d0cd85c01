package coordination_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
)

func TestSentinelsMatchOnlyThemselves(t *testing.T) {
	sentinels := []error{
		coordination.ErrInvalidArgument,
		coordination.ErrClosed,
		coordination.ErrUnavailable,
		coordination.ErrMessagesLost,
		coordination.ErrNoSubscribers,
		coordination.ErrAckTimeout,
		coordination.ErrNotRegistered,
	}
	for i, a := range sentinels {
		if !strings.HasPrefix(a.Error(), "coordination: ") {
			t.Errorf("%q does not name the package", a)
		}
		for j, b := range sentinels {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("errors.Is(%q, %q) = %v", a, b, i != j)
			}
			if i != j && a.Error() == b.Error() {
				t.Errorf("two sentinels read %q", a)
			}
		}
	}
}

func TestMessagesLostErrorMatchesItsSentinelAndItsType(t *testing.T) {
	lost := &coordination.MessagesLostError{Count: 3}
	for _, err := range []error{lost, fmt.Errorf("next: %w", lost)} {
		if !errors.Is(err, coordination.ErrMessagesLost) {
			t.Errorf("%q does not match ErrMessagesLost", err)
		}
		if errors.Is(err, coordination.ErrClosed) {
			t.Errorf("%q matches ErrClosed", err)
		}
		var found *coordination.MessagesLostError
		if !errors.As(err, &found) || found.Count != 3 {
			t.Errorf("%q does not lead to its count", err)
		}
	}
}

func TestMessagesLostErrorTellsTheNumberWhereItIsKnown(t *testing.T) {
	for _, c := range []struct {
		count int
		want  string
	}{
		{3, "next: 3 lost: coordination: messages lost"},
		{1, "next: 1 lost: coordination: messages lost"},
		{0, "next: unknown number lost: coordination: messages lost"},
	} {
		err := &coordination.MessagesLostError{Count: c.count}
		if err.Error() != c.want {
			t.Errorf("Count %d reads %q, want %q", c.count, err, c.want)
		}
	}
}
