package redis

import (
	"net"
	"time"
)

// dialError is the error of a command that was not sent, as its connection could not
// be opened by a dial that began at the given time.
type dialError struct {
	error
	began time.Time
}

// unsent wraps an error twice, as go-redis takes off a layer in the handshake.
func unsent(err error, began time.Time) error {
	return &dialError{&dialError{err, began}, began}
}

func (e *dialError) Unwrap() error { return e.error }

// unreachable stands for a connection that could not be opened. Each use returns
// the cause.
type unreachable struct{ cause error }

var _ net.Conn = unreachable{}

func (u unreachable) Read([]byte) (int, error)         { return 0, u.cause }
func (u unreachable) Write([]byte) (int, error)        { return 0, u.cause }
func (u unreachable) Close() error                     { return nil }
func (u unreachable) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (u unreachable) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (u unreachable) SetDeadline(time.Time) error      { return nil }
func (u unreachable) SetReadDeadline(time.Time) error  { return nil }
func (u unreachable) SetWriteDeadline(time.Time) error { return nil }
