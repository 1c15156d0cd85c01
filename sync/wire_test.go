package sync

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/coordination"
)

var _ = Describe("What is read off the wire", func() {
	read := func(payload string) *message {
		GinkgoHelper()
		m, err := decode([]byte(payload))
		Expect(err).NotTo(HaveOccurred())
		return m
	}

	Context("of the first generation", func() {
		const set = `{"id":"op-1","operation_type":"Set","key":"test-key","value":[118,0,255],"ttl":60,` +
			`"timestamp":"2025-11-12T10:00:00.123456789Z","origin_node":"test-node","priority":1}`

		It("has no numbers, and the stamp of its timestamp", func() {
			made := time.Date(2025, 11, 12, 10, 0, 0, 123_456_789, time.UTC)
			Expect(read(set)).To(Equal(&message{
				origin: incarnation{node: "test-node"},
				clock:  Stamp{Node: "test-node"},
				operations: []Operation{{
					ID: "op-1", Type: Set, Key: "test-key", Value: []byte("v\x00\xff"), TTL: time.Minute,
					Timestamp: made, Origin: "test-node", Priority: 1,
					Stamp: Stamp{Wall: made.UnixMicro(), Priority: 1, Node: "test-node"},
				}},
			}))
			Expect(read(set).numbered()).To(BeFalse())
		})

		It("may have neither value nor time to live", func() {
			m := read(`{"id":"op-2","operation_type":"InvalidatePattern","key":"cache:*","value":null,"ttl":null,` +
				`"timestamp":"2025-11-12T12:00:00+02:00","origin_node":"test-node","priority":0}`)
			Expect(m.operations).To(HaveLen(1))
			Expect(m.operations[0].Type).To(Equal(InvalidatePattern))
			Expect(m.operations[0].Value).To(BeNil())
			Expect(m.operations[0].TTL).To(BeZero())
			Expect(m.operations[0].Stamp.Wall).To(Equal(time.Date(2025, 11, 12, 10, 0, 0, 0, time.UTC).UnixMicro()))
		})

		It("may be a heartbeat, which says no number", func() {
			m := read(`{"id":"op-3","operation_type":"Heartbeat","key":"","timestamp":"2025-11-12T10:00:00Z","origin_node":"n"}`)
			Expect(m.operations).To(BeEmpty())
			Expect(m.heartbeat.wall).To(Equal(time.Date(2025, 11, 12, 10, 0, 0, 0, time.UTC)))
			Expect(m.unread).NotTo(HaveOccurred())
		})

		It("can't be read without a timestamp", func() {
			Expect(read(`{"operation_type":"Clear","origin_node":"n"}`).unread).To(MatchError(errContent))
			Expect(read(`{"operation_type":"Clear","timestamp":"1970-01-01T00:00:00Z","origin_node":"n"}`).unread).To(MatchError(errContent))
		})
	})

	It("is of a newer version no more than the origin, its last number and its clock", func() {
		m := read(`{"version":2,"origin_node":"n","epoch":5,"seq":7,"clock":9,"clock_logical":3,"operation_type":"Swap",` +
			`"operations":[{"operation_type":"Set"}],"request":{"epoch":1,"spans":[]},"seen":[{}]}`)
		Expect(m.unread).To(MatchError(errVersion))
		m.unread = nil
		Expect(m).To(Equal(&message{
			origin: incarnation{"n", 5}, last: 7, clock: Stamp{Wall: 9, Logical: 3, Node: "n", Epoch: 5},
		}))
	})

	It("may have fields that nobody knows", func() {
		m := read(`{"version":1,"origin_node":"n","epoch":5,"seq":7,"clock":9,"colour":"red","operations":[` +
			`{"operation_type":"Delete","key":"k","stamp":8,"seq":7,"shape":{"round":[true,null]}}]}`)
		Expect(m.unread).NotTo(HaveOccurred())
		Expect(m.operations).To(HaveLen(1))
	})

	It("has the key in bytes, where it is given so", func() {
		m := read(`{"origin_node":"n","timestamp":"2025-11-12T10:00:00Z","operation_type":"Delete","key":"?","key_bytes":"/w=="}`)
		Expect(m.operations[0].Key).To(Equal("\xff"))
	})

	It("has the timestamp of its stamp, where it has no other", func() {
		m := read(`{"origin_node":"n","epoch":5,"seq":7,"operation_type":"Clear","stamp":1700000000000001}`)
		Expect(m.operations[0].Timestamp).To(BeTemporally("==", time.UnixMicro(1700000000000001)))
	})

	It("goes by its stamp, where it has a timestamp as well", func() {
		m := read(`{"origin_node":"n","epoch":5,"seq":7,"operation_type":"Clear","stamp":8,"timestamp":"2025-11-12T10:00:00Z"}`)
		Expect(m.operations[0].Stamp.Wall).To(BeEquivalentTo(8))
		Expect(m.operations[0].Timestamp.Year()).To(Equal(2025))
	})

	DescribeTable("has a time to live of whole milliseconds",
		func(seconds string, ttl time.Duration) {
			m := read(`{"origin_node":"n","operation_type":"Set","key":"k","timestamp":"2025-11-12T10:00:00Z","ttl":` + seconds + `}`)
			Expect(m.unread).NotTo(HaveOccurred())
			Expect(m.operations[0].TTL).To(Equal(ttl))
		},
		func(seconds string, ttl time.Duration) string { return fmt.Sprintf("of %s s: %v", seconds, ttl) },
		Entry(nil, "0", time.Duration(0)),
		Entry(nil, "-0.0", time.Duration(0)),
		Entry(nil, "60", time.Minute),
		Entry(nil, "0.001", time.Millisecond),
		Entry(nil, "0.0014", time.Millisecond),
		Entry(nil, "0.0016", 2*time.Millisecond),
		Entry(nil, "1e-9", time.Millisecond),
		Entry(nil, "86400.123", 24*time.Hour+123*time.Millisecond),
		Entry(nil, "9223372036.854", 9223372036854*time.Millisecond),
	)

	DescribeTable("is an error, and nothing else, where that is",
		func(_, payload string) {
			m, err := decode([]byte(payload))
			Expect(err).To(HaveOccurred())
			Expect(m).To(BeNil())
		},
		func(what, _ string) string { return what },
		Entry(nil, "empty", ``),
		Entry(nil, "no JSON", `SET k v`),
		Entry(nil, "no object", `[]`),
		Entry(nil, "cut off", `{"origin_node":"n"`),
		Entry(nil, "followed by something", `{"origin_node":"n"}{}`),
		Entry(nil, "of no node", `{}`),
		Entry(nil, "null", `null`),
		Entry(nil, "of a node whose name is too long", `{"origin_node":"`+strings.Repeat("n", coordination.MaxNameLen+1)+`"}`),
		Entry(nil, "of a node whose name is no text", `{"origin_node":5}`),
		Entry(nil, "of a number below zero", `{"origin_node":"n","seq":-1}`),
		Entry(nil, "of a number that no JSON reader takes", `{"origin_node":"n","seq":9007199254740992}`),
		Entry(nil, "of a clock below zero", `{"origin_node":"n","clock":-1}`),
		Entry(nil, "of a clock that no JSON reader takes", `{"origin_node":"n","clock":9007199254740992}`),
		Entry(nil, "of a version that is no number", `{"origin_node":"n","version":"two"}`),
		Entry(nil, "of a value that is no base64", `{"origin_node":"n","operation_type":"Set","key":"k","value":"*"}`),
		Entry(nil, "of a value with more than a byte in one", `{"origin_node":"n","operation_type":"Set","key":"k","value":[256]}`),
		Entry(nil, "of a time that is none", `{"origin_node":"n","operation_type":"Clear","timestamp":"yesterday"}`),
		Entry(nil, "of more operations than any node sends", `{"origin_node":"n","operations":[`+strings.Repeat(`{},`, maxParts)+`{}]}`),
		Entry(nil, "a heartbeat that mentions more nodes than any sends", `{"origin_node":"n","operation_type":"Heartbeat","seen":[`+
			strings.Repeat(`{"node":"m"},`, maxParts)+`{"node":"m"}]}`),
		Entry(nil, "a heartbeat that mentions no node", `{"origin_node":"n","operation_type":"Heartbeat","seen":[{"seq":1}]}`),
		Entry(nil, "a heartbeat that mentions a number that no JSON reader takes", `{"origin_node":"n","operation_type":"Heartbeat","seen":[{"node":"m","seq":9007199254740992}]}`),
		Entry(nil, "a request for nothing", `{"origin_node":"n","request":{"epoch":1}}`),
		Entry(nil, "a request for number 0", `{"origin_node":"n","request":{"epoch":1,"spans":[[0,1]]}}`),
		Entry(nil, "a request from a number to one before it", `{"origin_node":"n","request":{"epoch":1,"spans":[[2,1]]}}`),
		Entry(nil, "a request for a number that no JSON reader takes", `{"origin_node":"n","request":{"epoch":1,"spans":[[1,9007199254740992]]}}`),
		Entry(nil, "a request for the same twice", `{"origin_node":"n","request":{"epoch":1,"spans":[[1,3],[3,4]]}}`),
		Entry(nil, "a request out of order", `{"origin_node":"n","request":{"epoch":1,"spans":[[5,6],[1,2]]}}`),
		Entry(nil, "a refusal of nothing", `{"origin_node":"n","refused":{"epoch":1,"spans":[]}}`),
	)

	DescribeTable("leaves out an operation that can't be read, and takes the others",
		func(_, broken string) {
			m := read(`{"origin_node":"n","epoch":5,"seq":3,"operations":[` +
				`{"operation_type":"Delete","key":"k","stamp":1,"seq":1},` + broken + `,` +
				`{"operation_type":"Clear","stamp":3,"seq":3}]}`)
			Expect(m.unread).To(HaveOccurred())
			Expect(errors.Is(m.unread, errContent) || errors.Is(m.unread, coordination.ErrInvalidArgument)).To(BeTrue())
			Expect(m.operations).To(HaveLen(2))
			Expect(m.operations[0].Seq).To(BeEquivalentTo(1))
			Expect(m.operations[1].Seq).To(BeEquivalentTo(3))
		},
		func(what, _ string) string { return what },
		Entry(nil, "of no type", `{"key":"k","stamp":2,"seq":2}`),
		Entry(nil, "of an unknown type", `{"operation_type":"Swap","key":"k","stamp":2,"seq":2}`),
		Entry(nil, "that is a heartbeat", `{"operation_type":"Heartbeat","stamp":2,"seq":2}`),
		Entry(nil, "on no key", `{"operation_type":"Set","stamp":2,"seq":2}`),
		Entry(nil, "with an empty pattern", `{"operation_type":"InvalidatePattern","stamp":2,"seq":2}`),
		Entry(nil, "with too long a key", `{"operation_type":"Set","key":"`+strings.Repeat("k", coordination.MaxNameLen+1)+`","stamp":2,"seq":2}`),
		Entry(nil, "with a time to live below zero", `{"operation_type":"Set","key":"k","ttl":-1,"stamp":2,"seq":2}`),
		Entry(nil, "with a time to live beyond all times", `{"operation_type":"Set","key":"k","ttl":1e10,"stamp":2,"seq":2}`),
		Entry(nil, "without a stamp", `{"operation_type":"Clear","seq":2}`),
		Entry(nil, "with a stamp below zero", `{"operation_type":"Clear","stamp":-2,"seq":2}`),
		Entry(nil, "with a stamp that no JSON reader takes", `{"operation_type":"Clear","stamp":9007199254740992,"seq":2}`),
		Entry(nil, "of a year that has no form as text", `{"operation_type":"Clear","stamp":2,"seq":2,"timestamp":"9999-12-31T23:59:59-01:00"}`),
		Entry(nil, "without a number", `{"operation_type":"Clear","stamp":2}`),
		Entry(nil, "with a number above the last", `{"operation_type":"Clear","stamp":2,"seq":4}`),
		Entry(nil, "with a priority of more than 32 bits", `{"operation_type":"Clear","stamp":2,"seq":2,"priority":4294967296}`),
		Entry(nil, "with too long an ID", `{"operation_type":"Clear","stamp":2,"seq":2,"id":"`+strings.Repeat("i", coordination.MaxNameLen+1)+`"}`),
	)

	It("leaves out the only operation, and takes what the message says of its origin", func() {
		m := read(`{"origin_node":"n","epoch":5,"seq":3,"clock":4,"operation_type":"Swap","key":"k","stamp":2}`)
		Expect(m.unread).To(MatchError(coordination.ErrInvalidArgument))
		Expect(m.operations).To(BeEmpty())
		Expect(m.last).To(BeEquivalentTo(3))
	})

	It("is as new as its clock, or as the newest operation in it", func() {
		const operations = `"operations":[{"operation_type":"Clear","stamp":7,"seq":1},{"operation_type":"Clear","stamp":8,"seq":2}]`
		Expect(read(`{"origin_node":"n","epoch":5,"seq":2,"clock":9,` + operations + `}`).newest().Wall).To(BeEquivalentTo(9))
		Expect(read(`{"origin_node":"n","epoch":5,"seq":2,` + operations + `}`).newest().Wall).To(BeEquivalentTo(8))
	})

	It("has no operation with a number of an origin that does not number", func() {
		m := read(`{"origin_node":"n","seq":3,"operation_type":"Clear","stamp":2}`)
		Expect(m.unread).To(MatchError(errContent))
		Expect(m.operations).To(BeEmpty())
	})
})

