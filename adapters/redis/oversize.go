package redis

import (
	"bytes"

	"github.com/riptidecrawler/coordkit/coordination"
)

// maxBulk is the longest bulk string that the link reads: the longest message of ours,
// with its frame.
const maxBulk = coordination.MaxPayloadLen + 512

// oversize empties bulk strings in the answers of a server that are longer than maxBulk,
// before go-redis takes memory for them: anybody may publish 512 MiB. An empty message
// is none of ours, so that those who should get it are told of a gap.
//
// The protocol is a sequence of lines. Those that begin with $, = or ! announce so many
// bytes.
type oversize struct {
	left     int64  // of a bulk string and the end of its line
	emptying bool   // it
	inLine   bool   // of another kind
	header   []byte // of a bulk string, as far as it has come
}

const (
	lineEnd   = "\r\n"
	maxHeader = 32
	maxLength = 1 << 60 // far beyond what a server takes (proto-max-bulk-len)
)

// read reads what is not too long.
func (o *oversize) read(to []byte, read func([]byte) (int, error)) (int, error) {
	for {
		held := copy(to, o.header)
		count, err := read(to[held:])
		o.header = o.header[:0]
		if kept := o.keep(to[:held+count]); kept > 0 || count == 0 || err != nil {
			return kept, err
		}
	}
}

// keep moves what is to be read to the front of data, and returns its length.
func (o *oversize) keep(data []byte) (kept int) {
	for rest := data; len(rest) > 0; {
		var count int
		switch {
		case o.emptying && o.left > int64(len(lineEnd)):
			count = int(min(o.left-int64(len(lineEnd)), int64(len(rest))))
			o.left -= int64(count)
			rest = rest[count:]
			continue
		case o.left > 0:
			count = int(min(o.left, int64(len(rest))))
			o.left -= int64(count)
		default:
			count = o.line(rest)
			if count == 0 {
				o.header = append(o.header, rest...)
				return kept
			}
			if o.emptying {
				kept += copy(data[kept:], "$0"+lineEnd)
				rest = rest[count:]
				continue
			}
		}
		kept += copy(data[kept:], rest[:count])
		rest = rest[count:]
	}
	return kept
}

// line looks at a line, or the part of it that has come, and returns its length: 0 for
// a header of which more must come.
func (o *oversize) line(rest []byte) int {
	o.emptying = false
	count := bytes.IndexByte(rest, '\n') + 1
	isBulk := !o.inLine && (rest[0] == '$' || rest[0] == '=' || rest[0] == '!')
	switch {
	case count == 0 && isBulk && len(rest) < maxHeader:
		return 0
	case count == 0:
		o.inLine = true
		return len(rest)
	case isBulk:
		if length, found := digits(rest[1 : count-1]); found {
			o.left, o.emptying = length+int64(len(lineEnd)), length > maxBulk
		}
	}
	o.inLine = false
	return count
}

// digits reads a length. There is none if nothing follows ("$-1", "$?").
func digits(line []byte) (length int64, found bool) {
	for _, c := range line {
		if c < '0' || c > '9' {
			break
		}
		length, found = min(length*10+int64(c-'0'), maxLength), true
	}
	return length, found
}
