package broken

import (
	"errors"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// tidyCloses are faults of a Close that takes away what is to stay.
func tidyCloses() []Fault {
	return []Fault{
		{
			Name:   "close-closes-the-peers",
			Does:   "closes the client that it shares with its peers",
			Breaks: breaks("lease-24 closed-* close-7..9 close-12 elect-10"),
			spoil: byNamespace(func(a *adapter, peers *together) {
				shut := a.close
				peers.add(shut)
				a.close = func() error {
					if others := peers.others(); others > 0 && peers.first() {
						a.strike()
					}
					return peers.close()
				}
			}),
		},
		{
			Name:   "close-unsubscribes-the-peers",
			Does:   "takes the subscriptions of its peers from the backend as well, where the pattern is the same",
			Breaks: breaks("close-7"),
			spoil: byNamespace(func(a *adapter, all *audience) {
				all.join(a, func(_ publication, l *listener) fate { return fate{hidden: l.deaf} })
				a.closing(func() {
					all.mu.Lock()
					defer all.mu.Unlock()
					for _, mine := range all.listeners {
						for _, l := range all.listeners {
							l.deaf = l.deaf || mine.a == a && l.a != a && l.pattern == mine.pattern
						}
					}
				})
			}),
		},
	}
}

// together is handles that are closed together.
type together struct {
	mu     sync.Mutex
	closes []func() error
	done   bool
}

func (t *together) add(shut func() error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closes = append(t.closes, shut)
}

func (t *together) others() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.closes) - 1
}

func (t *together) first() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := !t.done
	t.done = true
	return first
}

func (t *together) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, shut := range t.closes {
		if err := shut(); err != nil {
			return err
		}
	}
	return nil
}

// leftovers are goroutines that outlive the handle, if not for long: so that
// they fail what looks for them and nothing else.
func leftovers() []Fault {
	return []Fault{
		{
			Name:   "goroutine-outlives-the-handle",
			Does:   "leaves a goroutine behind that notices only at its next tick that the handle is closed",
			Breaks: breaks("close-11..12 outage-8"),
			spoil: each(func(a *adapter) {
				a.closing(func() { a.linger() })
			}),
		},
		{
			Name:   "goroutine-outlives-an-ack",
			Does:   "leaves a goroutine behind for each PublishWithAck that is ended by Close",
			Breaks: breaks("close-11"),
			spoil: each(func(a *adapter) {
				a.every(func(c *call) error {
					err := c.proceed()
					if c.method == "PublishWithAck" && errors.Is(err, coordination.ErrClosed) {
						a.linger()
					}
					return err
				})
			}),
		},
	}
}

// linger leaves a goroutine behind for a few seconds.
func (a *adapter) linger() {
	a.strike()
	go time.Sleep(5 * time.Second)
}
