package main

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// condition is what a node is like from outside.
type condition string

const (
	starting condition = "starting"
	running  condition = "running"
	deaf     condition = "deaf"
	killed   condition = "killed"
	down     condition = "down" // not started, or ended by itself
)

// view is a node at one moment, as its parent knows it.
type view struct {
	name      string
	condition condition
	pid       int
	state     state // zero where the node does not run, or has not reported yet
	acquired  time.Time

	// Of all its processes.
	found, healed, dropped uint64
}

// views returns all nodes, in the order of names.
func (c *cluster) views() []view {
	c.mu.Lock()
	defer c.mu.Unlock()
	views := make([]view, 0, len(names))
	for _, name := range names {
		views = append(views, c.members[name].view(name))
	}
	return views
}

func (m *member) view(name string) view {
	v := view{
		name: name, condition: m.condition(), acquired: m.acquired,
		found: m.found, healed: m.healed, dropped: m.dropped,
	}
	if m.process != nil {
		v.pid = m.process.command.Process.Pid
	}
	if m.last != nil {
		v.state = *m.last
		v.found += m.last.Status.GapsFound
		v.healed += m.last.Status.GapsHealed
		v.dropped += m.last.Dropped
	}
	return v
}

func (m *member) condition() condition {
	switch {
	case m.process == nil && m.killed:
		return killed
	case m.process == nil:
		return down
	case m.last == nil:
		return starting
	case m.last.Deaf:
		return deaf
	default:
		return running
	}
}

// live reports whether the node takes part, be it deaf or not.
func (v view) live() bool { return v.condition == running || v.condition == deaf }

// digest is equal for two caches that are, and hardly ever otherwise.
func (v view) digest() string {
	hash := fnv.New32a()
	for _, key := range slices.Sorted(maps.Keys(v.state.Entries)) {
		fmt.Fprintf(hash, "%q%q", key, v.state.Entries[key])
	}
	return fmt.Sprintf("%08x", hash.Sum32())
}

func find(views []view, name string) view {
	return views[slices.IndexFunc(views, func(v view) bool { return v.name == name })]
}

// roles returns the live node that leads by its own word, and the other live ones.
func roles(views []view) (leader view, followers []view) {
	for _, v := range views {
		switch {
		case v.live() && v.state.Status.Leading:
			leader = v
		case v.live():
			followers = append(followers, v)
		}
	}
	return leader, followers
}

// settled reports whether each process that was started hears, and they all know
// of one another, of nobody else, and of one leader.
func settled(views []view) bool {
	var live []string
	for _, v := range views {
		if v.live() {
			live = append(live, v.name)
		}
	}
	leader, followers := roles(views)
	if leader.name == "" || len(followers)+1 != len(live) {
		return false
	}
	return !slices.ContainsFunc(views, func(v view) bool {
		switch v.condition {
		case running:
			status := v.state.Status
			return status.Leader != leader.name || status.Term != leader.state.Status.Term || !slices.Equal(status.ActiveNodes, live)
		case starting, deaf:
			return true
		default:
			return false
		}
	})
}

// agreement compares the caches of the live nodes key by key. That a node does
// not have a key is no disagreement: a cache may forget.
type agreement struct {
	nodes  int
	shared int // keys that all have, with one value
	partly int // keys that only some have, with one value
	differ int // keys that have two values
}

func compare(views []view) (a agreement) {
	holders := make(map[string]int)
	values := make(map[string]map[string]bool)
	for _, v := range views {
		if !v.live() {
			continue
		}
		a.nodes++
		for key, value := range v.state.Entries {
			holders[key]++
			if values[key] == nil {
				values[key] = make(map[string]bool)
			}
			values[key][value] = true
		}
	}
	for key, held := range holders {
		switch {
		case len(values[key]) > 1:
			a.differ++
		case held < a.nodes:
			a.partly++
		default:
			a.shared++
		}
	}
	return a
}

// holds reports whether there is something to agree on, and no key differs.
func (a agreement) holds() bool { return a.nodes > 1 && a.shared > 0 && a.differ == 0 }

func (a agreement) String() string {
	return fmt.Sprintf("%d live nodes: %d keys on all, %d on some, %d differ", a.nodes, a.shared, a.partly, a.differ)
}
