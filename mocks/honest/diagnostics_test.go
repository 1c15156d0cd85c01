package honest_test

import (
	"math"
	"strings"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks/honest"
)

func TestFiguresAreFigures(t *testing.T) {
	const names = "It names the kind of backend and the namespace"
	long := strings.Repeat("n", coordination.MaxNameLen+1)
	for title, c := range map[string]struct {
		change func(stats *coordination.Stats)
		lie    string
	}{
		"none": {func(*coordination.Stats) {}, ""},
		"some": {func(s *coordination.Stats) {
			s.Subscriptions, s.ClusterSize, s.PublishRate, s.Leader = 3, 2, 0.1, "node"
		}, ""},
		"degraded":        {func(s *coordination.Stats) { s.Metadata[coordination.DegradedKey] = "slow" }, ""},
		"no name":         {func(s *coordination.Stats) { s.Metadata[coordination.NamespaceKey] = "" }, ""},
		"subscriptions":   {func(s *coordination.Stats) { s.Subscriptions = -1 }, "Subscriptions is the number"},
		"members":         {func(s *coordination.Stats) { s.ClusterSize = -1 }, "ClusterSize is the number of live members"},
		"leader":          {func(s *coordination.Stats) { s.Leader = long }, "any 1 to [MaxNameLen] bytes"},
		"published":       {func(s *coordination.Stats) { s.PublishRate = -0.1 }, "PublishRate is how many messages"},
		"published, NaN":  {func(s *coordination.Stats) { s.PublishRate = math.NaN() }, "PublishRate is how many messages"},
		"received":        {func(s *coordination.Stats) { s.ReceiveRate = -0.1 }, "ReceiveRate is how many messages"},
		"received, Inf":   {func(s *coordination.Stats) { s.ReceiveRate = math.Inf(1) }, "ReceiveRate is how many messages"},
		"no backend":      {func(s *coordination.Stats) { delete(s.Metadata, coordination.BackendKey) }, names},
		"unnamed backend": {func(s *coordination.Stats) { s.Metadata[coordination.BackendKey] = "" }, names},
		"no namespace":    {func(s *coordination.Stats) { delete(s.Metadata, coordination.NamespaceKey) }, names},
	} {
		t.Run(title, func(t *testing.T) {
			recorded := &recorder{}
			stats := coordination.Stats{Metadata: named()}
			c.change(&stats)
			got, err := honest.Diagnostics(recorded, &port{stats: &stats}).Stats(t.Context())
			if got.Subscriptions != stats.Subscriptions || err != nil {
				t.Errorf("the wrapper returns %v, %v", got, err)
			}
			recorded.expect(t, c.lie)
		})
	}
}

func TestHealthIsNotJudged(t *testing.T) {
	recorded := &recorder{}
	for _, healthy := range []bool{true, false} {
		got, err := honest.Diagnostics(recorded, &port{found: healthy}).HealthCheck(t.Context())
		if got != healthy || err != nil {
			t.Errorf("the wrapper returns %v, %v", got, err)
		}
		recorded.expectSilence(t)
	}
}
