package redis_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/internal/faultproxy"
)

// Acknowledgements for which nobody waits any more would take the slow link 20 seconds.
func TestAcknowledgementsThatAreTooLateHoldUpNoOthers(t *testing.T) {
	const count = 5000
	server := private(t)
	proxy := behind(t, server.Address)
	publisher := open(t, server.URL(), nil)
	receiver := open(t, "redis://"+proxy.Address, &redis.Options{Buffer: 2 * count})
	subscription, err := receiver.Subscribe(within(t), "slow")
	if err != nil {
		t.Fatal(err)
	}
	inParallel(count, func(int) {
		_, _ = publisher.PublishWithAck(within(t), "slow", nil, 50*time.Millisecond) // which is too short
	})
	proxy.Inject(faultproxy.SlowLink, "")
	var running sync.WaitGroup
	running.Go(func() {
		for received := 1; ; received++ {
			message, err := subscription.Next(within(t))
			if err != nil {
				t.Error(err)
				return
			}
			if string(message.Payload) == "last" {
				if received < count/2 {
					t.Errorf("only %d messages have come", received)
				}
				return
			}
		}
	})
	if acks, err := publisher.PublishWithAck(within(t), "slow", []byte("last"), 5*time.Second); acks != 1 || err != nil {
		t.Errorf("PublishWithAck = %d, %v", acks, err)
	}
	running.Wait()
}

// The outage is as long as a failover.
func TestAnAcknowledgementIsSentAfterAnOutageForAsLongAsThePublisherWaits(t *testing.T) {
	const outage = 7 * time.Second
	server := private(t)
	client := raw(t, server.Address)
	proxy := behind(t, server.Address)
	address := atomic.Pointer[string]{}
	address.Store(&proxy.Address)
	publisher := open(t, server.URL(), nil)
	receiver := open(t, server.URL(), &redis.Options{
		Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, *address.Load())
		},
	})
	subscription, err := receiver.Subscribe(within(t), "channel")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if acks, err := publisher.PublishWithAck(ctx, "channel", nil, 20*time.Second); acks != 1 || err != nil {
			t.Errorf("PublishWithAck = %d, %v", acks, err)
		}
	})
	eventually(t, "the message has arrived", func() bool {
		records, err := client.Keys(t.Context(), "{riptide}:ack:*").Result()
		return err == nil && len(records) > 0
	})
	proxy.Close() // until the address changes, connections are refused
	if _, err := subscription.Next(within(t)); err != nil {
		t.Error(err)
	}
	time.Sleep(outage)
	address.Store(&server.Address)
	running.Wait()
}
