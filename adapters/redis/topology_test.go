package redis

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestSlotsAreThoseOfTheServer(t *testing.T) {
	for key, want := range map[string]int{ // by CLUSTER KEYSLOT
		"": 0, "123456789": 12739, "foo": 12182, "{foo}bar": 12182, "bar{foo}": 12182, "{}foo": 9500,
		"foo{}{bar}": 8363, "foo{{bar}}zap": 4015, "foo{bar": 15278, "{riptide}:leader": 6253,
	} {
		if got := slotOf(key); got != want {
			t.Errorf("slotOf(%q) = %d, want %d", key, got, want)
		}
	}
}

func TestAnOwnerIsFoundInEveryRange(t *testing.T) {
	topology := newTopology([]slotRange{{100, 200, "b:1"}, {0, 99, "a:1"}, {300, slotCount - 1, "a:1"}})
	for slot, want := range map[int]string{0: "a:1", 99: "a:1", 100: "b:1", 200: "b:1", 201: "", 299: "", 300: "a:1", slotCount - 1: "a:1"} {
		if got := topology.owner(slot); got != want {
			t.Errorf("owner(%d) = %q, want %q", slot, got, want)
		}
	}
	if !slices.Equal(topology.primaries, []string{"a:1", "b:1"}) {
		t.Errorf("primaries = %q", topology.primaries)
	}
}

func TestWhatANodeDoesNotTellOfAnAddressIsItsOwn(t *testing.T) {
	rows := func(host, port any) any { return []any{[]any{int64(0), int64(1), []any{host, port, "id"}}} }
	for name, c := range map[string]struct {
		host, port   any
		origin, want string
	}{
		"all is told":                 {"10.0.0.2", int64(7000), "10.0.0.1:6379", "10.0.0.2:7000"},
		"a name":                      {"node-2", int64(7000), "10.0.0.1:6379", "node-2:7000"},
		"IPv6":                        {"fe80::2", int64(7000), "10.0.0.1:6379", "[fe80::2]:7000"},
		"no host":                     {"", int64(7000), "10.0.0.1:6379", "10.0.0.1:7000"},
		"a nil host":                  {nil, int64(7000), "10.0.0.1:6379", "10.0.0.1:7000"},
		"an unknown host":             {"?", int64(7000), "10.0.0.1:6379", "10.0.0.1:7000"},
		"no port":                     {"10.0.0.2", int64(0), "10.0.0.1:6379", "10.0.0.2:6379"},
		"loopback from afar":          {"127.0.0.1", int64(7000), "10.0.0.1:6379", "10.0.0.1:7000"},
		"loopback from loopback":      {"127.0.0.1", int64(7000), "127.0.0.1:6379", "127.0.0.1:7000"},
		"loopback, asked by its name": {"127.0.0.1", int64(7000), "localhost:6379", "127.0.0.1:7000"},
	} {
		topology, err := topologyOf(rows(c.host, c.port), c.origin)
		if err != nil || topology.owner(0) != c.want {
			t.Errorf("%s: %v, %v, want %s", name, topology, err, c.want)
		}
	}
	for _, reply := range []any{nil, "OK", []any{"row"}, []any{[]any{int64(0), int64(1)}}, []any{[]any{"0", int64(1), []any{"h", int64(1)}}}} {
		if _, err := topologyOf(reply, "10.0.0.1:6379"); err == nil {
			t.Errorf("the reply %v is taken", reply)
		}
	}
}

// refusal is an error of the server.
type refusal string

func (r refusal) Error() string { return string(r) }
func (refusal) RedisError()     {}

var _ redis.Error = refusal("")

func TestRedirectsAreRead(t *testing.T) {
	for text, want := range map[string]redirect{
		"MOVED 12 10.0.0.2:7000": {12, "10.0.0.2:7000", false},
		"ASK 12 node-2:7000":     {12, "node-2:7000", true},
		"MOVED 12 :7000":         {12, "10.0.0.1:7000", false},
		"MOVED 12 [fe80::2]:1":   {12, "[fe80::2]:1", false},
	} {
		got, found := redirectOf(fmt.Errorf("10.0.0.1:6379: %w", refusal(text)), "10.0.0.1:6379")
		if !found || got != want {
			t.Errorf("%s: %v, %v", text, got, found)
		}
	}
	for _, err := range []error{
		nil, errors.New("MOVED 12 10.0.0.2:7000"), refusal("MOVED"), refusal("MOVED x 10.0.0.2:7000"), refusal("MOVED 12 nowhere"), refusal("ERR no"),
	} {
		if got, found := redirectOf(err, "10.0.0.1:6379"); found {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestWhatMostNodesSeeCounts(t *testing.T) {
	old := newTopology([]slotRange{{0, slotCount - 1, "a:1"}})
	now := func() *topology { return newTopology([]slotRange{{0, slotCount - 1, "b:1"}}) }
	if got := mostSeen([]*topology{old, now(), now()}); got.owner(0) != "b:1" {
		t.Errorf("the majority sees %v", got)
	}
	if got := mostSeen([]*topology{old, now()}); got.owner(0) != "a:1" {
		t.Errorf("without a majority the first counts, not %v", got)
	}
}

func TestNodesThatReceiveSlotsAreScannedAgain(t *testing.T) {
	const quiet, moved, importing, exporting = view("id myself,master 1 0-10"), view("id myself,master 2 0-9"),
		view("id myself,master 1 0-10 [11-<-other]"), view("id myself,master 1 0-10 [1->-other]")
	for name, c := range map[string]struct {
		before, after map[string]view
		first         bool
		want          []string
	}{
		"nothing moves":              {map[string]view{"a": quiet}, map[string]view{"a": quiet}, true, nil},
		"a node with other slots":    {map[string]view{"a": quiet, "b": quiet}, map[string]view{"a": moved, "b": quiet}, false, []string{"a"}},
		"a new node":                 {map[string]view{"a": quiet}, map[string]view{"a": quiet, "b": quiet}, false, []string{"b"}},
		"importing, after the first": {map[string]view{"a": importing}, map[string]view{"a": importing}, true, []string{"a"}},
		"importing, after another":   {map[string]view{"a": importing}, map[string]view{"a": importing}, false, nil},
		"exporting":                  {map[string]view{"a": exporting}, map[string]view{"a": exporting}, true, nil},
		"importing after exporting":  {map[string]view{"a": quiet, "b": quiet}, map[string]view{"a": importing, "b": exporting}, false, []string{"b", "a"}},
	} {
		if got := unsettled(c.before, c.after, c.first); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
