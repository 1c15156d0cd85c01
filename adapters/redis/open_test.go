package redis_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// open opens a handle and closes it with the test.
func open(t testing.TB, url string, options *redis.Options) *redis.Coordination {
	t.Helper()
	handle, err := redis.Open(t.Context(), url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = handle.Close() })
	return handle
}

// works shows that a handle works both ways.
func works(t testing.TB, handle *redis.Coordination) {
	t.Helper()
	if err := handle.Set(t.Context(), "key", []byte("value"), time.Minute); err != nil {
		t.Fatal(err)
	}
	subscription, err := handle.Subscribe(t.Context(), "channel")
	if err != nil {
		t.Fatal(err)
	}
	if err := handle.Publish(t.Context(), "channel", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if message, err := subscription.Next(t.Context()); err != nil || string(message.Payload) != "hello" {
		t.Fatalf("Next = %v, %v", message, err)
	}
}

func TestOpenRefusesAURLThatIsNoGood(t *testing.T) {
	for _, url := range []string{
		"", "localhost:6379", "http://localhost", "redis+cluster://localhost", "redis://localhost:port",
		"redis://localhost/db", "redis://localhost/1/2", "redis://localhost?no_such_parameter=1", "unix://", "redis://%zz",
		"redis://:sec/ret@localhost", "redis://:sec#ret@localhost:port", "redis://user:secret@localhost:port",
		"redis://user:secret@localhost/db", "://secret", "redis://:secret@local host",
		"redis://secret/abc@127.0.0.1:1", "redis://:12345/secret@127.0.0.1:1", "redis://:12345?secret@127.0.0.1:1",
		"redis://:12345#secret@127.0.0.1:1", "unix://:secret/abc@/run/redis.sock",
	} {
		handle, err := redis.Open(t.Context(), url, nil)
		if !errors.Is(err, coordination.ErrInvalidArgument) || handle != nil {
			t.Errorf("Open(%q) = %v, %v", url, handle, err)
		}
		if err != nil && (strings.Contains(err.Error(), "sec") || strings.Contains(err.Error(), "12345") || !strings.Contains(err.Error(), "url")) {
			t.Errorf("Open(%q) shows a secret, or does not name the argument: %v", url, err)
		}
	}
}

func TestOpenRefusesOptionsThatAreNoGood(t *testing.T) {
	for argument, options := range map[string]*redis.Options{
		"namespace":    {Namespace: strings.Repeat("n", coordination.MaxNameLen+1)},
		"buffer":       {Buffer: -1},
		"link timeout": {LinkTimeout: time.Millisecond},
	} {
		_, err := redis.Open(t.Context(), "redis://127.0.0.1:1", options)
		if !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(err.Error(), argument) {
			t.Errorf("%s: %v", argument, err)
		}
	}
	//nolint:staticcheck // a nil context is the point
	if _, err := redis.Open(nil, "redis://127.0.0.1:1", nil); !errors.Is(err, coordination.ErrInvalidArgument) {
		t.Errorf("a nil context: %v", err)
	}
}

func TestOpenTellsWhereNobodyAnswers(t *testing.T) {
	_, err := redis.Open(t.Context(), "redis://:secret@127.0.0.1:1", nil)
	var cause net.Error
	if !errors.Is(err, coordination.ErrUnavailable) || !errors.As(err, &cause) {
		t.Errorf("the error does not tell the cause: %v", err)
	}
	if text := err.Error(); !strings.Contains(text, "127.0.0.1:1") || strings.Contains(text, "secret") {
		t.Errorf("the error does not name the address, or shows the password: %v", err)
	}
}

func TestOpenTellsOfAWrongPassword(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("right")
	for _, user := range []string{":secret@", "user:secret@", ""} {
		_, err := redis.Open(t.Context(), "redis://"+user+server.Addr(), nil)
		if !errors.Is(err, coordination.ErrUnavailable) || strings.Contains(err.Error(), "secret") {
			t.Errorf("with %q: %v", user, err)
		}
	}
	works(t, open(t, "redis://:right@"+server.Addr(), nil))
}

func TestOpenTellsOfAServerThatIsNotRedis(t *testing.T) {
	for name, answer := range map[string]string{"answers otherwise": "HTTP/1.1 400 Bad Request\r\n\r\n", "says nothing": ""} {
		t.Run(name, func(t *testing.T) {
			_, err := redis.Open(t.Context(), "redis://"+serve(t, answer)+"?read_timeout=200ms&dial_timeout=200ms", nil)
			if !errors.Is(err, coordination.ErrUnavailable) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	_, err := redis.Open(ctx, "redis://"+serve(t, ""), nil)
	if !errors.Is(err, context.Canceled) || time.Since(start) > time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

// serve answers every line of every connection alike.
func serve(t *testing.T, answer string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				for lines := bufio.NewScanner(connection); lines.Scan(); {
					_, _ = connection.Write([]byte(answer))
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func TestOpenTakesUserPasswordAndDatabaseFromTheURL(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireUserAuth("user", "pass/word")
	works(t, open(t, "redis://user:pass%2Fword@"+server.Addr()+"/3", nil))
	if keys := server.DB(3).Keys(); len(keys) != 1 || len(server.DB(0).Keys()) != 0 {
		t.Errorf("database 3 holds %q", keys)
	}
}

func TestOpenConnectsByTLS(t *testing.T) {
	certificate, roots := selfSigned(t)
	server := miniredis.NewMiniRedis()
	if err := server.StartTLS(&tls.Config{Certificates: []tls.Certificate{certificate}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	url := "rediss://" + server.Addr()
	works(t, open(t, url, &redis.Options{TLS: &tls.Config{RootCAs: roots}}))
	works(t, open(t, url, &redis.Options{TLS: &tls.Config{RootCAs: roots}, Dialer: new(net.Dialer).DialContext}))
	if _, err := redis.Open(t.Context(), url, nil); !errors.Is(err, coordination.ErrUnavailable) {
		t.Errorf("a certificate that nobody vouches for is taken: %v", err)
	}
}

func TestOpenConnectsWithACertificateOfTheClient(t *testing.T) {
	server, err := redistest.StartTLS("--tls-auth-clients", "yes")
	needs(t, err)
	t.Cleanup(server.Stop)
	own, err := tls.X509KeyPair(server.Certificate, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.Certificate)
	url := "rediss://" + server.SecureAddress
	handle := open(t, url, &redis.Options{TLS: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}}})
	works(t, handle)
	expectHealthy(t, handle)
	// The server says so after the handshake, and the network may lose that with the
	// connection.
	eventually(t, "Open without a certificate says why", func() bool {
		_, err := redis.Open(within(t), url, &redis.Options{TLS: &tls.Config{RootCAs: roots}})
		if !errors.Is(err, coordination.ErrUnavailable) {
			t.Fatalf("without a certificate: %v", err)
		}
		return strings.Contains(err.Error(), "certificate required")
	})
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func TestOpenConnectsToAUnixSocket(t *testing.T) {
	server := private(t, "--unixsocket", "socket")
	works(t, open(t, "unix://"+filepath.Join(server.Directory, "socket")+"?db=2", nil))
}

func TestASubscriptionThatAnACLForbidsIsRefused(t *testing.T) {
	server := private(t, "--user", "coordkit", "on", ">secret", "~*", "&riptide:c:allowed", "+@all")
	handle := open(t, "redis://coordkit:secret@"+server.Address, nil)
	for range 2 {
		for _, pattern := range []string{"forbidden", "forbidden*"} {
			if _, err := handle.Subscribe(within(t), pattern); !errors.Is(err, coordination.ErrUnavailable) {
				t.Errorf("Subscribe(%q) = %v", pattern, err)
			}
		}
		subscription, err := handle.Subscribe(within(t), "allowed")
		if err != nil {
			t.Fatal(err)
		}
		if err := handle.Publish(t.Context(), "allowed", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := subscription.Next(within(t)); err != nil {
			t.Errorf("Next = %v", err)
		}
	}
}

// private starts a server of the test's own. Where there is no program to start,
// the test can't be made, and says so.
func private(t testing.TB, arguments ...string) *redistest.Server {
	t.Helper()
	server, err := redistest.Start(arguments...)
	needs(t, err)
	t.Cleanup(server.Stop)
	return server
}

// needs skips the test if err is that there is no program to start, unless there must be
// one.
func needs(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, redistest.ErrMissing) && !redistest.Required() {
		t.Skip("not checked: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestNewTakesAClientOfTheCallersAndLeavesItOpen(t *testing.T) {
	server := miniredis.RunT(t)
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
	defer client.Close()
	for range 2 {
		handle, err := redis.New(client, nil)
		if err != nil {
			t.Fatal(err)
		}
		works(t, handle)
		if err := handle.Close(); err != nil {
			t.Fatal(err)
		}
		if err := client.Ping(t.Context()).Err(); err != nil {
			t.Fatalf("the client is closed with the handle: %v", err)
		}
	}
}

func TestNewRefusesAClientThatItCanNotUse(t *testing.T) {
	cluster := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	closed := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1"})
	_ = closed.Close()
	ring := goredis.NewRing(&goredis.RingOptions{Addrs: map[string]string{"one": "127.0.0.1:1"}})
	defer ring.Close()
	for name, client := range map[string]goredis.UniversalClient{
		"nil": nil, "a nil pointer": (*goredis.Client)(nil), "a nil cluster": (*goredis.ClusterClient)(nil), "*redis.Ring": ring,
	} {
		if _, err := redis.New(client, nil); !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(err.Error(), "client") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_ = cluster.Close()
	for _, client := range []goredis.UniversalClient{closed, cluster} {
		if _, err := redis.New(client, nil); !errors.Is(err, coordination.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	}
}
