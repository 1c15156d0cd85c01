package redis

import (
	"bytes"
	"cmp"
	"errors"
	"net"
	"syscall"
	"time"
)

// visible is a connection on which go-redis itself can see, before it uses it,
// whether the server has closed it.
type visible struct {
	*connection
	syscall.Conn
}

// opaque is a connection that has no file descriptor to look at (TLS, a dialer of
// the user's). Where go-redis' pool would look, it sends a PING if the connection has
// been idle.
type opaque struct{ *connection }

// pingAfter is how long a connection may be idle before it is asked whether the
// other side still listens.
const pingAfter = 100 * time.Millisecond

// pingTimeout is how long the answer may take before another connection is opened.
const pingTimeout = time.Second

// SetDeadline notes that the pool is about to check the connection: it clears both
// deadlines first, and nothing else of go-redis does. A connection that the user's
// dialer has closed fails here.
func (o opaque) SetDeadline(deadline time.Time) error {
	o.checking.Store(deadline.IsZero() && o.silence == 0)
	err := o.Conn.SetDeadline(deadline)
	if err != nil {
		o.closed.Store(true)
	}
	return err
}

// SyscallConn implements syscall.Conn for the check. At other times go-redis looks for
// data that has come unasked, while somebody may be reading; then it finds none.
func (o opaque) SyscallConn() (syscall.RawConn, error) {
	return idleCheck{o.connection, o.checking.Swap(false)}, nil
}

// idleCheck is the part of a syscall.RawConn that the check uses.
type idleCheck struct {
	c       *connection
	enabled bool
}

func (idleCheck) Control(func(uintptr)) error    { return errors.ErrUnsupported }
func (idleCheck) Write(func(uintptr) bool) error { return errors.ErrUnsupported }

func (i idleCheck) Read(func(uintptr) bool) error {
	c := i.c
	if !i.enabled {
		return nil
	}
	if c.closed.Load() {
		return net.ErrClosed
	}
	if used := c.used.Load(); used > 0 && time.Since(epoch)-time.Duration(used) < pingAfter {
		return nil
	}
	err := c.Conn.SetDeadline(time.Now().Add(min(pingTimeout, c.owner.bound)))
	if err == nil {
		_, err = c.Conn.Write([]byte("*1\r\n$4\r\nPING\r\n"))
	}
	// Any reply will do, a refusal too.
	for reply := make([]byte, 0, 512); err == nil && !bytes.HasSuffix(reply, []byte("\r\n")) && len(reply) < cap(reply); {
		var count int
		count, err = c.Conn.Read(reply[len(reply):cap(reply)])
		reply = reply[:len(reply)+count]
	}
	return cmp.Or(err, c.Conn.SetDeadline(time.Time{}))
}
