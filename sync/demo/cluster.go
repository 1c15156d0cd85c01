package main

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

// display shows people what happens. Its methods may be called concurrently.
type display interface {
	line(line)
	step(title string)    // of the script begins
	reached(views []view) // how the nodes are at its end
}

// line is one line of the log.
type line struct {
	at   time.Duration // since the start
	who  string
	text string
}

// kinds are what the keys that the demo writes begin with.
var kinds = []string{"user", "price", "page"}

// cluster is the nodes as their parent knows them. Its methods may be called
// concurrently.
type cluster struct {
	server    *backend
	namespace string // of this run alone
	began     time.Time
	display   display // may block, and is never called with mu held

	mu      sync.Mutex // guards what follows
	members map[string]*member
	serial  int // of the last value that was written
}

// member is a node, which may have been several processes by now.
type member struct {
	process  *process // nil where none runs
	killed   bool
	last     *state    // that it has reported; nil where it has not yet
	acquired time.Time // when it last told that it leads

	// Of its processes that have ended.
	found, healed, dropped uint64
}

func newCluster(server *backend) *cluster {
	c := &cluster{
		server:    server,
		namespace: "coordkit-demo-" + rand.Text(),
		began:     time.Now(),
		members:   make(map[string]*member),
	}
	for _, name := range names {
		c.members[name] = &member{}
	}
	return c
}

func (c *cluster) say(who, format string, arguments ...any) {
	c.display.line(line{time.Since(c.began), who, fmt.Sprintf(format, arguments...)})
}

// start starts the process of a node that has none.
func (c *cluster) start(name string) error {
	c.mu.Lock()
	m := c.members[name]
	if m.process != nil {
		c.mu.Unlock()
		return fmt.Errorf("%s runs already", name)
	}
	process, err := startProcess(name, c.namespace, c.server, listener{
		report:   func(r report) { c.hear(name, r) },
		complain: func(text string) { c.say(name, "says: %s", text) },
		ended:    func(err error) { c.ended(name, err) },
	})
	if err != nil {
		c.mu.Unlock()
		return fmt.Errorf("%s can't be started: %w", name, err)
	}
	m.process, m.killed = process, false
	c.mu.Unlock()
	c.say(name, "started, process %d", process.command.Process.Pid)
	return nil
}

// kill ends the process of a node as a crash does.
func (c *cluster) kill(name string) error {
	process, err := c.running(name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.members[name].killed = true
	c.mu.Unlock()
	process.kill()
	c.say(name, "killed (-9)")
	return nil
}

// tell gives a node a command.
func (c *cluster) tell(name string, told command) error {
	process, err := c.running(name)
	if err != nil {
		return err
	}
	if err := process.tell(told); err != nil {
		return fmt.Errorf("%s can't be told: %w", name, err)
	}
	return nil
}

// write has a node set the keys kind:1 to kind:count, and returns the values.
func (c *cluster) write(name, kind string, count int) (map[string]string, error) {
	written := make(map[string]string, count)
	for i := range count {
		c.mu.Lock()
		c.serial++
		value := fmt.Sprintf("%s-%d", name, c.serial)
		c.mu.Unlock()
		key := fmt.Sprintf("%s:%d", kind, i+1)
		if err := c.tell(name, command{Do: set, Key: key, Value: value}); err != nil {
			return nil, err
		}
		written[key] = value
	}
	c.say(name, "writes %s:1 to %s:%d", kind, kind, count)
	return written, nil
}

// invalidate has a node forget, for all, what pattern matches.
func (c *cluster) invalidate(name, pattern string) error {
	err := c.tell(name, command{Do: invalidate, Key: pattern})
	if err == nil {
		c.say(name, "invalidates %s", pattern)
	}
	return err
}

// deafen has a node lose what it is sent, or hear again.
func (c *cluster) deafen(name string, yes bool) error {
	do, text := hear, "hears again"
	if yes {
		do, text = deafen, "is deaf, and does not know"
	}
	err := c.tell(name, command{Do: do})
	if err == nil {
		c.say(name, "%s", text)
	}
	return err
}

// close has all nodes end, at the same time, and waits for them.
func (c *cluster) close() {
	var ending sync.WaitGroup
	for _, name := range names {
		if process, err := c.running(name); err == nil {
			ending.Go(process.end)
		}
	}
	ending.Wait()
}

func (c *cluster) running(name string) (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if process := c.members[name].process; process != nil {
		return process, nil
	}
	return nil, fmt.Errorf("%s does not run", name)
}

func (c *cluster) hear(name string, r report) {
	c.mu.Lock()
	m := c.members[name]
	if r.State != nil {
		m.last = r.State
	}
	if r.Event != nil && r.Event.Kind == dsync.LeadershipAcquired {
		m.acquired = time.Now()
	}
	c.mu.Unlock()
	if r.Event != nil {
		c.say(name, "%s", r.Event.Text)
	}
}

func (c *cluster) ended(name string, err error) {
	c.mu.Lock()
	m := c.members[name]
	if m.last != nil {
		m.found += m.last.Status.GapsFound
		m.healed += m.last.Status.GapsHealed
		m.dropped += m.last.Dropped
	}
	m.process, m.last = nil, nil
	killed := m.killed
	c.mu.Unlock()
	if err != nil && !killed {
		c.say(name, "ended: %v", err)
	}
}
