//go:build linux

package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/internal/faultproxy"
)

// While processes and Redis are killed, frozen and restarted, clients never see
// a value older than one that they saw written, after the documented time, and
// wait for no request longer than its bound. The nightly job misses no night.
func TestServiceUnderFaults(t *testing.T) {
	f := startFleet(t)
	h := &history{written: map[string][]write{}}
	ctx, stop := context.WithCancel(t.Context())
	var loading sync.WaitGroup
	loading.Go(func() { f.load(ctx, h) })

	const pause = 1500 * time.Millisecond
	one, two, three := f.nodes[0], f.nodes[1], f.nodes[2]
	for _, step := range []struct {
		name string
		harm func()
	}{
		{"Redis hangs for a moment", func() { f.freezeRedis(heartbeat) }},
		{"Redis hangs", func() { f.freezeRedis(1500 * time.Millisecond) }},
		{"a process is killed and comes back", func() { two.kill(); f.restart(two) }},
		{"a process hangs for a moment", func() { three.freeze(2 * heartbeat) }},
		{"a process hangs", func() { three.freeze(1500 * time.Millisecond) }},
		{"Redis closes the subscriptions", f.hangUp},
		{"a process is cut off from a Redis that lives", func() { f.cutOff(two, faultproxy.BlackHole) }},
		{"a process hears nothing", func() { f.cutOff(three, faultproxy.LostWayBack) }},
		{"a process reaches nobody", func() { f.cutOff(one, faultproxy.LostWay) }},
		{"Redis restarts and has lost its data", func() { f.restartRedis(time.Second) }},
		{"the leader is killed", func() { leader := f.leader(); leader.kill(); f.restart(leader) }},
		{"a process dies while Redis hangs", func() {
			var dying sync.WaitGroup
			dying.Go(func() { time.Sleep(300 * time.Millisecond); one.kill() })
			f.freezeRedis(time.Second)
			dying.Wait()
			f.restart(one)
		}},
		{"a process is asked to end", func() {
			if err := two.stop(); err != nil {
				t.Errorf("node-2 ended with %v\n%s", err, f.log(two))
			}
			f.restart(two)
		}},
		{"the leader hangs", func() { f.leader().freeze(2 * time.Second) }},
	} {
		t.Log(step.name)
		step.harm()
		time.Sleep(pause)
	}
	stop()
	loading.Wait()
	h.expectSound(t)
	f.expectCached(t)
	f.expectReports(t)
	if t.Failed() {
		for _, p := range f.nodes {
			t.Logf("%s:\n%s", p.id, f.log(p))
		}
	}
}

// expectCached fails the test if the caches did nothing: then nothing was tested.
func (f *fleet) expectCached(t *testing.T) {
	t.Helper()
	for _, p := range f.nodes {
		var status struct{ Cache struct{ Hits, Misses uint64 } }
		if _, err := (client{f}).do(t.Context(), p, "GET", "/status", nil, &status); err != nil {
			t.Error(err)
		}
		t.Logf("%s: %+v", p.id, status.Cache)
		if status.Cache.Hits == 0 {
			t.Errorf("%s has served nothing from its cache", p.id)
		}
	}
}

// expectReports fails the test if a night is missing, or a leader has written
// after its successor.
func (f *fleet) expectReports(t *testing.T) {
	t.Helper()
	var reports []Report
	if _, err := (client{f}).do(t.Context(), f.nodes[0], "GET", "/reports", nil, &reports); err != nil {
		t.Fatal(err)
	}
	terms := map[uint64]bool{}
	for i, report := range reports {
		terms[report.Term] = true
		if i == 0 {
			continue
		}
		if before := reports[i-1]; report.Night != before.Night+1 || report.Term < before.Term {
			t.Errorf("after %+v comes %+v", before, report)
		}
	}
	t.Logf("%d nights by leaders of %d terms", len(reports), len(terms))
	if len(reports) < 20 || len(terms) < 3 {
		t.Error("the job did too little for the test to mean anything")
	}
}
