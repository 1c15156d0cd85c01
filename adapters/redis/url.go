package redis

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/coordination"
)

// location is what a URL says.
type location struct {
	options   *redis.Options // of a connection to a server; Addr is the first address
	addresses []string       // of servers, or of Sentinels

	master       string // the name that the Sentinels know, "" without Sentinel
	sentinelUser string
	sentinelPass string
}

const urlForm = "want redis://, rediss:// or unix://, user:password@ with special characters as %XX, address and /db"

// parseURL reads a URL. Its errors show nothing of the URL but a database number and
// the name of a parameter: a password that is not written with %XX can end up in any
// other part.
func parseURL(text string) (*location, error) {
	scheme, rest, found := strings.Cut(text, "://")
	scheme, known := schemes[scheme]
	if !found || !known {
		return nil, fmt.Errorf("open: url has no known scheme, %s: %w", urlForm, coordination.ErrInvalidArgument)
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	authority, rest := rest[:end], rest[end:]
	user, hosts := "", authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, hosts = authority[:i+1], authority[i+1:]
	}
	list := strings.Split(hosts, ",") // which url.Parse refuses
	parsed, err := url.Parse(scheme + "://" + user + list[0] + rest)
	if err != nil {
		return nil, fmt.Errorf("open: url cannot be parsed, %s: %w", urlForm, coordination.ErrInvalidArgument)
	}
	query, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("open: url has malformed parameters, %s: %w", urlForm, coordination.ErrInvalidArgument)
	}
	if misplaced(parsed) {
		return nil, fmt.Errorf("open: url has an @ or a # where none can be, %s: %w", urlForm, coordination.ErrInvalidArgument)
	}
	if err := checkParameters(parsed, query); err != nil {
		return nil, err
	}
	if scheme == "unix" && len(list) > 1 {
		return nil, fmt.Errorf("open: url has several addresses, want one path with unix://: %w", coordination.ErrInvalidArgument)
	}
	return locate(parsed, query, append(list[1:], query["addr"]...))
}

// schemes maps each scheme to the one that go-redis knows.
var schemes = map[string]string{"redis": "redis", "rediss": "rediss", "unix": "unix", "valkey": "redis", "valkeys": "rediss"}

// misplaced reports whether the rest of a password has ended up behind the host: in
// the path, in a parameter, or in a fragment. Only a client's name may hold an @.
func misplaced(parsed *url.URL) bool {
	local := parsed.Scheme == "unix"
	if parsed.Fragment != "" || local && parsed.Host != "" || !local && strings.Contains(parsed.Path, "@") {
		return true
	}
	return slices.ContainsFunc(strings.Split(parsed.RawQuery, "&"), func(pair string) bool {
		return strings.Contains(pair, "@") && !strings.HasPrefix(pair, "client_name=")
	})
}

// The parameters of a URL.
var (
	// effective parameters are passed on to go-redis.
	effective = []string{
		"db", "skip_verify", "protocol", "client_name", "dial_timeout", "read_timeout", "write_timeout",
		"conn_max_idle_time", "idle_timeout", "conn_max_lifetime", "max_conn_age", "conn_max_lifetime_jitter",
		"pipeline_read_buffer_size", "pipeline_write_buffer_size",
	}
	// overridden parameters are those of go-redis for which the adapter makes its
	// own choice.
	overridden = []string{
		"max_retries", "min_retry_backoff", "max_retry_backoff", "max_redirects", "dialer_retries", "dialer_retry_timeout",
		"pool_fifo", "pool_size", "pool_timeout", "min_idle_conns", "max_idle_conns", "max_active_conns",
		"max_concurrent_dials", "pipeline_pool_size", "context_timeout_enabled",
		"read_only", "replica_only", "route_by_latency", "route_by_latency_tolerance", "route_randomly",
		"use_disconnected_replicas", "failing_timeout_seconds",
	}
)

// checkParameters refuses parameters that would have no effect.
func checkParameters(parsed *url.URL, query url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if reason := objection(parsed, query, name); reason != "" {
			return fmt.Errorf("open: url parameter %q %s: %w", name, reason, coordination.ErrInvalidArgument)
		}
	}
	return nil
}

