package redis

import (
	"errors"
	"strings"
	"testing"
	"time"

	miniserver "github.com/alicebob/miniredis/v2/server"
)

// A batch on a connection that has broken would keep its part of the window for good.
func TestNothingIsWrittenOnALinkThatIsDown(t *testing.T) {
	l := newLink(opened(t, func(*miniserver.Peer) bool { return false }), time.Second)
	l.wire = l.newWire()
	t.Cleanup(func() { _ = l.wire.Close() })
	broken := errors.New("broken")
	l.lost(l.wire, broken)
	m := &member{topic: topicName{name: "channel"}, joined: make(chan error, 1)}
	l.topics[m.topic] = l.newTopic(m.topic)
	l.topics[m.topic].add(m)
	l.joins = append(l.joins, m)
	if _, b := l.nextBatch(anyToken); b != nil || l.joining != 0 {
		t.Fatalf("%d bytes are written", l.joining)
	}
	l.down = nil
	if _, b := l.nextBatch(anyToken); b == nil || len(b.asked) != 1 || l.joining == 0 {
		t.Fatal("nothing is written once it is up")
	}
	l.lost(l.wire, broken)
	if err := <-m.joined; err != broken || l.joining != 0 { //nolint:errorlint // it is passed on as it is
		t.Fatalf("%v, %d bytes", err, l.joining)
	}
}

// However many join, what is subscribed to again has its own part, and the other way
// round. One that is longer than a window goes alone.
func TestTheWindowsOfALinkDoNotStarveEachOther(t *testing.T) {
	l := newLink(opened(t, func(*miniserver.Peer) bool { return false }), time.Second)
	l.wire = l.newWire()
	t.Cleanup(func() { _ = l.wire.Close() })
	long := strings.Repeat("n", 10_000)
	topicFor := func(name string) (*topic, *member) {
		m := &member{topic: topicName{name: name}, joined: make(chan error, 1)}
		u := l.newTopic(m.topic)
		u.add(m)
		l.topics[m.topic] = u
		return u, m
	}
	for i := range 1000 {
		queued, _ := topicFor(long + "queued" + string(rune(i)))
		l.enqueue(queued)
		_, joins := topicFor(long + "joins" + string(rune(i)))
		l.joins = append(l.joins, joins)
	}
	for left := 1000; left > 0; {
		_, b := l.nextBatch("")
		if b == nil {
			t.Fatal("nothing is written")
		}
		if b.joining == 0 || b.resuming == 0 || l.joining > linkWindow || l.resuming > linkWindow {
			t.Fatalf("%d and %d bytes, in all %d and %d", b.joining, b.resuming, l.joining, l.resuming)
		}
		if _, more := l.nextBatch(""); more != nil {
			t.Fatal("more is written before the server has answered")
		}
		left -= len(b.members)
		for _, u := range b.asked {
			u.confirmed = true
		}
		l.enliven(b.token)
	}
	if l.joining != 0 || l.resuming != 0 || len(l.queue) > 0 {
		t.Fatalf("%d and %d bytes are left, and %d topics", l.joining, l.resuming, len(l.queue))
	}
	whole, m := topicFor(strings.Repeat("n", 2*linkWindow))
	l.joins = append(l.joins, m)
	if _, b := l.nextBatch(""); b == nil || !whole.asked {
		t.Fatal("a name that is longer than a window is not written")
	}
}
