// Package redistest finds or starts the real Redis server that tests run
// against.
package redistest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// ErrMissing says that there is no real Redis server to test against.
var ErrMissing = errors.New("no real Redis: set REDIS_URL, or put redis-server on the PATH")

// Required reports whether a missing server is a failure (REQUIRE_REDIS=1).
func Required() bool { return os.Getenv("REQUIRE_REDIS") == "1" }

// URL returns where the server for this process is: at REDIS_URL, which may
// hold live data, or a private one that is started on the first call and ends
// with the process. It fails with ErrMissing where neither is to be had.
func URL() (string, error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		return url, nil
	}
	server, err := shared()
	if err != nil {
		return "", err
	}
	return server.URL(), nil
}

var shared = sync.OnceValues(func() (*Server, error) { return Start() })

// Server is a private server: on a free loopback port, without persistence. It
// ends with this process, however that ends.
type Server struct {
	// Address is its host and port.
	Address string

	*process
}

// Start starts a server with further arguments, and waits until it is ready.
func Start(arguments ...string) (*Server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return StartAt(address, arguments...)
}

// StartAt is Start at a loopback address of the caller's: that of a server which
// was stopped, and is to come back.
func StartAt(address string, arguments ...string) (*Server, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	directory, err := os.MkdirTemp("", "redistest")
	if err != nil {
		return nil, err
	}
	log := filepath.Join(directory, "log")
	_, port, _ := net.SplitHostPort(address)
	own, err := launch(directory, program, append([]string{"--port", port, "--bind", "127.0.0.1",
		"--dir", directory, "--logfile", log, "--save", "", "--appendonly", "no"}, arguments...)...)
	if err != nil {
		return nil, err
	}
	server := &Server{Address: address, process: own}
	if err := server.await(); err != nil {
		text, _ := os.ReadFile(log)
		server.Stop()
		return nil, fmt.Errorf("%w:\n%s", err, text)
	}
	return server, nil
}

// Restart starts the server again after Kill, with the same arguments in the same
// directory, and waits until it is ready.
func (s *Server) Restart() error {
	if err := s.begin(); err != nil {
		return err
	}
	return s.await()
}

func (s *Server) await() error {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if answers(s.Address) && s.isRunning() { // and not another server, which took the port first
			return nil
		}
	}
	return fmt.Errorf("redis-server does not start at %s", s.Address)
}

// answers reports whether the server does, be it by hanging up. One that merely
// listens has not yet opened all that it is to listen to.
func answers(address string) bool {
	connection, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = connection.Close() }()
	_ = connection.SetDeadline(time.Now().Add(time.Second))
	if _, err := connection.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	_, err = connection.Read(make([]byte, 1))
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// URL returns the server's redis:// URL.
func (s *Server) URL() string { return "redis://" + s.Address }
