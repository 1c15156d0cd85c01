package broken

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"github.com/riptidecrawler/coordkit/specs/internal/miniredissubject"
)

// served is a subject of the Redis adapter, on a server that does something else
// than it is told to.
type served struct {
	*miniredissubject.Subject
	strikes atomic.Int64
}

func newServed(t *testing.T, spoil func(*miniredis.Miniredis) func(command string, arguments []string) bool) *served {
	s := &served{Subject: miniredissubject.New(t)}
	wrong := spoil(s.Server)
	hook := func(_ *server.Peer, command string, arguments ...string) bool {
		if wrong(command, arguments) {
			s.strikes.Add(1)
		}
		return false // it is still to be carried out
	}
	dial := s.Links.Dial
	s.Links.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dial(ctx, network, address)
		if err == nil {
			s.Server.Server().SetPreHook(hook) // on a server that may have started just now
		}
		return connection, err
	}
	return s
}

// command is a fault in one command of the adapter's.
func command(name string, spoil func(arguments []string) bool) func(*miniredis.Miniredis) func(string, []string) bool {
	return func(*miniredis.Miniredis) func(string, []string) bool {
		return func(command string, arguments []string) bool { return command == name && spoil(arguments) }
	}
}

// script is a fault in a script: it has a text that only that script has in place
// of another. The server then knows the script by another hash than the adapter,
// which gives it the text each time.
func script(right, wrong string) func(*miniredis.Miniredis) func(string, []string) bool {
	return command("EVAL", func(arguments []string) bool {
		if !strings.Contains(arguments[0], right) {
			return false
		}
		arguments[0] = strings.Replace(arguments[0], right, wrong, 1)
		return true
	})
}
