package redis

import (
	"fmt"
	"slices"

	"github.com/riptidecrawler/coordkit/coordination"
)

// ACL returns the rules that a user of the server needs to open handles with the
// options in a database, and no more:
//
//	ACL SETUSER app on >secret RULES...
//
// No rule has a space or a character that a shell or an ACL file treats specially,
// except for * ~ & { }. The rules only add to a user: call ACL SETUSER once for each
// namespace of a user.
//
// They allow the channels of all namespaces (&*). To subscribe to a pattern, a user
// needs exactly that pattern in its rules, or all channels: the server does not find
// out what a pattern can match. Keys and records of other namespaces stay out of
// reach. INFO is allowed for HealthCheck to find out about eviction, and ROLE to
// recognise a replica.
//
// Errors: ErrInvalidArgument for an invalid option or database.
func ACL(options *Options, database int) ([]string, error) {
	checked, err := options.checked()
	if err != nil {
		return nil, fmt.Errorf("acl: %w", err)
	}
	if database < 0 {
		return nil, fmt.Errorf("acl: database is %d, want 0 or more: %w", database, coordination.ErrInvalidArgument)
	}
	n := newNames(checked.Namespace)
	commands := []string{"+discard", "+info", "+multi", "+role"}
	for _, use := range uses(n, checked.Leadership, database) {
		commands = append(commands, "+"+use[0].(string))
	}
	slices.Sort(commands)
	rules := []string{"~" + n.keys + "*", "~" + n.records + "*", "&*"}
	return append(rules, slices.Compact(commands)...), nil
}
