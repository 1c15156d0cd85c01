package delivery

import (
	"strconv"
	"testing"
)

func TestRingKeepsOrderWhileItGrowsAndWraps(t *testing.T) {
	var r ring
	pushed, shifted := 0, 0
	for round := range 50 {
		for range 7 * round {
			r.extend().Payload = strconv.Itoa(pushed)
			pushed++
		}
		for range 5 * round {
			if got := r.front().Payload; got != strconv.Itoa(shifted) {
				t.Fatalf("entry %d is %q", shifted, got)
			}
			r.shift()
			shifted++
		}
		if r.len() != pushed-shifted {
			t.Fatalf("holds %d entries of %d", r.len(), pushed-shifted)
		}
	}
}

func TestEmptyRingGivesItsMemoryBack(t *testing.T) {
	for _, c := range []struct{ most, kept int }{{8, 8}, {smallRing, smallRing}, {smallRing + 1, 0}} {
		var r ring
		for range c.most {
			r.extend().Payload = "x"
		}
		for r.len() > 0 {
			r.shift()
		}
		if len(r.entries) != c.kept {
			t.Errorf("has room for %d entries after %d, want %d", len(r.entries), c.most, c.kept)
		}
		for _, e := range r.entries {
			if e != (entry{}) {
				t.Fatalf("holds on to %+v", e)
			}
		}
	}
}
