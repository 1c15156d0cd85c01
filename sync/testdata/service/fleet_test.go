//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/internal/faultproxy"
	"github.com/riptidecrawler/coordkit/internal/redistest"
)

const (
	heartbeat = 200 * time.Millisecond
	night     = 500 * time.Millisecond
)

// fleet is a service of three processes on a Redis server of their own.
type fleet struct {
	t       *testing.T
	program string
	folder  string
	redis   *redistest.Server
	nodes   []*process
}

// process is one node. A harm that it suffers is noted, so that no client
// expects an answer in time meanwhile.
type process struct {
	id, address string
	link        *faultproxy.Proxy // between it and Redis

	mu      sync.Mutex // guards what follows
	command *exec.Cmd
	harmed  []span
}

// span is a time in which a process was not running. Its end is zero while that
// lasts.
type span struct{ from, to time.Time }

func startFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, folder: t.TempDir()}
	f.program = filepath.Join(f.folder, "service")
	if out, err := exec.Command("go", "build", "-o", f.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	var err error
	f.redis, err = redistest.Start()
	if errors.Is(err, redistest.ErrMissing) && !redistest.Required() {
		t.Skip("not checked: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.redis.Stop() })
	for i := range 3 {
		link, err := faultproxy.Start(f.redis.Address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(link.Close)
		p := &process{id: "node-" + strconv.Itoa(i+1), address: freeAddress(t), link: link}
		f.nodes = append(f.nodes, p)
		f.start(p)
		t.Cleanup(func() { p.kill() })
	}
	for _, p := range f.nodes {
		f.awaitUp(p)
	}
	return f
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func (f *fleet) start(p *process) {
	f.t.Helper()
	log, err := os.OpenFile(filepath.Join(f.folder, p.id+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	defer log.Close()
	command := exec.Command(f.program)
	command.Env = append(os.Environ(), "NODE_ID="+p.id, "LISTEN="+p.address, "REDIS_URL=redis://"+p.link.Address,
		"DATABASE="+filepath.Join(f.folder, "shop.db"), "HEARTBEAT="+heartbeat.String(), "NIGHT="+night.String())
	command.Stderr = log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it must not outlive the test
	if err := command.Start(); err != nil {
		f.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.command = command
}

// awaitUp waits until a node answers, and takes it for unharmed from then on.
func (f *fleet) awaitUp(p *process) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 20*time.Second)
	defer cancel()
	c := client{f: f}
	for {
		if _, err := c.do(ctx, p, "GET", "/healthz", nil, nil); err == nil {
			p.end()
			return
		}
		select {
		case <-ctx.Done():
			f.t.Fatalf("%s does not answer:\n%s", p.id, f.log(p))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (f *fleet) log(p *process) string {
	text, _ := os.ReadFile(filepath.Join(f.folder, p.id+".log"))
	return string(text[max(0, len(text)-4000):])
}

// begin notes that the process stops running.
func (p *process) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.harmed = append(p.harmed, span{from: time.Now()})
}

// end notes that it runs again.
func (p *process) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.harmed) - 1; last >= 0 && p.harmed[last].to.IsZero() {
		p.harmed[last].to = time.Now()
	}
}

// ran reports whether the process was running all the time from one instant to
// another.
func (p *process) ran(from, to time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, harm := range p.harmed {
		if harm.from.Before(to) && (harm.to.IsZero() || harm.to.After(from)) {
			return false
		}
	}
	return true
}

func (p *process) signal(s syscall.Signal) { _ = p.command.Process.Signal(s) }

// kill ends the process at once.
func (p *process) kill() {
	p.begin()
	p.signal(syscall.SIGKILL)
	_ = p.command.Wait() // killed
}

// stop asks the process to end, and waits for it.
func (p *process) stop() error {
	p.begin()
	p.signal(syscall.SIGTERM)
	return p.command.Wait()
}

func (f *fleet) restart(p *process) {
	f.t.Helper()
	f.start(p)
	f.awaitUp(p)
}

// freeze stops a process for d, then has it go on.
func (p *process) freeze(d time.Duration) {
	p.begin()
	p.signal(syscall.SIGSTOP)
	time.Sleep(d)
	p.signal(syscall.SIGCONT)
	p.end()
}

// freezeRedis has the server stop answering for d, without closing a connection.
func (f *fleet) freezeRedis(d time.Duration) {
	f.t.Helper()
	info, err := f.raw().InfoMap(f.t.Context(), "server").Result()
	if err != nil {
		f.t.Fatal(err)
	}
	pid, err := strconv.Atoi(info["Server"]["process_id"])
	if err != nil {
		f.t.Fatal(err)
	}
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	time.Sleep(d)
	_ = syscall.Kill(pid, syscall.SIGCONT)
}

// cutOff begins a fault of the link between one process and a Redis that lives. The
// process must tell in time that its cache may not be read, and once the fault has
// ended that it may.
func (f *fleet) cutOff(p *process, fault faultproxy.Fault) {
	f.t.Helper()
	p.link.Inject(fault, "")
	f.expectReadable(p, false, staleBound+slack)
	time.Sleep(heartbeat)
	p.link.Heal()
	f.expectReadable(p, true, 10*time.Second)
}

// expectReadable waits until a process tells whether its cache may be read, and that
// it is connected or not.
func (f *fleet) expectReadable(p *process, want bool, within time.Duration) {
	f.t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) {
		var status struct{ Readable, Connected bool }
		_, err := client{f}.do(f.t.Context(), p, "GET", "/status", nil, &status)
		if err == nil && status.Readable == want && status.Connected == want {
			return
		}
		if time.Now().After(deadline) {
			f.t.Errorf("%s tells %+v (%v) after %v", p.id, status, err, within)
			return
		}
	}
}

// restartRedis stops the server, which loses all that it held, and starts it
// again after d.
func (f *fleet) restartRedis(d time.Duration) {
	f.t.Helper()
	address := f.redis.Address
	f.redis.Stop()
	time.Sleep(d)
	var err error
	if f.redis, err = redistest.StartAt(address); err != nil {
		f.t.Fatal(err)
	}
}

// hangUp has the server close all connections that are subscribed.
func (f *fleet) hangUp() {
	f.t.Helper()
	if err := f.raw().ClientKillByFilter(f.t.Context(), "TYPE", "pubsub").Err(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) raw() *goredis.Client {
	c := goredis.NewClient(&goredis.Options{Addr: f.redis.Address})
	f.t.Cleanup(func() { _ = c.Close() })
	return c
}

// leader returns the node that leads, waiting for one.
func (f *fleet) leader() *process {
	f.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		for _, p := range f.nodes {
			var status struct{ Leading bool }
			if _, err := (client{f: f}).do(f.t.Context(), p, "GET", "/status", nil, &status); err == nil && status.Leading {
				return p
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	f.t.Fatal("no node leads within 10 s")
	return nil
}

var errStatus = fmt.Errorf("unexpected status")
