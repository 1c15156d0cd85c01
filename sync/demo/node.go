package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// Short times, so that there is something to see, but for the one in which lost
// operations may be told again: a machine that is busy otherwise must not have
// caches emptied.
const (
	heartbeat = 300 * time.Millisecond
	lease     = 2 * time.Second
	retelling = time.Second
	reporting = 100 * time.Millisecond
)

// names are the nodes.
var names = []string{"alpha", "beta", "gamma"}

// node is one node of the cluster, a process of its own.
type node struct {
	sync  *dsync.DistributedSync
	port  *lossyPort
	cache *localCache

	mu  sync.Mutex // guards what follows
	out *json.Encoder
}

// runNode takes part in the cluster until in ends, carries out the commands that
// it reads there, and reports on out.
func runNode(ctx context.Context, id, namespace, url string, in io.Reader, out io.Writer) error {
	handle, err := redis.Open(ctx, url, &redis.Options{Namespace: namespace})
	if err != nil {
		return err
	}
	defer func() { _ = handle.Close() }() // always nil
	n := &node{
		port:  &lossyPort{DistributedCoordination: handle},
		cache: newLocalCache(),
		out:   json.NewEncoder(out),
	}
	n.sync, err = dsync.New(dsync.Config{
		NodeID:                id,
		ClusterNodes:          names,
		HeartbeatInterval:     heartbeat,
		LeaderElectionTimeout: lease,
	}, n.port, &dsync.Options{
		Cache:    n.cache,
		Recovery: dsync.Recovery{Timeout: retelling},
		Observe: func(event dsync.Event) {
			n.report(report{Event: &happening{Kind: event.Kind, Text: describe(event)}})
		},
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // ends with its input, or the process
		defer stop()
		n.obey(ctx, in)
	}()
	var reporter sync.WaitGroup
	defer reporter.Wait()
	reporter.Go(func() { n.reports(ctx) })
	return n.sync.Run(ctx)
}

// obey carries out commands until there are no more.
func (n *node) obey(ctx context.Context, in io.Reader) {
	commands := json.NewDecoder(in)
	for {
		var told command
		if err := commands.Decode(&told); err != nil {
			return
		}
		if err := n.execute(ctx, told); err != nil {
			n.report(report{Event: &happening{Text: fmt.Sprintf("%s %s failed: %v", told.Do, told.Key, err)}})
		}
	}
}

func (n *node) execute(ctx context.Context, told command) error {
	ctx, cancel := context.WithTimeout(ctx, lease)
	defer cancel()
	switch told.Do {
	case set:
		return n.sync.Set(ctx, told.Key, []byte(told.Value), 0)
	case invalidate:
		return n.sync.InvalidatePattern(ctx, told.Key)
	case deafen, hear:
		n.port.deaf.Store(told.Do == deafen)
		return nil
	default:
		return fmt.Errorf("no such command")
	}
}

// reports tells the state again and again.
func (n *node) reports(ctx context.Context) {
	ticker := time.NewTicker(reporting)
	defer ticker.Stop()
	for ctx.Err() == nil {
		n.report(report{State: &state{
			Status:  n.sync.Status(),
			Entries: n.cache.values(),
			Deaf:    n.port.deaf.Load(),
			Dropped: n.port.dropped.Load(),
		}})
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// report writes one line. A parent that is gone reads none, and ends the input.
func (n *node) report(r report) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_ = n.out.Encode(r)
}

// describe puts an event into words.
func describe(event dsync.Event) string {
	text := string(event.Kind)
	switch event.Kind {
	case dsync.LeadershipAcquired:
		text += fmt.Sprintf(", term %d", event.Term)
	case dsync.GapFound, dsync.GapHealed:
		text += fmt.Sprintf(": %d of %s", event.Count, event.Node)
	case dsync.NodeJoined, dsync.NodeSuspected, dsync.NodeLeft, dsync.DuplicateNode:
		text += ": " + event.Node
	case dsync.ClockOff:
		text += fmt.Sprintf(" by %v", event.Duration)
	}
	if event.Err != nil {
		text += fmt.Sprintf(": %v", event.Err)
	}
	return text
}
