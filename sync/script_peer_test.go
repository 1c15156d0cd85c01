package sync_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	dsync "github.com/riptidecrawler/coordkit/sync"
)

// letter is a message as the package documentation describes it.
type letter struct {
	letterOperation
	Version      int               `json:"version,omitempty"`
	Origin       string            `json:"origin_node"`
	Epoch        uint64            `json:"epoch,omitempty"`
	Clock        int64             `json:"clock,omitempty"`
	ClockLogical uint32            `json:"clock_logical,omitempty"`
	Operations   []letterOperation `json:"operations,omitempty"`
	Beat         uint64            `json:"beat,omitempty"`
	Term         uint64            `json:"term,omitempty"`
	Released     bool              `json:"released,omitempty"`
	Leaving      bool              `json:"leaving,omitempty"`
	Seen         []letterMention   `json:"seen,omitempty"`
	Request      *letterReplay     `json:"request,omitempty"`
	Refused      *letterReplay     `json:"refused,omitempty"`
}

type letterOperation struct {
	Type      dsync.OperationType `json:"operation_type,omitempty"`
	Key       string              `json:"key,omitempty"`
	Value     []byte              `json:"value,omitempty"`
	TTL       float64             `json:"ttl,omitempty"`
	Timestamp time.Time           `json:"timestamp,omitzero"`
	Stamp     int64               `json:"stamp,omitempty"`
	Logical   uint32              `json:"logical,omitempty"`
	Seq       uint64              `json:"seq,omitempty"`
}

type letterMention struct {
	Node  string `json:"node"`
	Epoch uint64 `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

type letterReplay struct {
	Epoch uint64      `json:"epoch"`
	Spans [][2]uint64 `json:"spans"`
}

// String tells what a spec of calls wants to see.
func (l letter) String() string {
	switch {
	case l.Request != nil:
		return fmt.Sprint("request ", l.Request.Spans)
	case l.Refused != nil:
		return fmt.Sprint("refused ", l.Refused.Spans)
	case l.Type == dsync.Heartbeat:
		text := fmt.Sprintf("heartbeat %d last %d", l.Beat, l.Seq)
		if l.Released {
			text += " released"
		}
		if l.Leaving {
			text += " leaving"
		}
		return text
	case l.Type != "":
		return l.letterOperation.String()
	}
	texts := make([]string, len(l.Operations))
	for i, operation := range l.Operations {
		texts[i] = operation.String()
	}
	return strings.Join(texts, ", ")
}

func (o letterOperation) String() string {
	text := fmt.Sprintf("%d %s %s", o.Seq, o.Type, o.Key)
	if o.Type == dsync.Set {
		text += fmt.Sprintf("=%s", o.Value)
	}
	return text
}

func isHeartbeat(l letter) bool { return l.Type == dsync.Heartbeat }
func isRequest(l letter) bool   { return l.Request != nil }
func isRefusal(l letter) bool   { return l.Refused != nil }

// Incarnations that began before, and after, that of the node under test.
const (
	older   uint64 = 1 << 40
	younger uint64 = 1 << 52
)

// scriptedPeer is another node as the spec plays it. It numbers its operations.
type scriptedPeer struct {
	port    *scriptedPort
	node    string
	epoch   uint64
	last    uint64        // the highest number it has given
	beat    uint64        // how many heartbeats it has sent
	logical uint32        // so that no two of its stamps are the same
	skew    time.Duration // by how much its clock is ahead
}

func (p *scriptedPort) peer(node string, epoch uint64) *scriptedPeer {
	return &scriptedPeer{port: p, node: node, epoch: epoch}
}

// letter begins a message of the peer's.
func (p *scriptedPeer) letter() letter {
	p.logical++
	l := letter{
		Version: 1, Origin: p.node, Epoch: p.epoch,
		Clock: time.Now().Add(p.skew).UnixMicro(), ClockLogical: p.logical,
	}
	l.Seq = p.last
	return l
}

// operation makes the peer's next operation, and sends nothing.
func (p *scriptedPeer) operation(kind dsync.OperationType, key, value string) letterOperation {
	p.last++
	p.logical++
	o := letterOperation{
		Type: kind, Key: key, Stamp: time.Now().Add(p.skew).UnixMicro(), Logical: p.logical, Seq: p.last,
	}
	if kind == dsync.Set {
		o.Value = []byte(value)
	}
	return o
}

// sets makes the peer's next operation a Set.
func (p *scriptedPeer) sets(key, value string) letterOperation {
	return p.operation(dsync.Set, key, value)
}

// loses has the peer give numbers to operations of which nobody hears.
func (p *scriptedPeer) loses(count uint64) { p.last += count }

// tells publishes operations for all.
func (p *scriptedPeer) tells(operations ...letterOperation) {
	l := p.letter()
	l.Operations = operations
	p.sends(dsync.DefaultChannel, l)
}

// whispers sends operations to the node under test alone.
func (p *scriptedPeer) whispers(operations ...letterOperation) {
	l := p.letter()
	l.Operations = operations
	p.sends(inboxOfSelf, l)
}

// beats publishes a heartbeat, after the changes to it.
func (p *scriptedPeer) beats(changes ...func(*letter)) {
	p.beat++
	l := p.letter()
	l.Type, l.Beat, l.Timestamp = dsync.Heartbeat, p.beat, time.Now().Add(p.skew)
	for _, change := range changes {
		change(&l)
	}
	p.sends(dsync.DefaultChannel, l)
}

// requests asks the node under test for numbers of an incarnation.
func (p *scriptedPeer) requests(epoch uint64, spans ...[2]uint64) {
	l := p.letter()
	l.Request = &letterReplay{epoch, spans}
	p.sends(inboxOfSelf, l)
}

// refuses says to the node under test that its own numbers can't be told again.
func (p *scriptedPeer) refuses(spans ...[2]uint64) {
	l := p.letter()
	l.Refused = &letterReplay{p.epoch, spans}
	p.sends(inboxOfSelf, l)
}

// sends delivers a message, and waits until the node is done with it.
func (p *scriptedPeer) sends(channel string, l letter) {
	payload, err := json.Marshal(l)
	Expect(err).NotTo(HaveOccurred())
	p.port.deliver(channel, payload, nil)
	synctest.Wait()
}

// seeing has a heartbeat mention how far the numbers of others go.
func seeing(others ...*scriptedPeer) func(*letter) {
	return func(l *letter) {
		for _, o := range others {
			l.Seen = append(l.Seen, letterMention{o.node, o.epoch, o.last})
		}
	}
}

func leaving(l *letter) { l.Leaving = true }
