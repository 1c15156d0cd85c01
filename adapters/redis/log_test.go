package redis_test

import (
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

func TestTheLoggerReceivesBreaksAndRecoveriesAndNoSecret(t *testing.T) {
	server := private(t, "--requirepass", "secret")
	var log records
	handle := open(t, "redis://:secret@"+server.Address, &redis.Options{Logger: log.logger()})
	subscription, err := handle.Subscribe(t.Context(), "channel")
	if err != nil {
		t.Fatal(err)
	}
	defer subscription.Close()
	raw := goredis.NewClient(&goredis.Options{Addr: server.Address, Password: "secret"})
	if err := raw.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	_ = raw.Close()
	eventually(t, "the break is logged", func() bool { return strings.Contains(log.String(), "connection broken") })
	server.Stop()
	eventually(t, "the failure to connect is logged", func() bool {
		_ = handle.Publish(within(t), "channel", []byte("hidden payload"))
		return strings.Contains(log.String(), "cannot connect")
	})
	again, err := redistest.StartAt(server.Address, "--requirepass", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Stop()
	eventually(t, "the recovery is logged", func() bool {
		_ = handle.Publish(within(t), "channel", []byte("hidden payload"))
		return strings.Contains(log.String(), "connected again")
	})
	if text := log.String(); strings.Contains(text, "secret") || strings.Contains(text, "hidden") {
		t.Errorf("the log shows a secret:\n%s", text)
	}
}

func TestTheClientsOwnLinesGoToTheLogger(t *testing.T) {
	var log records
	handle, err := redis.New(goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1"}), &redis.Options{Logger: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()
	failing := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	defer failing.Close()
	_ = failing.Ping(within(t))
	if !strings.Contains(log.String(), "failed to dial") {
		t.Errorf("the log misses the client's line:\n%s", log.String())
	}
}
