//go:build unix

package sync_test

import (
	"context"
	"errors"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/internal/redistest"
)

var _ = Describe("Three processes on a Redis that fails over", Label("redis"), func() {
	// role returns what a server says that it is, also if it hangs.
	role := func(ctx context.Context, server *redistest.Server) string {
		client := goredis.NewClient(&goredis.Options{Addr: server.Address, MaxRetries: -1, ReadTimeout: 300 * time.Millisecond})
		defer client.Close()
		answer, _ := client.Do(ctx, "role").Slice()
		if len(answer) == 0 {
			return ""
		}
		return answer[0].(string)
	}
	needs := func(err error) {
		GinkgoHelper()
		if errors.Is(err, redistest.ErrMissing) && !redistest.Required() {
			Skip("not checked: " + redistest.ErrMissing.Error())
		}
		Expect(err).NotTo(HaveOccurred())
	}

	It("agree after a Sentinel failover in which the old primary lives on, while they write", func(ctx SpecContext) {
		s, err := redistest.StartSentinel(ctx, 1, 3, 500*time.Millisecond)
		needs(err)
		DeferCleanup(s.Stop)
		f := launchAt(ctx, s.URL())
		f.churn(ctx, 5, func() {})
		old, next := s.Servers[0], s.Servers[1]
		Expect(old.Signal(syscall.SIGSTOP)).To(Succeed())
		Eventually(ctx, func() string { return role(ctx, next) }).WithTimeout(3 * patience).Should(Equal("master"))
		Expect(old.Signal(syscall.SIGCONT)).To(Succeed())
		Eventually(ctx, func() string { return role(ctx, old) }).Should(Equal("master"), "its Sentinels have not found it yet")
		f.churn(ctx, 20, func() {})
		f.agrees(ctx)
	})

	It("agree after the node of a Cluster that they use has died, while they write", func(ctx SpecContext) {
		c, err := redistest.StartCluster(ctx, 3, 1)
		needs(err)
		DeferCleanup(c.Stop)
		f := launchAt(ctx, c.URL())
		f.churn(ctx, 5, func() {})
		home := homeOf(ctx, c)
		Expect(home.Kill()).To(Succeed())
		f.churn(ctx, 20, func() {})
		Eventually(ctx, func() string { return role(ctx, replicaOf(c, home)) }).WithTimeout(3 * patience).Should(Equal("master"))
		f.agrees(ctx)
	})
})

// homeOf returns the node that serves what the nodes share.
func homeOf(ctx context.Context, c *redistest.Cluster) *redistest.Server {
	GinkgoHelper()
	client := goredis.NewClient(&goredis.Options{Addr: c.Servers[0].Address})
	defer client.Close()
	slot, err := client.ClusterKeySlot(ctx, "{riptide}:leader").Result()
	Expect(err).NotTo(HaveOccurred())
	slots, err := client.ClusterSlots(ctx).Result() //nolint:staticcheck // for Redis 6
	Expect(err).NotTo(HaveOccurred())
	for _, s := range slots {
		for _, server := range c.Servers {
			if s.Start <= int(slot) && int(slot) <= s.End && server.Address == s.Nodes[0].Addr {
				return server
			}
		}
	}
	Fail("nobody serves the slot")
	return nil
}

// replicaOf returns the replica of a primary: they stand in the same order.
func replicaOf(c *redistest.Cluster, primary *redistest.Server) *redistest.Server {
	half := len(c.Servers) / 2
	for i, server := range c.Servers[:half] {
		if server == primary {
			return c.Servers[half+i]
		}
	}
	return nil
}
