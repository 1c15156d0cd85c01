package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/coordination"
)

// scan walks the user's keys that match a narrowed pattern, step by step. It visits
// each key at least once that is there from the beginning to the end.
func (c *Coordination) scan(ctx context.Context, operation, pattern string, visit func(found []string) error) error {
	if err := c.begin(ctx, operation); err != nil {
		return err
	}
	if c.home.cluster == nil {
		return c.scanServer(ctx, operation, c.home, pattern, visit)
	}
	return c.scanCluster(ctx, operation, pattern, visit)
}

// scanServer walks the keys of one server.
func (c *Coordination) scanServer(ctx context.Context, operation string, s *server, pattern string, visit func(found []string) error) error {
	cursor := "0"
	for {
		if err := c.begin(ctx, operation); err != nil {
			return err
		}
		reply, err := s.send(ctx, "scan", cursor, "match", c.names.keys+pattern, "count", scanStep)
		if err != nil {
			return c.failure(ctx, operation, err)
		}
		answer, ok := reply.([]any)
		if !ok || len(answer) != 2 {
			return c.unexpected(operation, reply)
		}
		found, err := c.toStrings(operation, answer[1], nil)
		if err != nil {
			return err
		}
		if err := visit(found); err != nil {
			return err
		}
		if cursor, ok = answer[0].(string); !ok {
			return c.unexpected(operation, reply)
		}
		if cursor == "0" {
			return nil
		}
	}
}

// maxScans is how often nodes are scanned again because slots move.
const maxScans = 10

// scanCluster walks the keys of all primaries. A key that moves meanwhile is on a node
// that imports slots, or on one whose slots have changed: these are scanned again.
func (c *Coordination) scanCluster(ctx context.Context, operation, pattern string, visit func(found []string) error) error {
	cl := c.home.cluster
	before, err := cl.views(ctx)
	if err != nil {
		return c.failure(ctx, operation, err)
	}
	todo := slices.Sorted(maps.Keys(before))
	for again := range maxScans {
		for _, address := range todo {
			s, err := cl.at(address)
			if err != nil {
				return c.failure(ctx, operation, err)
			}
			if err := c.scanServer(ctx, operation, s, pattern, visit); err != nil {
				return err
			}
		}
		after, err := cl.views(ctx)
		if err != nil {
			return c.failure(ctx, operation, err)
		}
		todo = unsettled(before, after, again == 0)
		if len(todo) == 0 {
			return nil
		}
		before = after
	}
	return fmt.Errorf("%s: %s: slots move between the nodes without a pause: %w", operation, c.home.name, coordination.ErrUnavailable)
}

// view is what a primary says of its own slots: its ranges, its epoch, and which slots
// it is exporting or importing.
type view string

func (v view) importing() bool { return strings.Contains(string(v), "-<-") }

// unsettled returns the nodes that may have received keys between two views. After
// the first scan these include all nodes that are importing: they may have been
// scanned before the node that a key came from.
func unsettled(before, after map[string]view, first bool) []string {
	var nodes []string
	for address, now := range after {
		then, known := before[address]
		if !known || then != now || first && (then.importing() || now.importing()) {
			nodes = append(nodes, address)
		}
	}
	// A key moves from a node that exports to one that imports.
	slices.SortFunc(nodes, func(a, b string) int {
		switch {
		case after[a].importing() == after[b].importing():
			return strings.Compare(a, b)
		case after[a].importing():
			return 1
		default:
			return -1
		}
	})
	return nodes
}

// views returns the view of each primary, by address. It is empty if the node does
// not tell.
func (cl *cluster) views(ctx context.Context) (map[string]view, error) {
	primaries, err := cl.primaries(ctx)
	if err != nil {
		return nil, err
	}
	views := map[string]view{}
	for _, address := range primaries {
		s, err := cl.at(address)
		if err != nil {
			return nil, err
		}
		reply, err := s.send(ctx, "cluster", "nodes")
		var refusal redis.Error
		if err != nil && !errors.As(err, &refusal) {
			return nil, err
		}
		text, _ := reply.(string)
		views[address] = viewOf(text)
	}
	return views, nil
}

// viewOf reads the node's own line of the reply to CLUSTER NODES: ID, address, flags,
// primary, ping, pong, epoch, link state, slots.
func viewOf(text string) view {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) >= 8 && strings.Contains(fields[2], "myself") {
			return view(strings.Join(append([]string{fields[0], fields[2], fields[6]}, fields[8:]...), " "))
		}
	}
	return ""
}
