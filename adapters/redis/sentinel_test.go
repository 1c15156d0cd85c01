package redis_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// sentinel starts a Sentinel that watches a primary by the name main, and waits until
// it knows the replicas.
func sentinel(t *testing.T, primary *redistest.Server, replicas int, lines ...string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = listener.Addr().String()
	_ = listener.Close()
	_, port, _ := net.SplitHostPort(address)
	host, primaryPort, _ := net.SplitHostPort(primary.Address)
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	lines = append([]string{
		"port " + port, "bind 127.0.0.1",
		fmt.Sprintf("sentinel monitor main %s %s 1", host, primaryPort), "sentinel failover-timeout main 5000",
	}, lines...)
	if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("redis-sentinel", config)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	client := goredis.NewSentinelClient(&goredis.Options{Addr: address, Username: "watcher", Password: "watch"})
	if len(lines) == 4 {
		_ = client.Close()
		client = goredis.NewSentinelClient(&goredis.Options{Addr: address})
	}
	t.Cleanup(func() { _ = client.Close() })
	eventually(t, "the Sentinel knows the replicas", func() bool {
		found, err := client.Replicas(t.Context(), "main").Result()
		return err == nil && len(found) == replicas
	})
	return address
}

// eventually waits up to 30 s until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// beginFailover begins a failover. A replica that was only just found is not yet good for it.
func beginFailover(t *testing.T, sentinel *goredis.SentinelClient) {
	t.Helper()
	eventually(t, "the Sentinel begins a failover", func() bool { return sentinel.Failover(t.Context(), "main").Err() == nil })
}

func replicaOf(t *testing.T, primary *redistest.Server, more ...string) *redistest.Server {
	t.Helper()
	host, port, _ := net.SplitHostPort(primary.Address)
	return private(t, append([]string{"--replicaof", host + " " + port}, more...)...)
}

// records is a logger that keeps what it gets.
type records struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *records) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(line)
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func (r *records) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

func TestOpenFindsThePrimaryBySentinelAndFollowsIt(t *testing.T) {
	first := private(t)
	second := replicaOf(t, first)
	address := sentinel(t, first, 1)
	var log records
	handle := open(t, "redis://"+address+"?master_name=main", &redis.Options{LinkTimeout: time.Second, Logger: log.logger()})
	works(t, handle)
	raw := goredis.NewSentinelClient(&goredis.Options{Addr: address})
	defer raw.Close()
	beginFailover(t, raw)
	direct := goredis.NewClient(&goredis.Options{Addr: second.Address})
	defer direct.Close()
	eventually(t, "a write reaches the new primary", func() bool {
		_ = handle.Set(within(t), "after", nil, 0)
		return direct.Exists(t.Context(), "riptide:k:after").Val() == 1
	})
	works(t, handle)
	if text := log.String(); !strings.Contains(text, "failover") || !strings.Contains(text, second.Address) {
		t.Errorf("the log does not tell of the failover:\n%s", text)
	}
}

func TestSentinelHasAUserOfItsOwn(t *testing.T) {
	primary := private(t, "--requirepass", "server/secret")
	address := sentinel(t, primary, 0,
		"user default off", "user watcher on >watch resetchannels &+switch-master +sentinel|get-master-addr-by-name +sentinel|sentinels +subscribe +ping "+
			"+sentinel|replicas", "sentinel auth-pass main server/secret")
	works(t, open(t, "redis://watcher:watch@"+address+"?master_name=main&password=server%2Fsecret", nil))
	for _, url := range []string{
		"redis://watcher:wrongwatch@" + address + "?master_name=main&password=server%2Fsecret",
		"redis://watcher:watch@" + address + "?master_name=main&password=wrongsecret",
	} {
		_, err := redis.Open(within(t), url, nil)
		if !errors.Is(err, coordination.ErrUnavailable) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%v", err)
		}
	}
}

func TestASentinelWithoutMasterNameIsRefusedWithAHint(t *testing.T) {
	address := sentinel(t, private(t), 0)
	_, err := redis.Open(within(t), "redis://"+address, nil)
	if !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(err.Error(), "master_name") {
		t.Errorf("%v", err)
	}
	_, err = redis.Open(within(t), "redis://"+address+"?master_name=other", nil)
	if !errors.Is(err, coordination.ErrUnavailable) || !strings.Contains(err.Error(), "other") {
		t.Errorf("an unknown primary: %v", err)
	}
}

func TestOneSentinelOfManyIsEnough(t *testing.T) {
	address := sentinel(t, private(t), 0)
	works(t, open(t, "redis://127.0.0.1:1,"+address+"?addr=127.0.0.1:2&master_name=main", nil))
}
