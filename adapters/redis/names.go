package redis

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/riptidecrawler/coordkit/coordination"
)

// names puts the namespace on and takes it off.
type names struct {
	keys     string // what the keys of the namespace begin with
	channels string // what its channels begin with
	inboxes  string
	records  string
	exact    topicKind // how one channel is subscribed to
}

// newNames returns the names in a database. A server keeps the keys of its databases
// apart, but not their channels. So the channels of all but database 0 carry its number.
// Sharded channels have the hash tag of the records, for the same node to serve them.
func newNames(namespace string, database int, sharded bool) names {
	escaped, number := escape(namespace), ""
	if database != 0 {
		number = strconv.Itoa(database)
	}
	n := names{keys: escaped + ":k:", records: "{" + escaped + "}:"}
	prefix := escaped + ":"
	if sharded {
		prefix, n.exact = n.records, shardChannel
	}
	n.channels, n.inboxes = prefix+"c"+number+":", prefix+"i"+number+":"
	return n
}

// publish returns the command that publishes to a channel or an inbox.
func (n names) publish() string {
	if n.exact == shardChannel {
		return "spublish"
	}
	return "publish"
}

// inbox returns what a handle listens to for itself.
func (n names) inbox(handle string) topicName {
	return topicName{name: n.inboxes + handle, kind: n.exact}
}

// keysOf puts the namespace on many keys, in one piece of memory.
func (n names) keysOf(keys []string) []string {
	size := len(keys) * len(n.keys)
	for _, key := range keys {
		size += len(key)
	}
	var b strings.Builder
	b.Grow(size)
	for _, key := range keys {
		b.WriteString(n.keys)
		b.WriteString(key)
	}
	all, physical := b.String(), make([]string, len(keys))
	for i, key := range keys {
		end := len(n.keys) + len(key)
		physical[i], all = all[:end], all[end:]
	}
	return physical
}

// escape writes every byte but the plain ones as %XX. The result has no colon,
// no brace and nothing that is special in a glob, so that it can neither run
// into what follows it, nor be a hash tag, nor match anything but itself.
func escape(namespace string) string {
	var b strings.Builder
	for i := 0; i < len(namespace); i++ {
		switch c := namespace[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// narrowStars is how many * a narrowed pattern has at the most. A server may
// give up on a pattern with very many (Redis does on more than 1,000, since
// CVE-2024-31228), and each costs it time.
const narrowStars = 8

// narrow returns a pattern for the server that matches all that pattern does,
// and perhaps more: Match has the last word here, so that servers which read a
// class, a ? or odd bytes in their own way give the same answers.
func narrow(pattern string) string {
	var b strings.Builder
	stars, starred := 0, false
	for i := 0; i < len(pattern) && stars < narrowStars; {
		escaped := pattern[i] == '\\' && i+1 < len(pattern)
		if escaped {
			i++
		}
		_, width := utf8.DecodeRuneInString(pattern[i:])
		c := pattern[i]
		switch {
		case !escaped && c == '[': // where a class ends is for Match to say
			if !starred {
				b.WriteByte('*')
			}
			return b.String()
		case !escaped && (c == '*' || c == '?'), c >= utf8.RuneSelf && (escaped || width == 1):
			if !starred {
				b.WriteByte('*')
				stars++
			}
			starred = true
			width = 1
		default:
			if strings.IndexByte(`*?[\`, c) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteString(pattern[i : i+width])
			starred = false
		}
		i += width
	}
	return b.String()
}

// topicOf returns the channel or pattern to subscribe to for a user's pattern.
func (n names) topicOf(pattern string) topicName {
	if channel, exact := coordination.LiteralPrefix(pattern); exact {
		return topicName{name: n.channels + channel, kind: n.exact}
	}
	return topicName{name: n.channels + narrow(pattern), kind: globPattern}
}
