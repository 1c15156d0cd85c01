package honest

import (
	"context"
	"fmt"
	"strconv"

	"github.com/riptidecrawler/coordkit/coordination"
)

const (
	shownBytes    = 100 // of a name, a payload, or anything else
	shownElements = 8   // of a list
)

func showAll(values []any) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = show(value)
	}
	return texts
}

// show writes an argument or a result for a reader, who needs no 16 MiB of it.
// What the test has put in for an interface is not looked into: others may be
// using it.
func show(value any) string {
	switch value := value.(type) {
	case nil:
		return "nil"
	case context.Context:
		return "ctx"
	case error:
		if isNil(value) {
			return fmt.Sprintf("a nil %T", value)
		}
		return cut(fmt.Sprint(value))
	case coordination.Subscription:
		if isNil(value) {
			return fmt.Sprintf("a nil %T", value)
		}
		return "a subscription"
	case string:
		if len(value) > shownBytes {
			return fmt.Sprintf("%q... of %d bytes", value[:shownBytes], len(value))
		}
		return strconv.Quote(value)
	case []byte:
		if value == nil {
			return "nil"
		}
		if len(value) > shownBytes {
			return fmt.Sprintf("%q... of %d bytes", value[:shownBytes], len(value))
		}
		return fmt.Sprintf("%q", value)
	case []string:
		return showList(value)
	case coordination.Message:
		if !isSomething(value) {
			return "no message"
		}
		return fmt.Sprintf("{Channel: %s, Pattern: %s, Payload: %s, Timestamp: %v}",
			show(value.Channel), show(value.Pattern), show(value.Payload), value.Timestamp)
	case coordination.Leader:
		return fmt.Sprintf("{NodeID: %s, Term: %d, Remaining: %v}", show(value.NodeID), value.Term, value.Remaining)
	default:
		return cut(fmt.Sprintf("%+v", value))
	}
}

func showList(values []string) string {
	if values == nil {
		return "nil"
	}
	text := "["
	for i, value := range values {
		if i == shownElements {
			return fmt.Sprintf("%s ...] of %d", text, len(values))
		}
		if i > 0 {
			text += " "
		}
		text += show(value)
	}
	return text + "]"
}

func cut(text string) string {
	if len(text) > 4*shownBytes {
		return text[:4*shownBytes] + "..."
	}
	return text
}
