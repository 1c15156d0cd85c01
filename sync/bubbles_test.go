package sync

import "testing"

// bubbles is the test that runs the suite, for what runs in virtual time.
var bubbles *testing.T

// SetBubbles is called by the suite before it runs.
func SetBubbles(t *testing.T) { bubbles = t }
