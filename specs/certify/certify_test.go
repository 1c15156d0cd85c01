package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/internal/redistest"
	"github.com/riptidecrawler/coordkit/specs/report"
)

// TestMain runs the command itself where a test has started this program so.
func TestMain(m *testing.M) {
	if os.Getenv("CERTIFY") == "1" {
		main()
	}
	os.Exit(m.Run())
}

// live starts a server with some data on it, which nothing may touch, and returns
// its URL.
func live(t *testing.T) string {
	t.Helper()
	server, err := redistest.Start()
	if err != nil {
		if !redistest.Required() {
			t.Skip("not checked: ", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	client := goredis.NewClient(&goredis.Options{Addr: server.Address})
	if err := client.MSet(t.Context(), "key", "live", "spec-1", "live", "spec-AAAAAAAAAAAAAAAAAAAAAAAAAA:k:key", "live").Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer client.Close()
		names, err := client.Keys(context.Background(), "*").Result()
		if err != nil || len(names) != 3 {
			t.Errorf("the server holds %q afterwards (%v)", names, err)
		}
	})
	return server.URL()
}

// certified runs the command and returns its exit code and what it has printed.
func certified(t *testing.T, arguments ...string) (code int, out, told string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), arguments, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestAServerThatKeepsTheContractIsCertified(t *testing.T) {
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	code, out, told := certified(t, "-url", live(t), "-only", "^(value|publish)-", "-html", file("a.html"), "-json", file("a.json"), "-junit", file("a.xml"))
	if code != 0 || !strings.Contains(out, "29 passed") || told != "" {
		t.Errorf("exit code %d\n%s%s", code, out, told)
	}
	encoded, err := os.Open(file("a.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer encoded.Close()
	r, err := report.Decode(encoded)
	if err != nil || !r.Passed() || !strings.HasPrefix(r.Backends[0].Version, "Redis ") {
		t.Errorf("%+v, %v", r, err)
	}
	page, err := os.ReadFile(file("a.html"))
	if err != nil || !bytes.Contains(page, []byte("publish-1")) {
		t.Errorf("%.100s, %v", page, err)
	}
	junit, err := os.ReadFile(file("a.xml"))
	if err != nil || xml.Unmarshal(junit, new(struct{})) != nil {
		t.Errorf("%.100s, %v", junit, err)
	}
}

func TestAServerThatBreaksAPromiseIsNot(t *testing.T) {
	url := live(t)
	options, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	defer client.Close()
	// A server without memory for more than it has refuses what is written.
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	code, out, _ := certified(t, "-url", url, "-only", "^(value-1|publish-1)$")
	if code != 1 || !strings.Contains(out, "FAILED") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestWhatCanNotBeFoundOutHasACodeOfItsOwn(t *testing.T) {
	url := live(t)
	for name, c := range map[string]struct {
		arguments []string
		words     string
	}{
		"no URL":               {nil, "-url is missing"},
		"an unknown flag":      {[]string{"-urk", url}, "-urk"},
		"an unknown argument":  {[]string{"-url", url, "now"}, `unknown argument "now"`},
		"another scheme":       {[]string{"-url", "http://localhost"}, "want redis://"},
		"nobody there":         {[]string{"-url", "redis://user:secret@127.0.0.1:1"}, "connection refused"},
		"a bad pattern":        {[]string{"-url", url, "-only", "("}, "-only"},
		"an empty choice":      {[]string{"-url", url, "-only", "^nothing$"}, "no behaviour matches"},
		"a bad scale":          {[]string{"-url", url, "-scale", "0.5"}, "must be 1 to 100"},
		"a scale of no number": {[]string{"-url", url, "-scale", "NaN"}, "must be 1 to 100"},
		"a report twice":       {[]string{"-url", url, "-json", "a.out", "-html", "./a.out"}, "is named for two reports"},
		"a folder":             {[]string{"-url", url, "-html", t.TempDir()}, "is a folder"},
		"nothing checked":      {[]string{"-url", url, "-only", "^ttl-7$"}, "nothing was checked"},
		"no such folder":       {[]string{"-url", url, "-json", filepath.Join(t.TempDir(), "no", "a.json")}, "no such file"},
		"a full disk":          {[]string{"-url", url, "-only", "^value-1$", "-json", "/dev/full"}, "no space left"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, told := certified(t, c.arguments...)
			if code != 2 || !strings.Contains(told, c.words) || strings.Count(told, "\n") != 1 {
				t.Errorf("exit code %d, want 2 and %q in one line:\n%s", code, c.words, told)
			}
			if strings.Contains(told, "secret") {
				t.Errorf("a password is told: %s", told)
			}
		})
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	code, out, _ := certified(t, "-h")
	if code != 0 || !strings.Contains(out, "-url") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// What was stored until then is removed, as live sees at the end.
func TestAnInterruptEndsItCleanly(t *testing.T) {
	url := live(t)
	command := exec.CommandContext(t.Context(), os.Args[0], "-url", url)
	command.Env = append(os.Environ(), "CERTIFY=1")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	options, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	defer client.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if size, err := client.DBSize(t.Context()).Result(); err != nil || time.Now().After(deadline) {
			t.Fatal("it never begins", err)
		} else if size > 3 { // something is stored just now
			break
		}
	}
	if err := command.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	if code := command.ProcessState.ExitCode(); code != 2 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit code %d\n%s", code, stderr.String())
	}
}
