package redis

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// However a server's answer is cut into pieces, what is short passes unchanged, and what
// is too long is empty.
func TestOversizeEmptiesWhatIsTooLongAndNothingElse(t *testing.T) {
	long := strings.Repeat("$5\r\n", maxBulk/4+1)
	bulk := func(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }
	short := "*3\r\n" + bulk("message") + bulk("channel") + bulk("$100000000\r\n") +
		"+PONG $99999999\r\n-ERR $99999999 no\r\n:5\r\n$-1\r\n$0\r\n\r\n_\r\n>2\r\n" + bulk(long[:maxBulk])
	sent := short + bulk(long) + short + "=" + bulk(long)[1:] + short
	want := short + bulk("") + short + "$0\r\n\r\n" + short
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 0))
		from := io.Reader(strings.NewReader(sent))
		switch seed % 3 {
		case 0:
			from = iotest.HalfReader(from)
		case 1:
			from = &pieces{from, random}
		}
		var o oversize
		var got bytes.Buffer
		got.Grow(len(want))
		to := make([]byte, 64+random.IntN(1<<16))
		for {
			count, err := o.read(to, from.Read)
			got.Write(to[:count])
			if errors.Is(err, io.EOF) {
				break
			}
		}
		if got.String() != want {
			t.Fatalf("seed %d: %d bytes come of %d, want %d", seed, got.Len(), len(sent), len(want))
		}
	}
}

// pieces reads a few bytes at a time.
type pieces struct {
	io.Reader
	random *rand.Rand
}

func (p *pieces) Read(to []byte) (int, error) {
	return p.Reader.Read(to[:min(len(to), 1+p.random.IntN(3000))])
}

func BenchmarkOversize(b *testing.B) {
	message := []byte("*3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n$30\r\n123456789012345678901234567890\r\n")
	data := bytes.Repeat(message, 100)
	var o oversize
	b.ReportMetric(100, "messages/op")
	for b.Loop() {
		o.keep(data)
	}
}
