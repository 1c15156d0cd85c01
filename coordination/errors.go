package coordination

import (
	"errors"
	"fmt"
)

// The sentinels of the port. Adapters wrap them with the operation, the
// argument and the cause; match them with [errors.Is]. The errors of a context
// are passed through as they are.
var (
	// ErrInvalidArgument says that an argument is outside of what the method
	// takes. The text names it. Nothing was changed.
	ErrInvalidArgument = errors.New("coordination: invalid argument")

	// ErrClosed says that the handle or the subscription has been closed.
	ErrClosed = errors.New("coordination: closed")

	// ErrUnavailable says that the backend could not be reached, did not answer
	// in time, or refused to work. A write that fails so may have taken effect.
	ErrUnavailable = errors.New("coordination: backend unavailable")

	// ErrMessagesLost says that messages were lost at this place of a
	// subscription. It is not the end: Next goes on with newer messages.
	// The error's type is [*MessagesLostError].
	ErrMessagesLost = errors.New("coordination: messages lost")

	// ErrNoSubscribers says that no subscription was there to acknowledge.
	ErrNoSubscribers = errors.New("coordination: no subscribers")

	// ErrAckTimeout says that subscriptions were there, and none of them took
	// the message in time.
	ErrAckTimeout = errors.New("coordination: no acknowledgement in time")

	// ErrClaimed says that another user of the handle, in the same process, has a
	// name; see [Claimer].
	ErrClaimed = errors.New("coordination: name is claimed")

	// ErrNotRegistered says that the node is not a live member.
	ErrNotRegistered = errors.New("coordination: node not registered")
)

// MessagesLostError tells how many messages a subscription has lost at one
// place. It matches [ErrMessagesLost].
type MessagesLostError struct {
	// Count is the number of messages that were lost, 0 where it is not known
	// (a broken connection does not tell what it would have carried).
	Count int
}

// Error tells the number where it is known.
func (e *MessagesLostError) Error() string {
	if e.Count > 0 {
		return fmt.Sprintf("next: %d lost: %v", e.Count, ErrMessagesLost)
	}
	return fmt.Sprintf("next: unknown number lost: %v", ErrMessagesLost)
}

// Unwrap returns [ErrMessagesLost].
func (e *MessagesLostError) Unwrap() error { return ErrMessagesLost }
