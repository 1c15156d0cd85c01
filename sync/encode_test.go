package sync

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
)

// asJSON is what encoding/json makes of a message with operations.
func asJSON(m *message) []byte {
	GinkgoHelper()
	wire := wireMessage{Version: version, Origin: m.origin.node, Epoch: m.origin.epoch}
	wire.Clock, wire.ClockLogical = m.clock.Wall, m.clock.Logical
	var operations []wireOperation
	for _, o := range m.operations {
		operation := wireOperation{
			ID: o.ID, Type: o.Type, Key: o.Key, Value: o.Value, TTL: seconds(o.TTL), Priority: o.Priority,
			Stamp: o.Stamp.Wall, Logical: o.Stamp.Logical, Seq: o.Seq,
		}
		if !utf8.ValidString(o.Key) {
			operation.Key, operation.KeyBytes = "", []byte(o.Key)
		}
		operations = append(operations, operation)
	}
	if len(operations) == 1 {
		wire.wireOperation = operations[0]
		wire.Timestamp = m.operations[0].Timestamp.UTC()
	} else {
		wire.Operations, wire.Seq = operations, m.last
	}
	payload, err := json.Marshal(&wire)
	Expect(err).NotTo(HaveOccurred())
	return payload
}

var _ = Describe("The encoder", func() {
	texts := []string{
		"plain", "", " ", "~\x7f", `"`, `\`, "<a href='&'>", "\n\r\t\b\f\v", "\x00\x1f", "käse", "日本", "\u2028\u2029", "😀", "\ufffd", "\xff", "\xed\xa0\x80", strings.Repeat("long", 100),
	}
	// odd are operations with everything that may look different in JSON.
	odd := func() (operations []Operation) {
		for i, text := range texts {
			operations = append(operations, Operation{
				Type: []OperationType{Set, Delete, InvalidatePattern, Clear}[i%4], Key: text,
				ID: strings.ToValidUTF8(text, "") + "id", Origin: "n", Epoch: 5, Seq: uint64(i + 1),
				Value: []byte(strings.Repeat(text, i)), Priority: i%3 - 1, Stamp: Stamp{Wall: 1<<53 - 1, Logical: uint32(i) << 27},
				TTL:       []time.Duration{0, time.Nanosecond, time.Millisecond, 1500 * time.Millisecond, time.Minute, 1<<63 - 1}[i%6],
				Timestamp: []time.Time{{}, time.Unix(0, 1), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)}[i%4],
			})
		}
		return operations
	}

	It("writes operations as encoding/json does, together and each alone", func() {
		from, clock := incarnation{"n", 5}, Stamp{Wall: 7, Logical: 1}
		all := odd()
		together := &message{origin: from, last: 99, clock: clock, operations: all}
		Expect(string(encode(nil, together))).To(Equal(string(asJSON(together))))
		for _, operation := range all {
			alone := &message{origin: from, last: operation.Seq, clock: clock, operations: []Operation{operation}}
			Expect(string(encode(nil, alone))).To(Equal(string(asJSON(alone))))
		}
	})

	It("writes the names of nodes as encoding/json does", func() {
		for _, node := range texts {
			for _, epoch := range []uint64{0, 1, 1<<64 - 1} {
				m := &message{origin: incarnation{node, epoch}}
				Expect(string(encode(nil, m))).To(Equal(string(asJSON(m))))
			}
		}
	})

	It("leaves what is in the buffer before the message", func() {
		m := &message{origin: incarnation{"n", 5}, operations: odd()}
		Expect(encode([]byte("before"), m)).To(Equal(append([]byte("before"), encode(nil, m)...)))
	})
})

var _ = Describe("The buffer of messages", func() {
	It("serves for one after another, but is not kept where it is large", func(ctx context.Context) {
		s, err := New(DefaultConfig("a"), memory.New(), &Options{Cache: noCache{}})
		Expect(err).NotTo(HaveOccurred())
		Expect(s.Set(ctx, "k", bytes.Repeat([]byte("v"), 1000), 0)).To(Succeed())
		first := &s.buffer[0]
		Expect(s.Set(ctx, "k", []byte("v"), 0)).To(Succeed())
		Expect(&s.buffer[0]).To(BeIdenticalTo(first))
		Expect(s.Set(ctx, "k", make([]byte, maxBuffer), 0)).To(Succeed())
		Expect(s.buffer).To(BeNil())
	})
})
