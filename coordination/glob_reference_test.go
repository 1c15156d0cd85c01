package coordination_test

import "strings"

// reference decides as Match does, and is written to be checked by eye instead
// of to be fast: the pattern becomes a list of elements, each of them a * or a
// set of bytes, and matching tries every way.
func reference(pattern, name string) bool {
	elements := parse(pattern)

	// Without remembering what has failed a few * would take for ever.
	type place struct{ element, at int }
	failed := map[place]bool{}

	var match func(element, at int) bool
	match = func(element, at int) bool {
		here := place{element, at}
		switch {
		case failed[here]:
			return false
		case element == len(elements):
			return at == len(name)
		case elements[element].star && match(element+1, at): // it takes no more
			return true
		case at == len(name):
			return false
		case elements[element].star && match(element, at+1): // it takes this byte
			return true
		case elements[element].bytes[name[at]] && match(element+1, at+1):
			return true
		}
		failed[here] = true
		return false
	}
	return match(0, 0)
}

// An element of a pattern is a *, or takes one byte out of a set.
type element struct {
	star  bool
	bytes [256]bool
}

func parse(pattern string) []element {
	var elements []element
	for pattern != "" {
		first, rest := pattern[0], pattern[1:]
		var e element
		switch {
		case first == '*':
			e.star = true
		case first == '?':
			e.invert()
		case first == '[':
			rest = e.class(rest)
		case first == '\\' && rest != "":
			e.bytes[rest[0]] = true
			rest = rest[1:]
		default:
			e.bytes[first] = true
		}
		elements = append(elements, e)
		pattern = rest
	}
	return elements
}

// class reads what follows a [, and returns what follows the class.
func (e *element) class(rest string) string {
	rest, negated := strings.CutPrefix(rest, "^")
	for rest != "" && rest[0] != ']' {
		switch {
		case rest[0] == '\\' && len(rest) >= 2:
			e.bytes[rest[1]] = true
			rest = rest[2:]
		case len(rest) >= 3 && rest[1] == '-':
			e.between(rest[0], rest[2])
			rest = rest[3:]
		default:
			e.bytes[rest[0]] = true
			rest = rest[1:]
		}
	}
	if negated {
		e.invert()
	}
	return strings.TrimPrefix(rest, "]")
}

// between adds a range, in the order of a signed char.
func (e *element) between(a, b byte) {
	low, high := min(int8(a), int8(b)), max(int8(a), int8(b))
	for c := int(low); c <= int(high); c++ {
		e.bytes[byte(c)] = true
	}
}

func (e *element) invert() {
	for c := range e.bytes {
		e.bytes[c] = !e.bytes[c]
	}
}
