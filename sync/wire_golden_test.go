package sync

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var update = flag.Bool("update", false, "write testdata/wire.golden.json anew")

// goldenPath is the file with messages of each kind, as they are on the wire.
var goldenPath = filepath.Join("testdata", "wire.golden.json")

// goldenMessages are messages of each kind, as they are in a node.
func goldenMessages() map[string]*message {
	const epoch, wall = 1_700_000_000 << 20, 1_700_000_000_000_000
	from := incarnation{"node-1", epoch}
	stamp := func(logical uint32, priority int) Stamp {
		return Stamp{Wall: wall, Logical: logical, Priority: priority, Node: from.node, Epoch: epoch}
	}
	clock := func(logical uint32) Stamp {
		return Stamp{Wall: wall + 5, Logical: logical, Node: from.node, Epoch: epoch}
	}
	operation := func(seq uint64, kind OperationType, key string) Operation {
		return Operation{
			Type: kind, Key: key, Timestamp: time.UnixMicro(wall), Origin: from.node,
			Stamp: stamp(uint32(seq), 0), Epoch: epoch, Seq: seq,
		}
	}
	// alone is a message with one operation, which has an ID and a timestamp.
	alone := func(operation Operation, change func(*Operation)) *message {
		operation.ID, operation.Timestamp = "id-7", time.Date(2023, 11, 14, 22, 13, 20, 123_456_789, time.UTC)
		change(&operation)
		return &message{origin: from, last: operation.Seq, clock: clock(0), operations: []Operation{operation}}
	}
	as := func(*Operation) {}

	batch := []Operation{operation(7, Set, "user:1"), operation(8, Delete, "user:2"), operation(9, InvalidatePattern, "user:*")}
	batch[0].Value, batch[0].TTL, batch[0].ID = []byte("ann"), time.Minute, "id-7"
	return map[string]*message{
		"set": alone(operation(7, Set, "user:1"), func(o *Operation) {
			o.Value, o.TTL, o.Priority, o.Stamp = []byte("ann"), 1500*time.Millisecond, -1, stamp(7, -1)
		}),
		"set of nothing, for ever":         alone(operation(7, Set, "user:1"), func(o *Operation) { o.Value = []byte{} }),
		"delete":                           alone(operation(7, Delete, "user:1"), as),
		"delete of a key that is no UTF-8": alone(operation(7, Delete, "user:\xff\x00"), as),
		"invalidate":                       alone(operation(7, InvalidatePattern, "user:[0-9]*"), as),
		"clear":                            alone(operation(7, Clear, ""), as),
		"several operations":               {origin: from, last: 9, clock: clock(1), operations: batch},
		"an operation told again":          {origin: from, last: 9, clock: clock(2), operations: []Operation{operation(8, Delete, "user:2")}},
		"first heartbeat": {origin: from, clock: clock(3), heartbeat: &heartbeat{
			beat: 1, wall: time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC),
		}},
		"heartbeat": {origin: from, last: 9, clock: clock(4), heartbeat: &heartbeat{
			beat: 12, wall: time.Date(2023, 11, 14, 22, 13, 25, 0, time.UTC), term: 3,
			seen: []seen{{incarnation{"node-2", epoch + 1}, 4}, {incarnation{"node-3", epoch + 2}, 0}},
		}},
		"last heartbeat": {origin: from, last: 9, clock: clock(5), heartbeat: &heartbeat{
			beat: 13, wall: time.Date(2023, 11, 14, 22, 13, 30, 0, time.UTC), released: true, leaving: true,
		}},
		"request": {origin: from, last: 9, clock: clock(6), operations: []Operation{}, request: &replay{epoch + 1, []span{{2, 2}, {5, 8}}}},
		"refusal": {origin: from, last: 9, clock: clock(7), operations: []Operation{}, refused: &replay{epoch, []span{{1, 4}}}},
	}
}

var _ = Describe("The wire", func() {
	It("is what the golden file shows", func() {
		written := make(map[string]json.RawMessage)
		for name, m := range goldenMessages() {
			written[name] = encode(nil, m)
		}
		if *update {
			golden, err := json.MarshalIndent(written, "", "  ")
			Expect(err).NotTo(HaveOccurred())
			Expect(os.WriteFile(goldenPath, append(golden, '\n'), 0o644)).To(Succeed())
		}
		golden := readGolden()
		Expect(golden).To(HaveLen(len(written)))
		for name, payload := range written {
			Expect(string(payload)).To(Equal(golden[name]), name)
		}
	})

	It("is read as it was written", func() {
		messages := goldenMessages()
		for name, payload := range readGolden() {
			Expect(decode([]byte(payload))).To(Equal(messages[name]), name)
		}
	})
})

var _ = Describe("The echo of a node", func() {
	It("is known by how it begins, where it is operations and nothing else", func() {
		from := goldenMessages()["set"].origin
		payloads := readGolden()
		for _, name := range []string{"set", "delete", "invalidate", "clear", "several operations", "an operation told again"} {
			Expect(newEcho(from).has([]byte(payloads[name]))).To(BeTrue(), name)
		}
		for _, name := range []string{"first heartbeat", "heartbeat", "last heartbeat", "request", "refusal"} {
			Expect(newEcho(from).has([]byte(payloads[name]))).To(BeFalse(), name)
		}
	})

	It("is no other node's, nor that of another incarnation", func() {
		payload := []byte(readGolden()["set"])
		from := goldenMessages()["set"].origin
		for _, other := range []incarnation{{"node", from.epoch}, {"node-11", from.epoch}, {from.node, from.epoch / 10}, {from.node, from.epoch + 1}, {from.node, 0}} {
			Expect(newEcho(other).has(payload)).To(BeFalse(), "%v", other)
		}
		Expect(newEcho(from).has(nil)).To(BeFalse())
	})
})

// readGolden returns the messages of the golden file, each as it is sent.
func readGolden() map[string]string {
	GinkgoHelper()
	file, err := os.ReadFile(goldenPath)
	Expect(err).NotTo(HaveOccurred())
	var indented map[string]json.RawMessage
	Expect(json.Unmarshal(file, &indented)).To(Succeed())
	payloads := make(map[string]string)
	for name, payload := range indented {
		var compact bytes.Buffer
		Expect(json.Compact(&compact, payload)).To(Succeed())
		payloads[name] = compact.String()
	}
	return payloads
}
