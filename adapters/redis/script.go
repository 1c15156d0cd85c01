package redis

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The scripts. Each is one atomic step on one shard.
var (
	//go:embed common.lua
	common string
	//go:embed lease.lua
	lease string
	//go:embed members.lua
	members string
	//go:embed acquire.lua
	acquire string
	//go:embed release.lua
	release string
	//go:embed leader.lua
	leader string
	//go:embed register.lua
	register string
	//go:embed deregister.lua
	deregister string
	//go:embed heartbeat.lua
	heartbeat string
	//go:embed nodes.lua
	nodes string
	//go:embed metadata.lua
	metadata string
	//go:embed stats.lua
	stats string
	//go:embed health.lua
	health string
	//go:embed ack.lua
	ack string

	acquireScript    = newScript(lease, acquire)
	releaseScript    = newScript(lease, release)
	leaderScript     = newScript(lease, leader)
	registerScript   = newScript(members, register)
	deregisterScript = newScript(deregister)
	heartbeatScript  = newScript(members, heartbeat)
	nodesScript      = newScript(nodes)
	metadataScript   = newScript(metadata)
	statsScript      = newScript(lease, stats)
	healthScript     = newScript(lease, health)
	ackScript        = hashed(ack)
)

// script is a Lua script and the hash by which the server knows it.
type script struct{ source, hash string }

// newScript returns a script whose errors name the record and what is wrong with
// it. The last part is the script itself; the others hold what it uses.
func newScript(parts ...string) script {
	last := len(parts) - 1
	return hashed(common + strings.Join(parts[:last], "") + "return run(function()\n" + parts[last] + "end)\n")
}

func hashed(source string) script {
	hash := sha1.Sum([]byte(source)) // as EVALSHA has it
	return script{source: source, hash: hex.EncodeToString(hash[:])}
}

// run runs a script by its hash, and by its text where the server does not have
// it (yet, or any more).
func (c *Coordination) run(ctx context.Context, operation string, s script, keys []string, arguments ...any) (any, error) {
	if err := c.begin(ctx, operation); err != nil {
		return nil, err
	}
	reply, err := c.eval(ctx, s, keys, arguments)
	return reply, c.failure(ctx, operation, err)
}

func (c *Coordination) eval(ctx context.Context, s script, keys []string, arguments []any) (any, error) {
	reply, err := c.do(ctx, scriptCall("evalsha", s.hash, keys, arguments)...)
	if isNoScript(err) {
		return c.do(ctx, scriptCall("eval", s.source, keys, arguments)...)
	}
	return reply, err
}

func scriptCall(name, text string, keys []string, arguments []any) []any {
	call := make([]any, 0, 3+len(keys)+len(arguments))
	call = append(call, name, text, len(keys))
	for _, key := range keys {
		call = append(call, key)
	}
	return append(call, arguments...)
}

// isNoScript reports whether the server does not have the script.
func isNoScript(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }
