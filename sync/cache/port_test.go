package cache_test

import (
	"context"
	"math/rand/v2"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// faultyPort is the port of a node whose network, or whose clock, is at fault.
type faultyPort struct {
	coordination.DistributedCoordination
	cut    atomic.Bool   // nothing is published, and nothing arrives
	losing atomic.Bool   // a fifth of what is published is lost
	skew   time.Duration // of the node's clock

	mu     sync.Mutex // guards random
	random *rand.Rand
}

func (p *faultyPort) Publish(ctx context.Context, channel string, payload []byte) error {
	if p.cut.Load() {
		return coordination.ErrUnavailable
	}
	if p.losing.Load() && p.drawn() {
		return nil
	}
	return p.DistributedCoordination.Publish(ctx, channel, shifted(payload, p.skew))
}

func (p *faultyPort) drawn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random.IntN(5) == 0
}

func (p *faultyPort) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	open, err := p.DistributedCoordination.Subscribe(ctx, pattern)
	if err != nil {
		return nil, err
	}
	return &faultySubscription{open, p}, nil
}

type faultySubscription struct {
	coordination.Subscription
	port *faultyPort
}

func (s *faultySubscription) Next(ctx context.Context) (coordination.Message, error) {
	for {
		message, err := s.Subscription.Next(ctx)
		if err != nil {
			return message, err
		}
		if !s.port.cut.Load() {
			message.Payload = shifted(message.Payload, -s.port.skew)
			return message, nil
		}
	}
}

var stamps = regexp.MustCompile(`"(?:stamp|clock)":\d+`)

// shifted returns a message with all stamps later by d. Those of a node whose messages
// leave it by its skew later, and reach it by as much earlier, are those of a node
// whose clock has that skew.
func shifted(payload []byte, d time.Duration) []byte {
	if d == 0 {
		return payload
	}
	return stamps.ReplaceAllFunc(payload, func(stamp []byte) []byte {
		name, digits := stamp[:len(`"stamp":`)], stamp[len(`"stamp":`):]
		micros, _ := strconv.ParseInt(string(digits), 10, 64) // it matched
		return strconv.AppendInt(append([]byte(nil), name...), micros+d.Microseconds(), 10)
	})
}
