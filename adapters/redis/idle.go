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
// the user's). Where go-redis would look, it sends a PING if the connection has
// been idle.
type opaque struct{ *connection }

// pingAfter is how long a connection may be idle before it is asked whether the
// other side still listens.
const pingAfter = 100 * time.Millisecond

// SyscallConn implements syscall.Conn for the check of go-redis' pool.
func (o opaque) SyscallConn() (syscall.RawConn, error) { return idleCheck{o.connection}, nil }

// idleCheck is the part of a syscall.RawConn that the check uses.
type idleCheck struct{ c *connection }

func (idleCheck) Control(func(uintptr)) error    { return errors.ErrUnsupported }
func (idleCheck) Write(func(uintptr) bool) error { return errors.ErrUnsupported }

func (i idleCheck) Read(func(uintptr) bool) error {
	c := i.c
	if c.closed.Load() {
		return net.ErrClosed
	}
	if used := c.used.Load(); used > 0 && time.Since(epoch)-time.Duration(used) < pingAfter {
		return nil
	}
	err := c.SetDeadline(time.Now().Add(c.owner.bound))
	if err == nil {
		_, err = c.Conn.Write([]byte("*1\r\n$4\r\nPING\r\n"))
	}
	// Any reply will do, a refusal too.
	for reply := make([]byte, 0, 512); err == nil && !bytes.HasSuffix(reply, []byte("\r\n")) && len(reply) < cap(reply); {
		var count int
		count, err = c.Conn.Read(reply[len(reply):cap(reply)])
		reply = reply[:len(reply)+count]
	}
	return cmp.Or(err, c.SetDeadline(time.Time{}))
}
