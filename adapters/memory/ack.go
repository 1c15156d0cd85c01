package memory

import (
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

// acknowledgements counts what becomes of one message. Each subscription tells
// at most once, so that counting them is enough.
type acknowledgements struct {
	deadline time.Time
	settled  chan struct{} // closed when no subscription is left to wait for

	mu        sync.Mutex // guards what follows
	receivers int        // less than zero while it is not known
	taken     int
	abandoned int
}

var _ delivery.Receipt = (*acknowledgements)(nil)

func newAcknowledgements(deadline time.Time) *acknowledgements {
	return &acknowledgements{deadline: deadline, settled: make(chan struct{}), receivers: -1}
}

// sentTo says how many subscriptions the message went to. Some may have taken
// it already.
func (a *acknowledgements) sentTo(receivers int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.receivers = receivers
	a.settle()
}

// Taken implements delivery.Receipt. What comes after the deadline is too late
// even if the publisher has not been woken yet.
func (a *acknowledgements) Taken(*delivery.Subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Now().After(a.deadline) {
		return
	}
	a.taken++
	a.settle()
}

// Abandoned implements delivery.Receipt.
func (a *acknowledgements) Abandoned(*delivery.Subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.abandoned++
	a.settle()
}

// settle is called with the lock held, after each change. The sum reaches the
// number of receivers once.
func (a *acknowledgements) settle() {
	if a.taken+a.abandoned == a.receivers {
		close(a.settled)
	}
}

// result returns the number of acknowledgements so far, or why there are none.
func (a *acknowledgements) result() (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.taken > 0:
		return a.taken, nil
	case a.abandoned == a.receivers:
		return 0, coordination.ErrNoSubscribers
	default:
		return 0, coordination.ErrAckTimeout
	}
}
