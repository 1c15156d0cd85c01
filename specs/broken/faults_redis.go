package broken

import (
	"strconv"
	"strings"

	"github.com/alicebob/miniredis/v2"
)

// redisFaults are faults of commands and scripts.
func redisFaults() []Fault {
	return []Fault{
		{
			Name:     "redis-ttl-in-seconds",
			Does:     "sets keys with EX and the next whole number of seconds in place of PX",
			Breaks:   breaks("ttl-1..9 ttl-11 ttl-13..16 isolate-6 close-9"),
			onServer: command("SET", ttlInSeconds),
		},
		{
			Name:     "redis-publish-sent-again",
			Does:     "sends PUBLISH again where the reply was lost",
			Breaks:   breaks("publish-2 publish-7 publish-9..11 publish-14 publish-18 pattern-1..16 pattern-18..20 buffer-1 buffer-3 buffer-5..9 buffer-12 subscribe-2 subscribe-4 subscribe-7 subscribe-14 ack-14 delete-17 health-10..11 health-13..14 isolate-4 isolate-11..16 context-1 close-7 share-9 outage-11"),
			Perhaps:  breaks("publish-15"),
			onServer: publishSentAgain,
		},
		{
			Name:     "redis-walk-over-all-names",
			Does:     "walks over all names of the database, whatever their prefix, to list and to flush",
			Breaks:   breaks("keys-4 keys-14 delete-15..16 delete-18 lease-32 isolate-6..7 isolate-11..17 close-9 share-7 elect-7"),
			onServer: command("SCAN", walkOverAllNames),
		},
		{
			Name:     "redis-release-without-owner-check",
			Does:     "releases the lease in a script that does not look at the owner",
			Breaks:   breaks("lease-7 lease-16..17 lease-19 lease-22 lease-25 lease-31 elect-2 linear-1..2 isolate-2 outage-6"),
			Perhaps:  breaks("contend-7"),
			onServer: script(" or l.handle ~= ARGV[1] or l.node ~= ARGV[2] then\n  return '0'", " then\n  return '0'"),
		},
		{
			Name:     "redis-terms-counted-in-the-record",
			Does:     "takes for a new term the last one in the record and one, and not the time where that is greater",
			Breaks:   breaks("lease-31"),
			onServer: script("math.max(least + 1, l and l.term + 1 or 0, time)", "l and l.term + 1 or 1"),
		},
	}
}

func ttlInSeconds(arguments []string) bool {
	if len(arguments) != 4 || !strings.EqualFold(arguments[2], "px") {
		return false
	}
	millis, err := strconv.ParseInt(arguments[3], 10, 64)
	arguments[2], arguments[3] = "ex", strconv.FormatInt((millis+999)/1000, 10)
	return err == nil && millis%1000 > 0
}

func publishSentAgain(server *miniredis.Miniredis) func(command string, arguments []string) bool {
	return func(command string, arguments []string) bool {
		// What HealthCheck has the server queue, and then discards, is empty.
		users := command == "PUBLISH" && strings.Contains(arguments[0], ":c:") && arguments[1] != ""
		if users {
			server.Publish(arguments[0], arguments[1])
		}
		return users
	}
}

func walkOverAllNames(arguments []string) bool {
	for i := 2; i < len(arguments); i++ {
		if prefix, ok := strings.CutSuffix(arguments[i], "*"); ok && strings.HasSuffix(prefix, ":k:") && strings.EqualFold(arguments[i-1], "match") {
			arguments[i] = "*"
			return true
		}
	}
	return false
}
