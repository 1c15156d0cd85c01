package broken

import (
	"context"
	"strings"

	"github.com/riptidecrawler/coordkit/coordination"
)

// rewritten is a fault in what a pattern is taken for: another one.
func rewritten(rewrite func(pattern string) string) func(*backend) func(*adapter) {
	return byNamespace(func(a *adapter, all *audience) {
		good := a.subscribe
		a.subscribe = func(ctx context.Context, pattern string) (coordination.Subscription, error) {
			taken := rewrite(pattern)
			if coordination.CheckName("", "", pattern) != nil || coordination.CheckName("", "", taken) != nil {
				taken = pattern // refused as it was, or too long to be taken for anything
			}
			return good(ctx, taken)
		}
		all.join(a, alike)
		a.relabel()
		a.published(all, func(channel string) {
			for _, l := range all.listeners {
				if l.taken == "" {
					l.taken = rewrite(l.pattern)
				}
				if coordination.Match(l.pattern, channel) != coordination.Match(l.taken, channel) {
					a.strike()
				}
			}
		})
	})
}

// relabel has messages tell the pattern that Subscribe was given.
func (a *adapter) relabel() {
	a.subscriptions(func(pattern string, s *subscription) {
		next := s.next
		s.next = func(ctx context.Context) (coordination.Message, error) {
			message, err := next(ctx)
			if err == nil {
				message.Pattern = pattern
			}
			return message, err
		}
	})
}

// published calls back before each message is published, with the lock of the
// audience held.
func (a *adapter) published(all *audience, before func(channel string)) {
	a.every(func(c *call) error {
		if c.method == "Publish" || c.method == "PublishWithAck" {
			all.mu.Lock()
			before(c.name)
			all.mu.Unlock()
		}
		return c.proceed()
	})
}

// elements cuts a pattern into its wildcards, its classes, its escapes, and its
// other bytes.
func elements(pattern string) []string {
	var all []string
	for len(pattern) > 0 {
		length := 1
		switch pattern[0] {
		case '\\':
			length = min(2, len(pattern))
		case '[':
			length = classLen(pattern)
		}
		all = append(all, pattern[:length])
		pattern = pattern[length:]
	}
	return all
}

// classLen is how long the class is with which the pattern begins.
func classLen(pattern string) int {
	for i := 1; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case ']':
			return i + 1
		}
	}
	return len(pattern)
}

// perElement rewrites the elements of a pattern.
func perElement(rewrite func(element string) string) func(*backend) func(*adapter) {
	return rewritten(func(pattern string) string {
		var b strings.Builder
		for _, element := range elements(pattern) {
			b.WriteString(rewrite(element))
		}
		return b.String()
	})
}

// literally escapes what has a meaning in a pattern.
func literally(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if strings.IndexByte(`*?[\`, text[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
