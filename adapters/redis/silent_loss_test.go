package redis_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/internal/faultproxy"
)

const publishers = 4

// number returns a number from the environment, or another one.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	read, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		t.Fatalf("%s is %q, want a number", name, text)
	}
	return read
}

// TestNoMessageIsLostSilently publishes MESSAGES (100,000) numbered messages while
// faults chosen by SEED hit the links of the receivers.
func TestNoMessageIsLostSilently(t *testing.T) {
	seed, total := number(t, "SEED", rand.Uint64()>>1), number(t, "MESSAGES", 100_000)
	t.Logf("SEED=%d MESSAGES=%d", seed, total)
	backend := private(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(total)*time.Millisecond)
	defer cancel()

	var proxies []*faultproxy.Proxy
	var receiving sync.WaitGroup
	gaps, received := make([]int, 3), make([]int, 3)
	for i := range 3 {
		proxy := behind(t, backend.Address)
		proxies = append(proxies, proxy)
		handle := open(t, "redis://"+proxy.Address, &redis.Options{LinkTimeout: 300 * time.Millisecond})
		subscription, err := handle.Subscribe(ctx, "numbers:*")
		if err != nil {
			t.Fatal(err)
		}
		receiving.Go(func() { gaps[i], received[i] = receiveNumbers(ctx, t, i, subscription) })
	}
	publishing, published := context.WithCancel(ctx)
	var faulting sync.WaitGroup
	for i, proxy := range proxies {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		faulting.Go(func() { injectFaults(publishing, proxy, random) })
	}
	direct := open(t, backend.URL(), nil)
	var running sync.WaitGroup
	for p := range publishers {
		running.Go(func() {
			for n := range int(total) / publishers {
				if err := direct.Publish(ctx, fmt.Sprint("numbers:", p), []byte(strconv.Itoa(n))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	published()
	faulting.Wait()
	last := receivedAll(&receiving)
	for publish := time.NewTicker(50 * time.Millisecond); ; { // until each link has healed
		select {
		case <-last:
			publish.Stop()
			t.Logf("received %v messages, told of %v gaps", received, gaps)
			for i := range gaps {
				if gaps[i] == 0 {
					t.Errorf("receiver %d met no gap: the faults did nothing", i)
				}
			}
			return
		case <-publish.C:
			for p := range publishers {
				if err := direct.Publish(ctx, fmt.Sprint("numbers:", p), []byte(fmt.Sprint("end ", total/publishers))); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func receivedAll(receiving *sync.WaitGroup) <-chan struct{} {
	all := make(chan struct{})
	go func() {
		receiving.Wait()
		close(all)
	}()
	return all
}

// injectFaults lets faults follow one another until ctx is done.
func injectFaults(ctx context.Context, proxy *faultproxy.Proxy, random *rand.Rand) {
	defer proxy.Heal()
	kinds := []faultproxy.Fault{
		faultproxy.Reset, faultproxy.HalfClose, faultproxy.BlackHole, faultproxy.LostWay,
		faultproxy.LostWayBack, faultproxy.Delay, faultproxy.Reset,
	}
	pause := func(least, most int) bool {
		select {
		case <-time.After(time.Duration(least+random.IntN(most-least)) * time.Millisecond):
			return true
		case <-ctx.Done():
			return false
		}
	}
	for pause(20, 300) {
		proxy.Inject(kinds[random.IntN(len(kinds))], "")
		if !pause(20, 700) {
			return
		}
		proxy.Heal()
	}
}

// receiveNumbers receives until each publisher has ended. It fails for a number that
// is not the next one, unless the subscription reported a gap since the one before.
func receiveNumbers(ctx context.Context, t *testing.T, receiver int, s coordination.Subscription) (gaps, received int) {
	next, told, ended := map[string]int{}, map[string]bool{}, map[string]bool{}
	for len(ended) < publishers {
		message, err := s.Next(ctx)
		if errors.Is(err, coordination.ErrMessagesLost) {
			gaps++
			for p := range publishers {
				told[fmt.Sprint("numbers:", p)] = true
			}
			continue
		}
		if err != nil {
			t.Errorf("receiver %d: Next = %v", receiver, err)
			return gaps, received
		}
		received++
		var n int
		text, end := strings.CutPrefix(string(message.Payload), "end ")
		if n, err = strconv.Atoi(text); err != nil {
			t.Errorf("receiver %d: %q", receiver, message.Payload)
			return gaps, received
		}
		expected := next[message.Channel]
		if n < expected || n > expected && !told[message.Channel] {
			t.Errorf("receiver %d: %s: message %d comes where %d is next, and no gap was reported", receiver, message.Channel, n, expected)
			return gaps, received
		}
		told[message.Channel], next[message.Channel] = false, n+1
		if end {
			next[message.Channel] = n // it is repeated
			ended[message.Channel] = true
		}
	}
	return gaps, received
}
