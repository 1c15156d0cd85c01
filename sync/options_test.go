package sync_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

var _ = Describe("Settings", func() {
	long := strings.Repeat("n", coordination.MaxNameLen+1)

	// made calls New with the defaults as spoil changes them, on a port on which
	// no call is expected.
	made := func(spoil func(*dsync.Config, *dsync.Options)) (*dsync.DistributedSync, error) {
		config, options := dsync.DefaultConfig("a"), dsync.Options{}
		spoil(&config, &options)
		return dsync.New(config, mocks.NewMockDistributedCoordination(gomock.NewController(GinkgoT())), &options)
	}

	It("need no more than a name and a port", func() {
		port := mocks.NewMockDistributedCoordination(gomock.NewController(GinkgoT()))
		Expect(dsync.New(dsync.DefaultConfig("a"), port, nil)).NotTo(BeNil())
	})

	It("refuse a port that is nil", func() {
		node, err := dsync.New(dsync.DefaultConfig("a"), nil, nil)
		Expect(err).To(MatchError(coordination.ErrInvalidArgument))
		Expect(err).To(MatchError(ContainSubstring("port")))
		Expect(node).To(BeNil())
	})

	DescribeTable("refuse what is no good, and name it",
		func(name, _ string, spoil func(*dsync.Config, *dsync.Options)) {
			node, err := made(spoil)
			Expect(err).To(MatchError(coordination.ErrInvalidArgument))
			Expect(err).To(MatchError(ContainSubstring(" " + name + " ")))
			Expect(node).To(BeNil())
		},
		func(name, what string, _ func(*dsync.Config, *dsync.Options)) string { return name + " " + what },

		Entry(nil, "NodeID", "that is empty", func(c *dsync.Config, _ *dsync.Options) { c.NodeID = "" }),
		Entry(nil, "NodeID", "that is too long", func(c *dsync.Config, _ *dsync.Options) { c.NodeID = long }),
		Entry(nil, "NodeID", "that is no UTF-8", func(c *dsync.Config, _ *dsync.Options) { c.NodeID = "\xff" }),
		Entry(nil, "ClusterNodes[1]", "that is empty", func(c *dsync.Config, _ *dsync.Options) { c.ClusterNodes = []string{"b", ""} }),
		Entry(nil, "ClusterNodes[0]", "that is no UTF-8", func(c *dsync.Config, _ *dsync.Options) { c.ClusterNodes = []string{"\xff"} }),
		Entry(nil, "HeartbeatInterval", "of zero", func(c *dsync.Config, _ *dsync.Options) { c.HeartbeatInterval = 0 }),
		Entry(nil, "HeartbeatInterval", "below zero", func(c *dsync.Config, _ *dsync.Options) { c.HeartbeatInterval = -time.Second }),
		Entry(nil, "HeartbeatInterval", "that is too short", func(c *dsync.Config, _ *dsync.Options) { c.HeartbeatInterval = 10*time.Millisecond - 1 }),
		Entry(nil, "HeartbeatInterval", "that is too long", func(c *dsync.Config, _ *dsync.Options) { c.HeartbeatInterval = 24*time.Hour + 1 }),
		Entry(nil, "LeaderElectionTimeout", "of zero", func(c *dsync.Config, _ *dsync.Options) { c.LeaderElectionTimeout = 0 }),
		Entry(nil, "LeaderElectionTimeout", "that is too short", func(c *dsync.Config, _ *dsync.Options) { c.LeaderElectionTimeout = 10*time.Millisecond - 1 }),

		Entry(nil, "Channel", "that is no UTF-8", func(_ *dsync.Config, o *dsync.Options) { o.Channel = "\xff" }),
		Entry(nil, "Channel", "that is too long together with NodeID", func(_ *dsync.Config, o *dsync.Options) { o.Channel = long[2:] }),
		Entry(nil, "Metadata", "that is too long", func(c *dsync.Config, _ *dsync.Options) { c.Metadata = make([]byte, coordination.MaxPayloadLen+1) }),

		Entry(nil, "Recovery.Grace", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Recovery.Grace = -1 }),
		Entry(nil, "Recovery.Grace", "that is too long", func(_ *dsync.Config, o *dsync.Options) { o.Recovery.Grace = 24*time.Hour + 1 }),
		Entry(nil, "Recovery.Timeout", "that is too long", func(_ *dsync.Config, o *dsync.Options) { o.Recovery.Timeout = 24*time.Hour + 1 }),
		Entry(nil, "Recovery.MaxStaleness", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Recovery.MaxStaleness = -1 }),
		Entry(nil, "Recovery.MaxStaleness", "that is too long", func(_ *dsync.Config, o *dsync.Options) { o.Recovery.MaxStaleness = 24*time.Hour + 1 }),
		Entry(nil, "PublishTimeout", "that is too long", func(_ *dsync.Config, o *dsync.Options) { o.PublishTimeout = 24*time.Hour + 1 }),
		Entry(nil, "Recovery.Timeout", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Recovery.Timeout = -1 }),
		Entry(nil, "Recovery.Fallback", "below all", func(_ *dsync.Config, o *dsync.Options) { o.Recovery.Fallback = -1 }),
		Entry(nil, "Recovery.Fallback", "above all", func(_ *dsync.Config, o *dsync.Options) { o.Recovery.Fallback = dsync.FallbackIgnore + 1 }),
		Entry(nil, "Recovery.Reload", "that is missing", func(_ *dsync.Config, o *dsync.Options) { o.Recovery.Fallback = dsync.FallbackReload }),
		Entry(nil, "Recovery.Fallback", "of a reload without a cache", func(_ *dsync.Config, o *dsync.Options) {
			o.Recovery.Fallback, o.Recovery.Reload = dsync.FallbackReload, func(context.Context) error { return nil }
		}),
		Entry(nil, "Recovery.Suspicion", "below all", func(_ *dsync.Config, o *dsync.Options) { o.Recovery.Suspicion = -1 }),
		Entry(nil, "Recovery.Suspicion", "above all", func(_ *dsync.Config, o *dsync.Options) { o.Recovery.Suspicion = dsync.TreatAsMiss + 1 }),

		Entry(nil, "Election.Retry", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Election.Retry = -1 }),
		Entry(nil, "Election.Timeout", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Election.Timeout = -1 }),
		Entry(nil, "Election.Margin", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Election.Margin = -1 }),
		Entry(nil, "Election.Drift", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Election.Drift = -0.1 }),
		Entry(nil, "Election.Drift", "of one", func(_ *dsync.Config, o *dsync.Options) { o.Election.Drift = 1 }),
		Entry(nil, "Election.Drift", "that is no number", func(_ *dsync.Config, o *dsync.Options) { o.Election.Drift = math.NaN() }),
		Entry(nil, "Election.Retry", "for which the lease is too short", func(_ *dsync.Config, o *dsync.Options) { o.Election.Retry = 8 * time.Second }),
		Entry(nil, "Election.Timeout", "for which the lease is too short", func(_ *dsync.Config, o *dsync.Options) { o.Election.Timeout = 8 * time.Second }),

		Entry(nil, "Limits.Keys", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Limits.Keys = -1 }),
		Entry(nil, "Limits.Patterns", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Limits.Patterns = -1 }),
		Entry(nil, "Limits.HistoryOperations", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Limits.HistoryOperations = -1 }),
		Entry(nil, "Limits.HistoryBytes", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Limits.HistoryBytes = -1 }),
		Entry(nil, "Limits.QueueOperations", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Limits.QueueOperations = -1 }),
		Entry(nil, "Limits.QueueBytes", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Limits.QueueBytes = -1 }),
		Entry(nil, "Limits.BatchOperations", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Limits.BatchOperations = -1 }),
		Entry(nil, "Limits.BatchOperations", "of more than a message may hold", func(_ *dsync.Config, o *dsync.Options) { o.Limits.BatchOperations = 4_097 }),
		Entry(nil, "Limits.Origins", "of more than a message may hold", func(_ *dsync.Config, o *dsync.Options) { o.Limits.Origins = 4_097 }),
		Entry(nil, "Limits.Origins", "below zero", func(_ *dsync.Config, o *dsync.Options) { o.Limits.Origins = -1 }),
	)

	DescribeTable("are taken up to their bounds",
		func(_ string, set func(*dsync.Config, *dsync.Options)) { Expect(made(set)).NotTo(BeNil()) },
		func(what string, _ func(*dsync.Config, *dsync.Options)) string { return what },
		Entry(nil, "the shortest intervals", func(c *dsync.Config, _ *dsync.Options) {
			c.HeartbeatInterval, c.LeaderElectionTimeout = 10*time.Millisecond, 10*time.Millisecond
		}),
		Entry(nil, "the longest intervals", func(c *dsync.Config, o *dsync.Options) {
			c.HeartbeatInterval, o.Recovery.Grace, o.Recovery.Timeout = 24*time.Hour, 24*time.Hour, 24*time.Hour
		}),
		Entry(nil, "what a message may hold", func(_ *dsync.Config, o *dsync.Options) { o.Limits.BatchOperations, o.Limits.Origins = 4_096, 4_096 }),
		Entry(nil, "the longest channel", func(_ *dsync.Config, o *dsync.Options) { o.Channel = long[3:] }),
		Entry(nil, "the longest metadata", func(c *dsync.Config, _ *dsync.Options) { c.Metadata = make([]byte, coordination.MaxPayloadLen) }),
		Entry(nil, "limits of one", func(_ *dsync.Config, o *dsync.Options) {
			o.Limits = dsync.Limits{
				Keys: 1, Patterns: 1, HistoryOperations: 1, HistoryBytes: 1,
				QueueOperations: 1, QueueBytes: 1, BatchOperations: 1, Origins: 1,
			}
		}),
		Entry(nil, "a way to reload", func(_ *dsync.Config, o *dsync.Options) {
			o.Recovery.Fallback, o.Recovery.Reload = dsync.FallbackReload, func(context.Context) error { return nil }
			o.Cache = newNotedCache()
		}),
		Entry(nil, "requests that just fit in the lease", func(_ *dsync.Config, o *dsync.Options) {
			o.Election = dsync.ElectionOptions{Retry: 4 * time.Second, Timeout: 4 * time.Second, Margin: time.Second, Drift: 0.1}
		}),
	)

	It("have the documented defaults", func() {
		for _, options := range []*dsync.Options{nil, {}} {
			set, err := dsync.WithDefaults(options)
			Expect(err).NotTo(HaveOccurred())
			Expect(set).To(Equal(dsync.Options{
				Channel:   "riptide:sync:operations",
				Consensus: dsync.LastWriterWins{},
				Recovery: dsync.Recovery{
					Grace: 100 * time.Millisecond, Timeout: 250 * time.Millisecond, MaxStaleness: 15 * time.Second,
				},
				PublishTimeout: 500 * time.Millisecond,
				Limits: dsync.Limits{
					Keys: 16_384, Patterns: 256, HistoryOperations: 4_096, HistoryBytes: 4 << 20,
					QueueOperations: 4_096, QueueBytes: 1 << 20, BatchOperations: 64, Origins: 1_024,
				},
			}))
		}
		Expect(dsync.DefaultConfig("a")).To(Equal(dsync.Config{
			NodeID: "a", HeartbeatInterval: 5 * time.Second, LeaderElectionTimeout: 10 * time.Second,
		}))
	})

	It("are kept where they are given, and left as they are", func() {
		cache, consensus := newNotedCache(), &plug{}
		given := dsync.Options{
			Channel: "c", Cache: cache, Consensus: consensus, PublishTimeout: time.Minute,
			Recovery: dsync.Recovery{Grace: 1, Timeout: 2, Fallback: dsync.FallbackIgnore, Suspicion: dsync.TreatAsMiss, MaxStaleness: 3},
			Limits:   dsync.Limits{Keys: 1, Patterns: 2, HistoryOperations: 3, HistoryBytes: 4, QueueOperations: 5, QueueBytes: 6, BatchOperations: 7, Origins: 8},
		}
		before := fmt.Sprintf("%+v", given)
		set, err := dsync.WithDefaults(&given)
		Expect(err).NotTo(HaveOccurred())
		Expect(set).To(Equal(given))
		Expect(dsync.New(dsync.DefaultConfig("a"), mocks.NewMockDistributedCoordination(gomock.NewController(GinkgoT())), &given)).NotTo(BeNil())
		Expect(fmt.Sprintf("%+v", given)).To(Equal(before))
	})
})
