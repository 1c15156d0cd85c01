package coordination_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/riptidecrawler/coordkit/coordination"
)

func TestClaimsGiveANameToOneUserAtATime(t *testing.T) {
	var claims coordination.Claims
	claim := func(name string, free bool) (release func()) {
		t.Helper()
		release, err := claims.Claim(name)
		if free != (err == nil) {
			t.Fatalf("Claim(%q) = %v, want free: %v", name, err, free)
		}
		if !free && (!errors.Is(err, coordination.ErrClaimed) || !strings.Contains(err.Error(), name)) {
			t.Errorf("Claim(%q) = %v", name, err)
		}
		return release
	}
	release := claim("a", true)
	claim("a", false)
	claim("b", true)
	release()
	again := claim("a", true)
	release() // which is over
	claim("a", false)
	again()
	claim("a", true)
}
