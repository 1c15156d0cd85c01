package specs

import (
	"bytes"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riptidecrawler/coordkit/specs/report"
)

const (
	// bubbleTimeout bounds the virtual time of a behaviour, so that one which
	// waits for ever fails at once.
	bubbleTimeout = 24 * time.Hour

	// lastSteps is the virtual time that goroutines have to end by themselves
	// once all is closed.
	lastSteps = 30 * time.Second
)

// bubble runs a body in virtual time. Whatever goes wrong with the bubble itself
// is the failure of this trial and of no other.
func (t *trial) bubble(suite *testing.T, body func()) {
	defer func() {
		if broken := recover(); broken != nil {
			t.decide(report.Failed, fmt.Sprintf("leaves goroutines behind, or waits for ever: %v", broken))
		}
	}()
	frozen := make(chan struct{}) // never closed, and none of the bubble's
	synctest.Test(suite, func(*testing.T) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			t.whole(body)
		}()
		select {
		case <-done:
		case <-time.After(bubbleTimeout):
			t.decide(report.Failed, fmt.Sprintf("waits for ever: %v of virtual time have passed\n%s", bubbleTimeout, inBubble()))
		}
		synctest.Wait()
		if inBubble() == "" {
			return
		}
		time.Sleep(lastSteps)
		synctest.Wait()
		left := inBubble()
		if left == "" {
			return
		}
		t.decide(report.Failed, "leaves goroutines behind:\n"+left)
		// A bubble ends with its last goroutine, and its time goes on for as
		// long as all wait: one that waits for a ticker would do so for ever.
		// Where one waits for something outside, time stands still for all.
		t.end()
		<-frozen
	})
}

var (
	bubbleID    = regexp.MustCompile(`synctest bubble \d+`)
	goroutineID = regexp.MustCompile(`^goroutine \d+`)
)

// inBubble returns the stacks of the goroutines in the bubble of its caller but
// for the caller's own, which comes first in a dump, and the bubble's first.
func inBubble() string {
	var left []string
	for _, stack := range bubbled() {
		left = append(left, string(stack))
	}
	return strings.Join(left, "\n\n")
}

// bubbled returns the same stacks by goroutine.
func bubbled() map[string][]byte {
	buffer := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buffer, true)
		if n < len(buffer) {
			buffer = buffer[:n]
			break
		}
		buffer = make([]byte, 2*len(buffer))
	}
	stacks := bytes.Split(buffer, []byte("\n\n"))
	mine := bubbleID.Find(stacks[0])
	others := map[string][]byte{}
	for _, stack := range stacks[1:] {
		head, _, _ := bytes.Cut(stack, []byte("\n"))
		if bytes.Equal(bubbleID.Find(head), mine) && !bytes.Contains(stack, []byte("synctest.Test")) {
			others[string(goroutineID.Find(head))] = stack
		}
	}
	return others
}
