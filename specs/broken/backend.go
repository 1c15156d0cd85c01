package broken

import (
	"sync"
	"sync/atomic"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
)

// backend is what the handles of one subject share. It holds more than they
// need, for faults to lay hands on.
type backend struct {
	strikes  atomic.Int64 // how often the fault has shown itself
	refuses  atomic.Bool  // whether it takes no writes
	messages memory.Hub
	buffer   int // how many messages its subscriptions hold

	mu      sync.Mutex // guards what follows
	records map[string]*memory.Hub
	handles map[string][]*handle // by namespace, closed ones as well
	losses  map[string]int
	starts  int64
	foreign map[string]bool // what other programs have stored, by name
}

func newBackend() *backend {
	return &backend{
		buffer:  buffer,
		records: map[string]*memory.Hub{},
		handles: map[string][]*handle{},
		losses:  map[string]int{},
		foreign: map[string]bool{},
	}
}

// open opens a sound handle. Faults may do so for a peer of which the contract
// does not know; nobody needs to close it.
func (b *backend) open(namespace string) (*handle, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	messages, err := b.messages.Open(&memory.Options{Namespace: namespace, Buffer: b.buffer})
	if err != nil {
		return nil, err
	}
	nowhere, err := memory.NewHub().Open(&memory.Options{Namespace: namespace})
	if err != nil {
		return nil, err
	}
	h := &handle{messages: messages, nowhere: nowhere, link: newLink(messages), degraded: b.refuses.Load}
	if b.records[namespace] == nil {
		b.records[namespace] = memory.NewHub()
	}
	if err := h.moveTo(b.records[namespace], namespace); err != nil {
		return nil, err
	}
	b.handles[namespace] = append(b.handles[namespace], h)
	return h, nil
}

// namespaces returns those in which a handle was opened.
func (b *backend) namespaces() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for namespace := range b.handles {
		all = append(all, namespace)
	}
	return all
}

// forget loses the records of a namespace: its handles go on with fresh ones.
func (b *backend) forget(namespace string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.losses[namespace]++
	b.records[namespace] = memory.NewHub()
	for _, h := range b.handles[namespace] {
		if err := h.moveTo(b.records[namespace], namespace); err != nil {
			return err
		}
	}
	return nil
}

// links sets what the links of all handles are like.
func (b *backend) links(condition condition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if condition == whole {
		b.starts++
	}
	for _, handles := range b.handles {
		for _, h := range handles {
			h.link.set(condition)
		}
	}
}

// breaks returns how often links were cut or frozen.
func (b *backend) breaks() (sum int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, handles := range b.handles {
		for _, h := range handles {
			sum += h.link.breaks()
		}
	}
	return sum
}

// restarts returns how often the backend was started again.
func (b *backend) restarts() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.starts
}

// store stores something of another program, and take removes it and says
// whether it was there.
func (b *backend) store(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.foreign[name] = true
}

func (b *backend) take(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	there := b.foreign[name]
	delete(b.foreign, name)
	return there
}

// peer returns a sound handle beside this one, of which the contract does not
// know.
func (a *adapter) peer() coordination.DistributedCoordination { return a.backend.in(a.namespace) }