// objection says why a parameter is refused, "" if it is not.
func objection(parsed *url.URL, query url.Values, name string) string {
	path := strings.Trim(parsed.Path, "/")
	switch values := query[name]; {
	case slices.Contains(overridden, name):
		return "has no effect, the adapter makes its own choice"
	case (name == "addr" || name == "master_name") && parsed.Scheme == "unix":
		return "has no effect with unix://"
	case name == "addr":
		return ""
	case (name == "username" || name == "password") && !query.Has("master_name"):
		return "has no effect without master_name"
	case name == "skip_verify" && parsed.Scheme != "rediss":
		return "has no effect without TLS, want rediss://"
	case name != "master_name" && name != "username" && name != "password" && !slices.Contains(effective, name):
		return "is unknown"
	case len(values) > 1:
		return "is given twice"
	case name == "master_name" && values[0] == "":
		return "is empty, want the name of a primary"
	case name == "db" && path != "" && parsed.Scheme != "unix":
		return "is a second database, the path has one"
	case strings.HasSuffix(name, "_timeout") && name != "idle_timeout" && isZero(values[0]):
		return "is zero or less, want a positive duration"
	case name == "idle_timeout" && query.Has("conn_max_idle_time"), name == "max_conn_age" && query.Has("conn_max_lifetime"):
		return "is given under its newer name too"
	case name == "conn_max_lifetime_jitter" && !query.Has("conn_max_lifetime") && !query.Has("max_conn_age"):
		return "has no effect without conn_max_lifetime"
	default:
		return ""
	}
}

// isZero reports whether a duration is one by which go-redis disables a time-out.
func isZero(text string) bool {
	return text != "" && strings.Trim(text, "0.hmsnuµ") == "" || strings.HasPrefix(text, "-")
}

// locate builds the location of a URL whose parameters are checked.
func locate(parsed *url.URL, query url.Values, more []string) (*location, error) {
	l := &location{master: query.Get("master_name")}
	server := *parsed
	if l.master != "" { // the user of the URL is the Sentinels' one, as for go-redis
		l.sentinelUser = parsed.User.Username()
		l.sentinelPass, _ = parsed.User.Password()
		server.User = url.UserPassword(query.Get("username"), query.Get("password"))
	}
	for _, name := range []string{"addr", "master_name", "username", "password"} {
		query.Del(name)
	}
	server.RawQuery = query.Encode()
	options, err := redis.ParseURL(server.String())
	if err != nil {
		return nil, fmt.Errorf("open: url has an invalid address, database or parameter value, %s: %w", urlForm, coordination.ErrInvalidArgument)
	}
	if options.DB < 0 {
		return nil, fmt.Errorf("open: url has database %d, want 0 or more: %w", options.DB, coordination.ErrInvalidArgument)
	}
	l.options = options
	l.addresses = []string{options.Addr}
	for _, address := range more {
		address, err := withPort(address)
		if err != nil {
			return nil, err
		}
		if slices.Contains(l.addresses, address) {
			return nil, fmt.Errorf("open: url has an address twice, want each once: %w", coordination.ErrInvalidArgument)
		}
		l.addresses = append(l.addresses, address)
	}
	if len(l.addresses) > 1 && l.master == "" && options.DB > 0 {
		return nil, noDatabases(options.DB)
	}
	return l, nil
}

func noDatabases(db int) error {
	return fmt.Errorf("open: url has database %d, a Cluster has only 0: %w", db, coordination.ErrInvalidArgument)
}

// withPort completes an address as go-redis does the first one.
func withPort(text string) (string, error) {
	parsed, err := url.Parse("redis://" + text)
	if err != nil || parsed.Hostname() == "" || parsed.Host != text {
		return "", fmt.Errorf("open: url has an invalid address in its list, want host:port: %w", coordination.ErrInvalidArgument)
	}
	port := parsed.Port()
	if port == "" {
		port = "6379"
	}
	return net.JoinHostPort(parsed.Hostname(), port), nil
}