var _ = Describe("What is written on the wire", func() {
	from := incarnation{"n", 5}
	operation := func(kind OperationType, key string) Operation {
		return Operation{Type: kind, Key: key, Origin: "n", Epoch: 5, Seq: 1, Stamp: Stamp{Wall: 1, Node: "n", Epoch: 5}}
	}
	worst := strings.Repeat("\x01", coordination.MaxNameLen) // six bytes each in JSON

	It("has an ID for an operation that is sent by itself and has none", func() {
		m, err := decode(encode(nil, &message{origin: from, last: 1, operations: []Operation{operation(Clear, "")}}))
		Expect(err).NotTo(HaveOccurred())
		Expect(m.operations[0].ID).To(Equal("n/5/1"))
	})

	It("has its timestamps in UTC, of whatever zone they were", func() {
		given := operation(Clear, "")
		given.Timestamp = time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("far", 30*60*60))
		m, err := decode(encode(nil, &message{origin: from, last: 1, operations: []Operation{given}}))
		Expect(err).NotTo(HaveOccurred())
		Expect(m.operations[0].Timestamp).To(BeTemporally("==", given.Timestamp))
	})

	It("fits in what the port carries, however large the operation", func() {
		largest := operation(Set, worst)
		largest.ID, largest.Value, largest.TTL = worst, make([]byte, MaxValueLen), 1<<62
		m := &message{origin: incarnation{worst, 1 << 63}, last: 1, operations: []Operation{largest}}
		Expect(len(encode(nil, m))).To(BeNumerically("<", coordination.MaxPayloadLen))
	})

	It("fits in what the port carries, however many operations go together", func() {
		m := &message{origin: from, last: 1, operations: nil}
		for bytes := 0; ; {
			next := operation(Set, worst)
			next.ID = worst
			if bytes += next.size(); bytes > maxBatchBytes {
				break
			}
			m.operations = append(m.operations, next)
		}
		Expect(len(m.operations)).To(BeNumerically(">", 100))
		Expect(len(encode(nil, m))).To(BeNumerically("<", coordination.MaxPayloadLen))
	})

	It("names the key in text, where it is UTF-8, and else in bytes", func() {
		for key, field := range map[string]string{"käse\x00": `"key":`, "k\xff": `"key_bytes":`, "\xed\xa0\x80": `"key_bytes":`} {
			payload := encode(nil, &message{origin: from, last: 1, operations: []Operation{operation(Delete, key)}})
			Expect(bytes.Contains(payload, []byte(field))).To(BeTrue(), "%s", payload)
			m, err := decode(payload)
			Expect(err).NotTo(HaveOccurred())
			Expect(m.operations[0].Key).To(Equal(key))
		}
	})
})
