package redis_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
)

// throttled passes connections on to a server. What that sends comes in pieces, with
// a pause after each.
func throttled(t *testing.T, server string, piece int64, pause time.Duration) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	pass := func(near net.Conn) {
		defer near.Close()
		far, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		running.Go(func() {
			_, _ = io.Copy(far, near)
			_ = far.Close()
		})
		for err == nil {
			var count int64
			if count, err = io.CopyN(near, far, piece); count == piece {
				time.Sleep(pause)
			}
		}
	}
	running.Go(func() {
		for near, err := listener.Accept(); err == nil; near, err = listener.Accept() {
			running.Go(func() { pass(near) })
		}
	})
	t.Cleanup(func() { // after the handles were closed, which end the connections
		_ = listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

func TestALargeMessageMayTakeLongerThanALinkMayBeSilent(t *testing.T) {
	const timeout = time.Second
	server := private(t)
	address := throttled(t, server.Address, 512<<10, timeout/4)
	slow := open(t, "redis://"+address, &redis.Options{LinkTimeout: timeout})
	subscription, err := slow.Subscribe(within(t), "channel")
	if err != nil {
		t.Fatal(err)
	}
	payload := strings.Repeat("p", 6<<20) // 12 pieces, three times the time-out
	if err := open(t, "redis://"+server.Address, nil).Publish(within(t), "channel", []byte(payload)); err != nil {
		t.Fatal(err)
	}
	message, err := subscription.Next(within(t))
	if err != nil || string(message.Payload) != payload {
		t.Fatalf("%d bytes, %v", len(message.Payload), err)
	}
}
