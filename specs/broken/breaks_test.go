package broken_test

import (
	"slices"
	"testing"

	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/broken"
	"github.com/riptidecrawler/coordkit/specs/report"
)

// What faults say of themselves: a name of their own, what they do, and
// behaviours that exist, each once.
func TestFaultsAreTold(t *testing.T) {
	behaviours := specs.Behaviours()
	seen := map[string]bool{}
	for _, fault := range broken.Faults() {
		if seen[fault.Name] || fault.Name == "" || fault.Does == "" {
			t.Errorf("%q: the name is not its own, or it does nothing", fault.Name)
		}
		seen[fault.Name] = true
		for i, id := range fault.Breaks {
			known := slices.ContainsFunc(behaviours, func(b report.Behaviour) bool { return b.ID == id })
			if !known || slices.Contains(fault.Breaks[:i], id) {
				t.Errorf("%s: breaks %q, which is no behaviour, or stands there twice", fault.Name, id)
			}
		}
	}
}
