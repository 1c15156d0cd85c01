//go:build unix

package sync_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// The intervals of a node in a process of its own are short, for specs to be.
const (
	nodeBeat   = 100 * time.Millisecond
	nodeLease  = time.Second
	nodeRetry  = nodeLease / 5
	nodeMargin = nodeLease / 10
	nodeLook   = 5 * time.Millisecond // how often it says whether it leads
)

// asNode in the environment makes the test program a node of that name, on the
// server at atServer.
const (
	asNode   = "COORDKIT_TEST_AS_NODE"
	atServer = "COORDKIT_TEST_AT_SERVER"
)

func TestMain(m *testing.M) {
	if id := os.Getenv(asNode); id != "" {
		if err := runNode(id, os.Getenv(atServer)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// nodeReport is a line that a node writes, as JSON.
type nodeReport struct {
	Kind dsync.EventKind // or one of those below

	// Time and Term are those of an event.
	Time time.Time `json:",omitzero"`
	Term uint64    `json:",omitempty"`
	// From and To are, where it leads in Term, just before and just after it
	// looked.
	From, To time.Time `json:",omitzero"`
	// Err is how an operation went wrong.
	Err string `json:",omitempty"`
	// Cache and Status are the state.
	Cache  map[string]string
	Status *dsync.ClusterStatus `json:",omitempty"`
}

const (
	reportLeads = "leads" // as often as nodeLook
	reportDone  = "done"  // after each line that it was given
)

// reporter writes reports.
type reporter struct {
	mu  sync.Mutex
	out *json.Encoder
}

func (r *reporter) say(line nodeReport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.out.Encode(line) // there is nobody else to tell
}

// runNode is a node that does what it reads, line by line, until that ends.
func runNode(id, url string) error {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	port, err := redis.Open(ctx, url, &redis.Options{LinkTimeout: 5 * nodeBeat})
	if err != nil {
		return err
	}
	defer port.Close()
	reporter := &reporter{out: json.NewEncoder(os.Stdout)}
	cache := newScriptedCache()
	node, err := dsync.New(dsync.Config{NodeID: id, HeartbeatInterval: nodeBeat, LeaderElectionTimeout: nodeLease}, port,
		&dsync.Options{Cache: cache, Observe: func(event dsync.Event) {
			reporter.say(nodeReport{Kind: event.Kind, Time: event.Time, Term: event.Term})
		}})
	if err != nil {
		return err
	}
	var looking sync.WaitGroup
	looking.Go(func() { lookWhetherItLeads(ctx, node, reporter) })
	go func() {
		defer end()
		obey(ctx, os.Stdin, node, cache, reporter)
	}()
	err = node.Run(ctx)
	looking.Wait()
	return err
}

func lookWhetherItLeads(ctx context.Context, node *dsync.DistributedSync, reporter *reporter) {
	ticker := time.NewTicker(nodeLook)
	defer ticker.Stop()
	for ctx.Err() == nil {
		from := time.Now()
		status := node.Status()
		if to := time.Now(); status.Leading {
			reporter.say(nodeReport{Kind: reportLeads, Term: status.Term, From: from, To: to})
		}
		<-ticker.C
	}
}

// obey does what the lines say, and answers each.
func obey(ctx context.Context, lines io.Reader, node *dsync.DistributedSync, cache *scriptedCache, reporter *reporter) {
	for scanner := bufio.NewScanner(lines); scanner.Scan(); {
		done := nodeReport{Kind: reportDone}
		if words := strings.Fields(scanner.Text()); words[0] == "state" {
			status := node.Status()
			done.Cache, done.Status = cache.held(), &status
		} else if err := operate(ctx, node, words); err != nil {
			done.Err = err.Error()
		}
		reporter.say(done)
	}
}

// operate tells the others, or has them told later where the server does not
// answer.
func operate(ctx context.Context, node *dsync.DistributedSync, words []string) error {
	ctx, cancel := context.WithTimeout(ctx, nodeLease)
	defer cancel()
	switch words[0] {
	case "set":
		return node.Set(ctx, words[1], []byte(words[2]), 0)
	case "delete":
		return node.Delete(ctx, words[1])
	case "invalidate":
		return node.InvalidatePattern(ctx, words[1])
	case "clear":
		return node.Clear(ctx)
	}
	return fmt.Errorf("unknown operation %q", words[0])
}
