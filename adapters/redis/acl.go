package redis

import (
	"fmt"
	"slices"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Deployment is what ACL has to know of the server. The zero value stands for database
// 0 of a single server, with or without Sentinel.
type Deployment struct {
	// Database is the number of the database. A Cluster has only 0.
	Database int
	// Cluster says that the server is a node of a Cluster.
	Cluster bool
}

// ACL returns the rules that a user of the server needs to open handles with the
// options, and no more:
//
//	ACL SETUSER app on >secret RULES...
//
// No rule has a space or a character that a shell or an ACL file treats specially,
// except for * ~ & { }. The rules only add to a user: call ACL SETUSER once for each
// namespace of a user, and on every node of a Cluster.
//
// They allow the channels of all namespaces (&*). To subscribe to a pattern, a user
// needs exactly that pattern in its rules, or all channels: the server does not find
// out what a pattern can match. Keys and records of other namespaces stay out of
// reach. INFO is allowed for HealthCheck to find out about eviction, and ROLE to
// recognise a replica.
//
// Errors: ErrInvalidArgument for an invalid option or deployment.
func ACL(options *Options, on Deployment) ([]string, error) {
	checked, err := options.checked()
	if err != nil {
		return nil, fmt.Errorf("acl: %w", err)
	}
	if on.Database < 0 || on.Cluster && on.Database > 0 {
		return nil, fmt.Errorf("acl: Database is %d, want 0, or more without a Cluster: %w", on.Database, coordination.ErrInvalidArgument)
	}
	n := newNames(checked.Namespace, on.Database, checked.ShardedChannels)
	commands := []string{"+discard", "+info", "+multi", "+role"}
	for _, use := range append(uses(n, checked, on), keyUses("")...) {
		name := use[0].(string)
		if name == "cluster" {
			name += "|" + use[1].(string)
		}
		commands = append(commands, "+"+name)
	}
	slices.Sort(commands)
	rules := []string{"~" + n.keys + "*", "~" + n.records + "*", "&*"}
	return append(rules, slices.Compact(commands)...), nil
}
