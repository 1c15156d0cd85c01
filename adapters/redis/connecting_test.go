package redis_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// privateTLS starts a server that speaks TLS.
func privateTLS(t *testing.T, arguments ...string) (address string, roots *x509.CertPool) {
	t.Helper()
	server, err := redistest.StartTLS(arguments...)
	needs(t, err)
	t.Cleanup(server.Stop)
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(server.Certificate)
	return server.SecureAddress, roots
}

// relay passes bytes between its address and another one. While it is deaf, it loses
// them.
type relay struct {
	address string
	to      atomic.Value // string
	deaf    atomic.Bool
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: listener.Addr().String()}
	r.to.Store(to)
	var running sync.WaitGroup
	pass := func(to, from net.Conn) {
		defer to.Close()
		defer from.Close()
		piece := make([]byte, 64<<10)
		for {
			count, err := from.Read(piece)
			if err != nil {
				return
			}
			if !r.deaf.Load() {
				_, _ = to.Write(piece[:count])
			}
		}
	}
	running.Go(func() {
		for near, err := listener.Accept(); err == nil; near, err = listener.Accept() {
			far, err := net.Dial("tcp", r.to.Load().(string))
			if err != nil {
				_ = near.Close()
				continue
			}
			running.Go(func() { pass(near, far) })
			running.Go(func() { pass(far, near) })
		}
	})
	t.Cleanup(func() { // after the handles were closed, which end the connections
		_ = listener.Close()
		running.Wait()
	})
	return r
}

// together makes many calls at once, and returns how many failed.
func together(t *testing.T, handle *redis.Coordination) (failed int32, first error) {
	var count atomic.Int32
	var once sync.Once
	var running sync.WaitGroup
	for i := range 10 {
		running.Go(func() {
			if _, _, err := handle.Get(within(t), fmt.Sprint(i)); err != nil {
				count.Add(1)
				once.Do(func() { first = err })
			}
		})
	}
	running.Wait()
	return count.Load(), first
}

// opaque hides the file descriptor of a connection.
type opaque struct{ net.Conn }

func TestAnIdleConnectionThatTheServerClosedCostsNoCall(t *testing.T) {
	address, roots := privateTLS(t, "--timeout", "1")
	plain := private(t, "--timeout", "1").Address
	hidden := func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := new(net.Dialer).DialContext(ctx, network, address)
		return opaque{connection}, err
	}
	client := goredis.NewClient(&goredis.Options{Addr: address, TLSConfig: &tls.Config{RootCAs: roots}})
	defer client.Close()
	ofClient, err := redis.New(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ofClient.Close()
	handles := map[string]*redis.Coordination{
		"plain":          open(t, "redis://"+plain, nil),
		"hidden":         open(t, "redis://"+plain, &redis.Options{Dialer: hidden}),
		"TLS":            open(t, "rediss://"+address, &redis.Options{TLS: &tls.Config{RootCAs: roots}}),
		"TLS of New":     ofClient,
		"hidden and TLS": open(t, "rediss://"+address, &redis.Options{TLS: &tls.Config{RootCAs: roots}, Dialer: hidden}),
	}
	use := func(when string) {
		for name, handle := range handles {
			if _, _, err := handle.Get(within(t), "key"); err != nil {
				t.Errorf("%s: a call %s = %v", name, when, err)
			}
			if failed, err := together(t, handle); failed > 0 {
				t.Errorf("%s: %d of 10 concurrent calls %s = %v", name, failed, when, err)
			}
		}
	}
	use("at first")
	time.Sleep(2500 * time.Millisecond) // the server closes what was idle for a second, once a second
	use("after a quiet spell")
}

func TestConnectingEndsByItself(t *testing.T) {
	silent := serve(t, "")
	plain := private(t).Address
	for name, url := range map[string]string{
		"TLS to a plain port":     "rediss://" + plain + "?dial_timeout=300ms",
		"TLS without an answer":   "rediss://" + silent + "?dial_timeout=300ms",
		"no answer":               "redis://" + silent + "?read_timeout=300ms",
		"Sentinels that are mute": "redis://" + silent + "?master_name=main&read_timeout=300ms",
		"a mute Cluster":          "redis://" + silent + ",127.0.0.1:1?read_timeout=300ms",
	} {
		start := time.Now()
		_, err := redis.Open(t.Context(), url, nil)
		if !errors.Is(err, coordination.ErrUnavailable) || time.Since(start) > 2*time.Second {
			t.Errorf("%s: after %v: %v", name, time.Since(start), err)
		}
	}
}

// Handshakes that began while the link was silent must not be waited for when it is
// whole again.
func TestALinkThatWasSilentRecoversAtOnce(t *testing.T) {
	address, roots := privateTLS(t)
	r := newRelay(t, address)
	handle := open(t, "rediss://"+r.address+"?read_timeout=500ms", &redis.Options{TLS: &tls.Config{RootCAs: roots}, LinkTimeout: time.Second})
	subscription, err := handle.Subscribe(t.Context(), "channel")
	if err != nil {
		t.Fatal(err)
	}
	r.deaf.Store(true)
	var running sync.WaitGroup
	silence, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	for range 3 {
		running.Go(func() {
			for silence.Err() == nil {
				ctx, cancel := context.WithTimeout(silence, 200*time.Millisecond)
				_ = handle.Publish(ctx, "channel", nil)
				cancel()
			}
		})
	}
	running.Wait()
	r.deaf.Store(false)
	start := time.Now()
	eventually(t, "a publish", func() bool { return handle.Publish(within(t), "channel", []byte("whole")) == nil })
	eventually(t, "ten concurrent calls", func() bool { failed, _ := together(t, handle); return failed == 0 })
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("calls fail for %v after the link is whole again", took)
	}
	eventually(t, "a message", func() bool {
		_ = handle.Publish(within(t), "channel", nil)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := subscription.Next(ctx)
		return err == nil || errors.Is(err, coordination.ErrMessagesLost)
	})
	start = time.Now()
	if err := handle.Close(); err != nil || time.Since(start) > time.Second {
		t.Errorf("Close = %v after %v", err, time.Since(start))
	}
}
