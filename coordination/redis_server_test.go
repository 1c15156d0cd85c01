package coordination_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// globServer asks a real Redis server what a pattern matches. It is safe beside
// live data: it touches one key with a random name that expires by itself, and
// asks by HSCAN on that small hash, which stalls nobody. A nil server judges
// nothing.
type globServer struct {
	client *redis.Client
	key    string
	// unsigned says that char is unsigned where the server was built, as on
	// ARM under Linux, so that its ranges differ from those of Match.
	unsigned bool
}

// newGlobServer uses the server at REDIS_URL, or else starts redis-server from
// PATH for the time of the process. Where there is neither it returns nil and says
// so, and fails the test if REQUIRE_REDIS is 1.
func newGlobServer(tb testing.TB) *globServer {
	tb.Helper()
	options := serverOptions(tb)
	if options == nil {
		return nil
	}
	server := &globServer{
		client: redis.NewClient(options),
		key:    "coordkit-glob-test-" + rand.Text(),
	}
	tb.Cleanup(func() {
		server.client.Del(context.Background(), server.key)
		server.client.Close()
	})
	server.unsigned = !server.matched(tb, []string{"[a-\xff]"}, []string{"\x01"})[0]["\x01"]
	if server.unsigned {
		fmt.Fprintln(os.Stderr, tb.Name()+": ranges with bytes from 0x80 on are not checked: the server's char is unsigned")
	}
	return server
}

// judges says whether the server's view of pattern counts.
func (s *globServer) judges(pattern string) bool {
	if s == nil {
		return false
	}
	high := strings.ContainsFunc(pattern, func(r rune) bool { return r >= 0x80 })
	return !(s.unsigned && high && strings.Contains(pattern, "-"))
}

// matched returns for each pattern which of the names it matches, all in one
// round trip.
func (s *globServer) matched(tb testing.TB, patterns, names []string) []map[string]bool {
	tb.Helper()
	ctx := context.Background()
	fields := make([]any, 0, 2*len(names))
	for _, name := range names {
		fields = append(fields, name, "")
	}
	pipe := s.client.Pipeline()
	pipe.Del(ctx, s.key)
	pipe.HSet(ctx, s.key, fields...)
	pipe.PExpire(ctx, s.key, time.Minute)
	scans := make([]*redis.ScanCmd, len(patterns))
	for i, pattern := range patterns {
		// Not pipe.HScan, which takes an empty pattern for none.
		scans[i] = redis.NewScanCmd(ctx, nil, "hscan", s.key, 0, "match", pattern, "count", 1000)
		_ = pipe.Process(ctx, scans[i])
	}
	if _, err := pipe.Exec(ctx); err != nil {
		tb.Fatalf("ask the server for %q among %q: %v", patterns, names, err)
	}

	matched := make([]map[string]bool, len(patterns))
	for i, scan := range scans {
		fields, cursor := scan.Val()
		if cursor != 0 {
			tb.Fatalf("HSCAN of %d names did not end in one step", len(names))
		}
		matched[i] = map[string]bool{}
		for j := 0; j < len(fields); j += 2 {
			matched[i][fields[j]] = true
		}
	}
	return matched
}

func serverOptions(tb testing.TB) *redis.Options {
	tb.Helper()
	url, err := redistest.URL()
	if errors.Is(err, redistest.ErrMissing) && !redistest.Required() {
		fmt.Fprintln(os.Stderr, tb.Name()+": checked by the reference only, not against a Redis server:", err)
		return nil
	}
	if err != nil {
		tb.Fatal(err)
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		tb.Fatalf("the server's URL: %v", err)
	}
	return options
}
