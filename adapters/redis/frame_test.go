package redis

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func FuzzDecodeReadsWhatEncodeWroteAndRefusesTheRest(f *testing.F) {
	at := time.Unix(1, 2)
	for _, from := range []*origin{nil, {}, {handle: "HANDLE", number: 1, timeout: 1 << 60}} {
		f.Add(encode(at, from, []byte("payload")))
		f.Add(encode(at, from, nil))
	}
	f.Add([]byte{})
	f.Add([]byte{ackedFrame, 0, 0, 0, 0, 0, 0, 0, 0, 255})
	// Its handle is as long as one can be.
	f.Add(append([]byte{ackedFrame, 0, 0, 0, 0, 0, 0, 0, 0, 255}, bytes.Repeat([]byte("h"), 300)...))
	f.Fuzz(func(t *testing.T, frame []byte) {
		at, from, payload, err := decode(string(frame))
		if err != nil {
			return
		}
		if again := encode(at, from, []byte(payload)); !bytes.Equal(again, frame) {
			t.Errorf("%q is read as %v, %v, %q, which is written as %q", frame, at, from, payload, again)
		}
	})
}

func TestAFrameCarriesTimeOriginAndPayload(t *testing.T) {
	at := time.Unix(1_800_000_000, 123_456_789)
	for _, from := range []*origin{nil, {handle: "HANDLE", number: 7, timeout: 1000}} {
		gotAt, gotFrom, payload, err := decode(string(encode(at, from, []byte("payload"))))
		if err != nil || !gotAt.Equal(at) || !reflect.DeepEqual(gotFrom, from) || payload != "payload" {
			t.Errorf("%v: %v, %v, %q, %v", from, gotAt, gotFrom, payload, err)
		}
	}
}
