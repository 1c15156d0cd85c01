package redis

import (
	"slices"

	"github.com/riptidecrawler/coordkit/adapters/internal/delivery"
	"github.com/riptidecrawler/coordkit/coordination"
)

// topicName is what the server is told to subscribe to.
type topicName struct {
	name string
	kind topicKind
}

// topicKind says with which commands a topic is subscribed to.
type topicKind int

const (
	channel      topicKind = iota // SUBSCRIBE
	globPattern                   // PSUBSCRIBE
	shardChannel                  // SSUBSCRIBE
	topicKinds
)

// topic is one subscription on the server, and who shares it. The link's mutex guards
// it.
type topic struct {
	name    topicName
	frame   string // names what comes in for it, in acknowledgements
	members []*member

	queued    bool // write is to look at it
	asked     bool // the server was told to subscribe us, on this connection
	confirmed bool // it has
	missing   bool // live members have a gap, of which they are told when it is confirmed
}

func (t *topic) isLive() bool {
	return slices.ContainsFunc(t.members, func(m *member) bool { return m.live })
}

// cost is for how much of the window a command about the topic counts: the server
// answers with the name.
func (t *topic) cost() int { return len(t.name.name) + 64 }

// add takes a member in.
func (t *topic) add(m *member) {
	m.index = len(t.members)
	t.members = append(t.members, m)
}

// remove takes a member out. It reports false if it was not in.
func (t *topic) remove(m *member) bool {
	if !t.has(m) {
		return false
	}
	last := len(t.members) - 1
	t.members[m.index] = t.members[last]
	t.members[m.index].index = m.index
	t.members[last] = nil
	t.members = t.members[:last]
	m.live = false
	return true
}

func (t *topic) has(m *member) bool { return m.index < len(t.members) && t.members[m.index] == m }

// regain tells live members of a gap, and returns those whose function for it is to be
// called.
func (t *topic) regain() (regained []*member) {
	for _, m := range t.members {
		switch {
		case !m.live:
		case m.subscription != nil:
			m.subscription.Lose()
		default:
			regained = append(regained, m)
		}
	}
	return regained
}

// member is one receiver of a topic: a subscription of the user's, or the inbox
// of the acknowledgements.
type member struct {
	topic        topicName
	subscription *delivery.Subscription // nil for the inbox
	hear         func(payload string)   // for the inbox
	regained     func()                 // for the inbox, after a gap

	// The link's mutex guards these.
	id     string
	index  int // in the topic's members
	live   bool
	joined chan error // told once
}

// wants reports whether the member's own pattern matches, where the topic is
// only a coarser one.
func (m *member) wants(channel string) bool {
	return m.subscription != nil && (m.topic.kind != globPattern || coordination.Match(m.subscription.Pattern(), channel))
}

// push delivers a message, with a receipt of the member's own where somebody
// asks for one.
func (m *member) push(message delivery.Message, acks *acknowledger, from *origin) {
	if from == nil {
		m.subscription.Push(message)
		return
	}
	receipt := receipt{acks, from, m.id}
	message.Receipt = receipt
	if !m.subscription.Push(message) {
		receipt.Abandoned(m.subscription)
	}
}
