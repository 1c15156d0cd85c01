package faultproxy_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/internal/faultproxy"
)

// echo is a server that returns what it reads, and counts it.
func echo(t *testing.T) (address string, read <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	got := make(chan string, 100)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				part := make([]byte, 4096)
				for {
					n, err := connection.Read(part)
					if err != nil {
						return
					}
					got <- string(part[:n])
					connection.Write(part[:n])
				}
			}()
		}
	}()
	return listener.Addr().String(), got
}

// TestEachFault says of each fault whether the request arrives, and what the client
// reads: a reply, an end, a reset, or nothing in time.
func TestEachFault(t *testing.T) {
	for _, c := range []struct {
		fault   faultproxy.Fault
		arrives bool
		err     error // of the client's Read; nil for a reply
		healed  bool  // the reply comes after Heal
	}{
		{fault: faultproxy.LostRequest, err: errReset},
		{fault: faultproxy.LostReply, arrives: true, err: errReset},
		{fault: faultproxy.Reset, err: errReset},
		{fault: faultproxy.HalfClose, arrives: true, err: io.EOF},
		{fault: faultproxy.BlackHole, err: os.ErrDeadlineExceeded, healed: true},
		{fault: faultproxy.LostWay, err: os.ErrDeadlineExceeded, healed: true},
		{fault: faultproxy.LostWayBack, arrives: true, err: os.ErrDeadlineExceeded, healed: true},
		{fault: faultproxy.Delay, arrives: true},
		{fault: faultproxy.SlowLink, arrives: true},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			target, read := echo(t)
			proxy, err := faultproxy.Start(target)
			if err != nil {
				t.Fatal(err)
			}
			defer proxy.Close()
			client, err := net.Dial("tcp", proxy.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			part := make([]byte, 4096)
			exchange := func() error {
				client.Write([]byte("request"))
				client.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
				_, err := client.Read(part)
				return err
			}
			if err := exchange(); err != nil || <-read != "request" {
				t.Fatalf("without a fault: %v", err)
			}
			proxy.Inject(c.fault, "REQUEST")
			err = exchange()
			reset := errors.Is(c.err, errReset)
			switch {
			case reset && (err == nil || errors.Is(err, os.ErrDeadlineExceeded)), !reset && !errors.Is(err, c.err):
				t.Errorf("the client reads %v, want %v", err, c.err)
			}
			select {
			case <-read:
				if !c.arrives {
					t.Error("the request arrives")
				}
			case <-time.After(100 * time.Millisecond):
				if c.arrives {
					t.Error("the request does not arrive")
				}
			}
			proxy.Heal()
			if c.healed {
				client.SetReadDeadline(time.Now().Add(5 * time.Second))
				if _, err := client.Read(part); err != nil {
					t.Errorf("after Heal: %v", err)
				}
			}
		})
	}
}

var errReset = errors.New("reset")
