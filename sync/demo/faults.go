package main

import (
	"context"
	"sync/atomic"

	"github.com/riptidecrawler/coordkit/coordination"
)

// lossyPort is a port whose subscriptions lose what arrives while it is deaf. As
// on a real network nobody is told: what was lost is for the node to notice.
type lossyPort struct {
	coordination.DistributedCoordination
	deaf    atomic.Bool
	dropped atomic.Uint64
}

// Subscribe opens a subscription that shares the port's fate.
func (p *lossyPort) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	subscription, err := p.DistributedCoordination.Subscribe(ctx, pattern)
	if err != nil {
		return nil, err
	}
	return lossySubscription{subscription, p}, nil
}

type lossySubscription struct {
	coordination.Subscription
	port *lossyPort
}

// Next returns the next message that is not lost.
func (s lossySubscription) Next(ctx context.Context) (coordination.Message, error) {
	for {
		message, err := s.Subscription.Next(ctx)
		if err != nil || !s.port.deaf.Load() {
			return message, err
		}
		s.port.dropped.Add(1)
	}
}
