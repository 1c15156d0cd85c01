package memory

import (
	"slices"
	"sync"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

// index finds the subscriptions that match a channel. Those without wildcards
// are found by the channel itself, the others by the literal prefix of their
// pattern, of which a channel has at most one for each shape. What has another
// prefix costs nothing.
//
// Each subscription is in exactly one group, hence gets one copy.
type index struct {
	mu sync.RWMutex // guards what follows

	exact  map[string]group // by channel
	globs  map[string]group // by literal prefix
	shapes []shape          // of the prefixes in globs, in no order

	positions map[*delivery.Subscription]int // of each one in its group
}

// group is subscriptions that are looked up by one name, in no order.
type group []*delivery.Subscription

// shape is what prefixes are told apart by before they are looked up. Prefixes
// tend to end with a separator, so that the last byte rules out most lengths.
type shape struct {
	length   int
	last     byte // 0 where length is 0
	prefixes int  // how many have this shape
}

func newIndex() *index {
	return &index{
		exact:     make(map[string]group),
		globs:     make(map[string]group),
		positions: make(map[*delivery.Subscription]int),
	}
}

// push gives the message to every subscription that matches and returns how
// many have it in their buffers. The lock is shared by publishers, and
// Subscription.Push never blocks: nobody waits here but for whoever subscribes
// at this moment. It is what makes a subscription live once add has returned.
func (x *index) push(message delivery.Message) (receivers int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, subscription := range x.exact[message.Channel] {
		if subscription.Push(message) {
			receivers++
		}
	}
	for _, s := range x.shapes {
		if s.fits(message.Channel) {
			receivers += x.globs[message.Channel[:s.length]].pushMatching(message)
		}
	}
	return receivers
}

func (s shape) fits(channel string) bool {
	return s.length == 0 || s.length <= len(channel) && channel[s.length-1] == s.last
}

// pushMatching tries a pattern once for all of its subscriptions that follow
// one another.
func (g group) pushMatching(message delivery.Message) (receivers int) {
	tried, matches := "", false // no pattern is empty
	for _, subscription := range g {
		if pattern := subscription.Pattern(); pattern != tried {
			tried, matches = pattern, coordination.Match(pattern, message.Channel)
		}
		if matches && subscription.Push(message) {
			receivers++
		}
	}
	return receivers
}

func (x *index) add(subscription *delivery.Subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	name, exact := coordination.LiteralPrefix(subscription.Pattern())
	groups := x.groups(exact)
	x.positions[subscription] = len(groups[name])
	groups[name] = append(groups[name], subscription)
	if !exact && len(groups[name]) == 1 {
		x.countShape(name, 1)
	}
}

func (x *index) remove(subscription *delivery.Subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	name, exact := coordination.LiteralPrefix(subscription.Pattern())
	groups := x.groups(exact)
	left := groups[name]

	// The last of the group takes the place that becomes free.
	last := len(left) - 1
	position := x.positions[subscription]
	left[position] = left[last]
	x.positions[left[position]] = position
	left[last] = nil
	delete(x.positions, subscription)

	groups[name] = left[:last]
	if last == 0 {
		delete(groups, name)
		if !exact {
			x.countShape(name, -1)
		}
	}
}

func (x *index) groups(exact bool) map[string]group {
	if exact {
		return x.exact
	}
	return x.globs
}

// countShape notes one prefix more or one less.
func (x *index) countShape(prefix string, change int) {
	changed := shape{length: len(prefix)}
	if prefix != "" {
		changed.last = prefix[len(prefix)-1]
	}
	i := slices.IndexFunc(x.shapes, func(s shape) bool {
		return s.length == changed.length && s.last == changed.last
	})
	if i < 0 {
		i = len(x.shapes)
		x.shapes = append(x.shapes, changed)
	}
	x.shapes[i].prefixes += change
	if x.shapes[i].prefixes == 0 {
		x.shapes = slices.Delete(x.shapes, i, i+1)
	}
}
