package coordination

import "strings"

// Match reports whether pattern matches the whole of name, byte for byte as a
// Redis server does (the glob of KEYS and PSUBSCRIBE, stringmatchlen in its
// util.c), malformed patterns included:
//
//   - * matches any number of bytes, / and newline included; ? matches one.
//   - [abc] matches one byte of the class, [a-c] one of the range (either way
//     round), [^a] one that is not of it. A class without its ] ends with the
//     pattern; [] matches nothing and [^] any byte.
//   - \ makes the next byte literal, in a class too; at the end of the pattern
//     it stands for itself.
//
// Bytes of 0x80 and above count as less than 0x00 in a range, as on a server
// whose C char is signed (x86-64).
//
// One difference: a server with the fix for CVE-2024-31228 gives up on a pattern
// with more than 1,000 *, and Match does not.
//
// It allocates nothing and remembers only the last *, so that a*a*a*a*b costs
// in practice by the length of name, where matchers that backtrack into every *
// take exponential time.
func Match(pattern, name string) bool {
	p, n := 0, 0
	resume, from := -1, 0 // where to go on after the last *, in pattern and name
	for n < len(name) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				for p < len(pattern) && pattern[p] == '*' {
					p++
				}
				if p == len(pattern) {
					return true
				}
				resume, from = p, n
				continue
			}
			if width, ok := matchByte(pattern[p:], name[n]); ok {
				p += width
				n++
				continue
			}
		}
		if resume < 0 {
			return false
		}
		from++
		p, n = resume, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchByte matches the first element of pattern, which is not a *, with c and
// returns how long the element is. The length counts only where it matches.
func matchByte(pattern string, c byte) (width int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		return matchClass(pattern, c)
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == c
		}
	}
	return 1, pattern[0] == c
}

// matchClass matches the class at the start of pattern, which is a [.
func matchClass(pattern string, c byte) (width int, ok bool) {
	i := 1
	negated := i < len(pattern) && pattern[i] == '^'
	if negated {
		i++
	}
	in := false
	for i < len(pattern) {
		rest := pattern[i:]
		switch {
		case len(rest) >= 2 && rest[0] == '\\':
			in = in || rest[1] == c
			i += 2
		case rest[0] == ']':
			return i + 1, in != negated
		case len(rest) >= 3 && rest[1] == '-':
			low, high := int8(rest[0]), int8(rest[2])
			if low > high {
				low, high = high, low
			}
			in = in || low <= int8(c) && int8(c) <= high
			i += 3
		default:
			in = in || rest[0] == c
			i++
		}
	}
	return len(pattern), in != negated
}

// LiteralPrefix returns the bytes with which every name that pattern matches
// begins, escapes resolved, and whether that is all: then pattern has no
// wildcards and matches exactly that one name. Adapters use it to look up
// instead of to search.
func LiteralPrefix(pattern string) (prefix string, exact bool) {
	end := strings.IndexAny(pattern, `*?[\`)
	if end < 0 {
		return pattern, true
	}
	if pattern[end] != '\\' {
		return pattern[:end], false
	}
	var literal strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*', '?', '[':
			return literal.String(), false
		case '\\':
			if i+1 < len(pattern) {
				i++
			}
			literal.WriteByte(pattern[i])
		default:
			literal.WriteByte(c)
		}
	}
	return literal.String(), true
}
