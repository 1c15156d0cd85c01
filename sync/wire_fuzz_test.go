package sync

import (
	"context"
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"

	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/mocks"
)

// FuzzDecode reads any bytes as a message: that must not panic, nor may it panic
// to handle what was read; and what was read is the same when it is written and
// read again.
func FuzzDecode(f *testing.F) {
	file, err := os.ReadFile(goldenPath)
	if err != nil {
		f.Fatal(err)
	}
	var golden map[string]json.RawMessage
	if err := json.Unmarshal(file, &golden); err != nil {
		f.Fatal(err)
	}
	for _, payload := range golden {
		f.Add([]byte(payload))
	}
	for _, payload := range []string{
		``, `null`, `{}`, `[]`, `{"origin_node":"a"}`, `{"origin_node":"a","epoch":1,"seq":9}`,
		`{"operation_type":"Set","key":"k","value":[1,2,255],"ttl":60,"timestamp":"2025-11-12T10:00:00Z","origin_node":"b","priority":1}`,
		`{"version":2,"origin_node":"b","epoch":1,"seq":9007199254740991,"clock":9007199254740991,"clock_logical":4294967295}`,
		`{"origin_node":"b","epoch":1,"seq":9007199254740991,"operations":[{"operation_type":"Clear","stamp":1,"seq":9007199254740991}]}`,
		`{"origin_node":"b","epoch":99999999999999999,"seq":3,"operations":[{"operation_type":"Delete","key_bytes":"/w==","stamp":1,"seq":1},{"operation_type":"Swap"}]}`,
		`{"origin_node":"b","epoch":1,"operation_type":"Heartbeat","seen":[{"node":"a","epoch":2,"seq":5},{"node":"c","epoch":3}]}`,
		`{"origin_node":"b","epoch":1,"request":{"epoch":1,"spans":[[1,9007199254740991]]},"refused":{"epoch":1,"spans":[[1,1],[2,3]]}}`,
		`{"origin_node":"b","epoch":1,"seq":1,"operation_type":"Set","key":"k","ttl":1e-300,"stamp":1}`,
	} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := decode(payload)
		if err != nil {
			return
		}
		again, err := decode(encode(nil, m))
		if err != nil {
			t.Fatalf("what was written can't be read: %v", err)
		}
		if read, reread := essence(m), essence(again); !reflect.DeepEqual(read, reread) {
			t.Errorf("read %+v\nand again %+v", read, reread)
		}
		handle(t, payload, m)
	})
}

// essence is a message without what does not travel with it: why some of it was
// not read, and the IDs and timestamps of operations that are sent with others.
func essence(m *message) message {
	read := *m
	read.unread = nil
	read.operations = []Operation{}
	for _, operation := range m.operations {
		operation.ID, operation.Timestamp = "", time.Time{}
		read.operations = append(read.operations, operation)
	}
	if m.heartbeat != nil {
		beat := *m.heartbeat
		beat.wall = beat.wall.UTC()
		read.heartbeat = &beat
	}
	return read
}

// handle has a node that remembers little handle a message on each of its channels,
// and that which it may be asked for.
func handle(t *testing.T, payload []byte, m *message) {
	port := mocks.NewMockDistributedCoordination(gomock.NewController(t))
	port.EXPECT().Publish(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil).AnyTimes()
	node, err := New(DefaultConfig("a"), port, &Options{
		Cache:  noCache{},
		Limits: Limits{Keys: 2, Patterns: 2, HistoryOperations: 4, Origins: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := node.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
	cleared := time.Time{}
	for _, handle := range []func(context.Context, *message){node.hear, node.attend} {
		node.read(t.Context(), payload, handle)
		node.recoverNow(t.Context(), &cleared)
		node.Status()
	}
	if m.request != nil {
		node.answer(t.Context(), "b", &replay{epoch: node.self.epoch, spans: m.request.spans})
	}
}

// noCache is a cache that holds nothing.
type noCache struct{}

func (noCache) Set(context.Context, string, []byte, time.Duration) error { return nil }
func (noCache) Delete(context.Context, string) error                     { return nil }
func (noCache) InvalidatePattern(context.Context, string) error          { return nil }
func (noCache) Clear(context.Context) error                              { return nil }
