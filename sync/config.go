package sync

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/riptidecrawler/coordkit/coordination"
)

// The intervals of DefaultConfig.
const (
	DefaultHeartbeatInterval     = 5 * time.Second
	DefaultLeaderElectionTimeout = 10 * time.Second
)

// Config is what a node can't do without.
type Config struct {
	// NodeID names the node: UTF-8, of one byte at least and, together with
	// Options.Channel and a colon, coordination.MaxNameLen at most, in which each
	// of \*?[ counts twice. No other live node of the cluster may have it; where
	// one has, both say so in Status.
	NodeID string
	// ClusterNodes are nodes that are expected, for Status to show whether they
	// are there. Others may join all the same.
	ClusterNodes []string
	// HeartbeatInterval is how often the node tells the others the number of its
	// last operation, and thus how long the loss of one may go unnoticed. At
	// least 10 ms, at most a day. A node that is silent for three intervals counts
	// as gone.
	HeartbeatInterval time.Duration
	// LeaderElectionTimeout is how long a lease of the leadership lasts, and
	// thus, together with ElectionOptions.Retry, for how long the cluster may be
	// without a leader after one has crashed. At least 10 ms.
	LeaderElectionTimeout time.Duration
	// Metadata is registered with the node, see coordination.Membership: at most
	// coordination.MaxPayloadLen bytes.
	Metadata []byte
}

// DefaultConfig returns a Config with the default intervals.
func DefaultConfig(nodeID string) Config {
	return Config{
		NodeID:                nodeID,
		HeartbeatInterval:     DefaultHeartbeatInterval,
		LeaderElectionTimeout: DefaultLeaderElectionTimeout,
	}
}

// missedBeats is how many heartbeats a node may miss before it counts as gone,
// and its own subscription as deaf.
const missedBeats = 3

// shortest and longest bound the intervals.
const (
	shortest = 10 * time.Millisecond
	longest  = 24 * time.Hour
)

func (c Config) check(channel string) error {
	if err := checkNode("new", "NodeID", c.NodeID); err != nil {
		return err
	}
	for i, node := range c.ClusterNodes {
		if err := checkNode("new", fmt.Sprintf("ClusterNodes[%d]", i), node); err != nil {
			return err
		}
	}
	if !utf8.ValidString(channel) || len(literal(inbox(channel, c.NodeID))) > coordination.MaxNameLen {
		return invalid("new", "Channel", "is no UTF-8, or too long together with NodeID")
	}
	if c.HeartbeatInterval < shortest || c.HeartbeatInterval > longest {
		return invalid("new", "HeartbeatInterval", fmt.Sprintf("is %v, not from %v to %v", c.HeartbeatInterval, shortest, longest))
	}
	return nil
}

func checkNode(call, argument, node string) error {
	if err := coordination.CheckName(call, argument, node); err != nil {
		return err
	}
	if !utf8.ValidString(node) {
		return invalid(call, argument, "is no UTF-8")
	}
	return nil
}

// inbox is the channel on which node is asked for what was lost, and hears the
// answers.
func inbox(channel, node string) string { return channel + ":" + node }

// literal is the pattern that matches channel and nothing else.
func literal(channel string) string { return quoting.Replace(channel) }

var quoting = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)
