package sync_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// A test of one's own code has the whole cluster in its process. Under
// testing/synctest hours take milliseconds, Wait returns when every message has
// been handled, and a goroutine left behind fails the test.
func TestShopHearsOfPrices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := memory.NewHub()
		link := &lossy{DistributedCoordination: hubHandle(hub)}
		office, _ := run(t, link, "office")
		_, shop := run(t, hubHandle(hub), "shop")
		synctest.Wait() // until they have met

		if err := office.Set(t.Context(), "tea", []byte("3"), time.Hour); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		expect(t, shop, "tea", "3")

		// A message is lost: the shop knows by the next heartbeat at the latest.
		link.losing.Store(true)
		if err := office.Set(t.Context(), "tea", []byte("4"), time.Hour); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		expect(t, shop, "tea", "3")
		link.losing.Store(false)
		time.Sleep(dsync.DefaultHeartbeatInterval + time.Second)
		expect(t, shop, "tea", "4")

		time.Sleep(time.Hour)
		expect(t, shop, "tea", "")
	})
}

// run runs a node until the end of the test.
func run(t *testing.T, port coordination.DistributedCoordination, name string) (*dsync.DistributedSync, otterCache) {
	t.Helper()
	cache := newOtterCache(1 << 20)
	node, err := dsync.New(dsync.DefaultConfig(name), port, &dsync.Options{Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Run(t.Context()) }()
	t.Cleanup(func() { // t.Context is done by now
		if err := <-ended; err != nil {
			t.Error(err)
		}
		cache.Close()
		port.Close()
	})
	return node, cache
}

func expect(t *testing.T, cache otterCache, key, value string) {
	t.Helper()
	if found, _ := cache.Get(key); string(found) != value {
		t.Errorf("%s is %q, not %q", key, found, value)
	}
}
