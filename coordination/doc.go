// Package coordination is the port between a Go service that runs on several
// nodes and whatever lets those nodes work together: messages between them,
// keys with a time to live, who is there, and who leads.
//
// [DistributedCoordination] is the whole port; it is composed of the roles
// [Messaging], [KeyStore], [Membership], [Leadership] and [Diagnostics], and a
// function should ask for the role that it needs. Implementations are called
// adapters. One open adapter value is a handle; two handles on one backend and
// one namespace are peers, as two processes would be; a namespace isolates
// everything that it holds from every other namespace.
//
// # What every method owes
//
// Arguments are checked first, then whether the handle is closed, then the
// context. So, in this order:
//
//   - A bad argument gives [ErrInvalidArgument], names the argument, and
//     changes nothing. Names (of channels, patterns, keys and nodes) are any 1
//     to [MaxNameLen] bytes, payloads (of messages, values and metadata) any 0
//     to [MaxPayloadLen] bytes. A nil context is a bad argument.
//   - After Close every method gives [ErrClosed].
//   - A context that is done ends the call promptly, within 100 ms where it
//     blocks, with an error that matches context.Canceled or
//     context.DeadlineExceeded. What had been sent by then may still take
//     effect: such an error means unknown, not undone.
//   - A backend that can't be reached gives [ErrUnavailable] with its cause,
//     never an empty answer. A write that fails so may or may not have taken
//     effect.
//
// With an error, all other results are zero values.
//
// All methods are safe for concurrent use. No method keeps a reference to a
// slice that it was given, and a slice that it returns belongs to the caller.
//
// # Time
//
// A time to live is counted by the backend's clock, never by the caller's, and
// rounded up to whole milliseconds (see [Millis]): what has a time to live is
// there before it ends and gone once it has ended.
package coordination
