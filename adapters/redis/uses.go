package redis

// uses returns every command that the adapter sends to the home server, itself and in
// its scripts, with the records and channels of each, in a form that the server takes in
// a transaction. They are never executed: HealthCheck has the server queue them, and
// discards them. ACL allows them, and those of keyUses.
//
// HELLO and AUTH are not among them: the server allows them to everybody.
func uses(n names, options Options, on Deployment) [][]any {
	leader, members, metadata := n.leaderRecord(), n.memberRecords()[0], n.memberRecords()[1]
	ack, inbox, channel := n.ackRecord("health", 0), n.inboxes+"health", n.channels+"health"
	all := [][]any{
		{"ping"},

		{"time"},
		{"hmget", leader, "term"}, {"hset", leader, "health", ""}, {"pexpire", leader, 1},

		{"zadd", members, "xx", 0, ""}, {"zrem", members, ""}, {"zscore", members, ""}, {"zcard", members},
		{"zcount", members, 0, 0}, {"zrange", members, 0, 0}, {"zrangebyscore", members, 0, 0}, {"pexpire", members, 1},
		{"hset", metadata, "", ""}, {"hget", metadata, ""}, {"hdel", metadata, ""}, {"pexpire", metadata, 1},

		{"hsetnx", ack, "frames", 0}, {"hincrby", ack, "frames", 0}, {"hmget", ack, "frames"}, {"pexpire", ack, 1},
	}
	for _, name := range []string{channel, inbox} {
		if options.ShardedChannels {
			all = append(all, []any{"spublish", name, ""}, []any{"ssubscribe", name}, []any{"sunsubscribe", name})
		} else {
			all = append(all, []any{"publish", name, ""}, []any{"subscribe", name}, []any{"unsubscribe", name})
		}
	}
	if !options.ShardedChannels {
		all = append(all, []any{"psubscribe", channel + "*"}, []any{"punsubscribe", channel + "*"})
	}
	for _, keys := range [][]any{{leader}, {members, metadata}, {ack}} {
		all = append(all,
			append([]any{"evalsha", healthScript.hash, len(keys)}, keys...),
			append([]any{"eval", "return 1", len(keys)}, keys...))
	}
	if options.Leadership.Replicas > 0 {
		all = append(all, []any{"wait", 0, 1})
	}
	if options.Leadership.WaitOut {
		all = append(all, []any{"info", "replication"})
	}
	if on.Database > 0 {
		all = append(all, []any{"select", on.Database})
	}
	if on.Cluster {
		all = append(all, []any{"cluster", "slots"}, []any{"cluster", "nodes"}, []any{"asking"})
	}
	return all
}

// keyUses returns the commands that the adapter sends to each server with user keys,
// for one of these, in the same form.
func keyUses(key string) [][]any {
	return [][]any{
		{"get", key}, {"set", key, "", "px", 1}, {"exists", key}, {"unlink", key},
		{"scan", 0, "match", key, "count", 1},
	}
}
