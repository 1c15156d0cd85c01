package redis_test

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
)

func TestOpenTakesEverythingThatIsValidInAURL(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireUserAuth("us er", "p@ss:w/o?r#d%")
	_, port, _ := strings.Cut(server.Addr(), ":")
	const user = "us%20er:p%40ss%3Aw%2Fo%3Fr%23d%25@"
	for _, url := range []string{
		"redis://" + user + server.Addr(),
		"valkey://" + user + server.Addr() + "/0",
		"redis://" + user + "localhost:" + port + "/3/",
		"redis://" + user + server.Addr() + "?db=3&client_name=me@host&protocol=2",
		"redis://" + user + server.Addr() + "?client_name=me%40host&dial_timeout=2s&read_timeout=3&write_timeout=500ms",
		"redis://" + user + server.Addr() + "?conn_max_idle_time=1m&conn_max_lifetime=1h&conn_max_lifetime_jitter=1m",
		"redis://" + user + server.Addr() + "?idle_timeout=0&max_conn_age=1h&pipeline_read_buffer_size=65536&pipeline_write_buffer_size=65536",
	} {
		works(t, open(t, url, nil))
	}
}

func TestOpenRefusesWhatWouldHaveNoEffect(t *testing.T) {
	for url, names := range map[string]string{
		"redis://127.0.0.1:1?max_retries=3":                           "max_retries",
		"redis://127.0.0.1:1?pool_size=10":                            "pool_size",
		"redis://127.0.0.1:1?pool_timeout=1s":                         "pool_timeout",
		"redis://127.0.0.1:1?min_idle_conns=1":                        "min_idle_conns",
		"redis://127.0.0.1:1?no_such_parameter=1":                     "no_such_parameter",
		"redis://127.0.0.1:1?no_such_parameter=1&client_name=me@host": "no_such_parameter",
		"redis://127.0.0.1:1?dial_timeout=1s&dial_timeout=2s":         "dial_timeout",
		"redis://127.0.0.1:1?dial_timeout=0":                          "dial_timeout",
		"redis://127.0.0.1:1?read_timeout=-1":                         "read_timeout",
		"redis://127.0.0.1:1?read_timeout=0s":                         "read_timeout",
		"redis://127.0.0.1:1?dial_timeout=soon":                       "parameter value",
		"redis://127.0.0.1:1?skip_verify=true":                        "skip_verify",
		"redis://127.0.0.1:1?username=me":                             "username",
		"redis://127.0.0.1:1?sentinel_username=me":                    "sentinel_username",
		"redis://127.0.0.1:1?conn_max_lifetime_jitter=1s":             "conn_max_lifetime_jitter",
		"redis://127.0.0.1:1?idle_timeout=1s&conn_max_idle_time=1s":   "idle_timeout",
		"redis://127.0.0.1:1/1?db=1":                                  "db",
		"redis://127.0.0.1:1/-1":                                      "-1",
		"redis://127.0.0.1:1?db=-1":                                   "-1",
		"unix:///run/redis.sock?db=-1":                                "-1",
		"unix:///run/redis.sock?master_name=main":                     "master_name",
		"unix:///run/redis.sock?addr=127.0.0.1:1":                     "addr",
		"redis://127.0.0.1:1?master_name=":                            "master_name",
		"redis://127.0.0.1:1?master_name=a&master_name=b":             "master_name",
		"redis://127.0.0.1:1?master_name=main&replica_only=true":      "replica_only",
		"redis://127.0.0.1:1?master_name=main&route_randomly=1":       "route_randomly",
		"redis://127.0.0.1:1,127.0.0.1:2/1":                           "database",
		"redis://127.0.0.1:1,127.0.0.1:1":                             "twice",
		"redis://127.0.0.1:1?addr=127.0.0.1:1":                        "twice",
		"redis://127.0.0.1:1?addr=127.0.0.1:port":                     "address",
		"redis://127.0.0.1:1?addr=":                                   "address",
		"redis://127.0.0.1:1,":                                        "address",
		"redis://127.0.0.1:1,127.0.0.1:2?max_redirects=3":             "max_redirects",
		"redis://127.0.0.1:1,127.0.0.1:2?read_only=true":              "read_only",
	} {
		_, err := redis.Open(within(t), url, nil)
		if !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(err.Error(), names) {
			t.Errorf("Open(%q) = %v, want an error that names %s", url, err, names)
		}
	}
}

func TestNoErrorShowsAPasswordThatIsNotEscaped(t *testing.T) {
	for _, url := range []string{
		"redis://:pass/hidden@127.0.0.1:1", "redis://:pass?hidden=1@127.0.0.1:1", "redis://:pass?hidden@127.0.0.1:1",
		"redis://:pass#hidden@127.0.0.1:1", "redis://user:pass%hidden@127.0.0.1:1", "redis://user:pa?addr=hidden@127.0.0.1:1",
		"redis://user:hidden@127.0.0.1:1,hid den", "redis://127.0.0.1:1?master_name=main&password=hidden&password=hidden",
		"redis://127.0.0.1:1?master_name=main&password=hidden@", "redis://:hidden@127.0.0.1:port,127.0.0.1:2",
		"redis://:hidden@127.0.0.1:1,127.0.0.1:2", "redis://:hidden@127.0.0.1:1?master_name=main&password=hidden&read_timeout=300ms",
	} {
		_, err := redis.Open(within(t), url, nil)
		if err == nil || strings.Contains(err.Error(), "hid") {
			t.Errorf("Open(%q) = %v", url, err)
		}
	}
}

func TestOptionsThatWouldHaveNoEffectAreRefused(t *testing.T) {
	config := &tls.Config{ServerName: "redis.example"}
	for _, url := range []string{"redis://127.0.0.1:1", "valkey://127.0.0.1:1", "unix:///run/redis.sock", "redis://127.0.0.1:1,127.0.0.1:2", "redis://127.0.0.1:1?master_name=main"} {
		_, err := redis.Open(within(t), url, &redis.Options{TLS: config})
		if !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(err.Error(), "TLS") {
			t.Errorf("Open(%q) with TLS = %v", url, err)
		}
	}
	client := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	for name, options := range map[string]*redis.Options{"TLS": {TLS: config}, "Dialer": {Dialer: client.Options().Dialer}} {
		if _, err := redis.New(client, options); !errors.Is(err, coordination.ErrInvalidArgument) || !strings.Contains(err.Error(), name) {
			t.Errorf("New with %s = %v", name, err)
		}
	}
}
