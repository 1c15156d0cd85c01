package memory

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

func newSubscription(pattern string) *delivery.Subscription {
	return delivery.NewSubscription(pattern, 0, delivery.NewRate(), func(*delivery.Subscription) {})
}

// The index against trying every subscription.
func TestIndexFindsWhatMatches(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	name := func(letters string) string {
		text := make([]byte, 1+random.IntN(5))
		for i := range text {
			text[i] = letters[random.IntN(len(letters))]
		}
		return string(text)
	}
	x := newIndex()
	open := make(map[*delivery.Subscription]int) // how many messages each is to receive
	for range 20_000 {
		switch random.IntN(3) {
		case 0:
			s := newSubscription(name(`ab:*?[]\`))
			x.add(s)
			open[s] = 0
		case 1:
			for s := range open {
				x.remove(s)
				s.Close()
				delete(open, s)
				break
			}
		case 2:
			channel, want := name(`ab:*\`), 0
			for s := range open {
				if coordination.Match(s.Pattern(), channel) {
					open[s]++
					want++
				}
			}
			if got := x.push(delivery.Message{Channel: channel}); got != want {
				t.Fatalf("%q reaches %d subscriptions, want %d", channel, got, want)
			}
		}
		checkPositions(t, x, len(open))
	}
	for s, want := range open {
		x.remove(s)
		for range want {
			if message, err := s.Next(t.Context()); err != nil || !coordination.Match(s.Pattern(), message.Channel) {
				t.Fatalf("%q receives %+v, %v", s.Pattern(), message, err)
			}
		}
		s.Close()
	}
	if len(x.exact) != 0 || len(x.globs) != 0 || len(x.shapes) != 0 || len(x.positions) != 0 {
		t.Errorf("the empty index holds %+v", x)
	}
}

func checkPositions(t *testing.T, x *index, want int) {
	t.Helper()
	if len(x.positions) != want {
		t.Fatalf("holds %d positions, want %d", len(x.positions), want)
	}
	for s, position := range x.positions {
		literal, exact := coordination.LiteralPrefix(s.Pattern())
		if x.groups(exact)[literal][position] != s {
			t.Fatalf("%q is not at its position", s.Pattern())
		}
		break // any one; the rest get their turn
	}
}

func TestIndexLooksUpOnlyWhatFits(t *testing.T) {
	x := newIndex()
	for _, pattern := range []string{"news:*", "news:[ab]", "ware:*", "new*", "*", "n?", "exact", `\*exact`} {
		x.add(newSubscription(pattern))
	}
	slices.SortFunc(x.shapes, func(a, b shape) int { return a.length - b.length })
	want := []shape{{0, 0, 1}, {1, 'n', 1}, {3, 'w', 1}, {5, ':', 2}}
	if !slices.Equal(x.shapes, want) {
		t.Errorf("shapes are %v, want %v", x.shapes, want)
	}
	if got := len(x.globs["news:"]); got != 2 {
		t.Errorf("%d subscriptions share the prefix", got)
	}
	if x.exact["*exact"] == nil || x.exact["exact"] == nil {
		t.Errorf("exact patterns are %v", x.exact)
	}
}

func TestClosingSubscriptionsDoesNotSearch(t *testing.T) {
	const many = 100_000
	handle := New()
	subscriptions := make([]coordination.Subscription, many)
	for i := range subscriptions {
		pattern := "news:*"
		if i%2 == 0 {
			pattern = "idle:" + strconv.Itoa(i) + ":*"
		}
		subscriptions[i], _ = handle.Subscribe(t.Context(), pattern)
	}
	for _, s := range subscriptions { // a search of the group each would take minutes
		s.Close()
	}
	if x := handle.space.subscriptions; len(x.positions) != 0 || len(handle.subscriptions) != 0 {
		t.Errorf("%d positions, %d subscriptions are left", len(x.positions), len(handle.subscriptions))
	}
}
