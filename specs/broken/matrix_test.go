package broken_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/broken"
	"github.com/riptidecrawler/coordkit/specs/report"
)

// matrix is which faults fail which behaviours.
type matrix struct {
	behaviours []report.Behaviour
	faults     []broken.Fault
	checked    map[string]bool // those that a sound subject passes, by id

	mu    sync.Mutex // guards what follows, while it grows
	fails map[string][]string
}

func newMatrix(faults []broken.Fault) *matrix {
	return &matrix{behaviours: specs.Behaviours(), faults: faults, checked: map[string]bool{}, fails: map[string][]string{}}
}

// add notes the behaviours that a fault fails.
func (m *matrix) add(fault string, ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fails[fault] = ids
}

// catches returns the names of the faults that fail a behaviour.
func (m *matrix) catches(id string) (names []string) {
	for _, fault := range m.faults {
		if slices.Contains(m.fails[fault.Name], id) {
			names = append(names, fault.Name)
		}
	}
	return names
}

// unproven returns the behaviours that no fault fails.
func (m *matrix) unproven() (ids []string) {
	for _, b := range m.behaviours {
		if m.checked[b.ID] && len(m.catches(b.ID)) == 0 {
			ids = append(ids, b.ID)
		}
	}
	return ids
}

// String shows for each fault how many behaviours of every role it fails, and for
// each behaviour the faults that it catches.
func (m *matrix) String() string {
	var b strings.Builder
	roles := (&report.Report{Behaviours: m.behaviours}).Roles()
	fmt.Fprintf(&b, "%-42s %s\n", "How many behaviours catch it", strings.Join(roles, ", "))
	for _, fault := range m.faults {
		fmt.Fprintf(&b, "%-42s", fault.Name)
		for _, role := range roles {
			fmt.Fprintf(&b, " %3d", m.count(fault.Name, role))
		}
		fmt.Fprintf(&b, "   %s\n", fault.Does)
	}
	role := ""
	for _, behaviour := range m.behaviours {
		if behaviour.Role != role {
			role = behaviour.Role
			fmt.Fprintf(&b, "\n%s: what each behaviour catches\n", role)
		}
		names := m.catches(behaviour.ID)
		caught := fmt.Sprintf("%d: %s", len(names), strings.Join(names, " "))
		switch {
		case !m.checked[behaviour.ID]:
			caught = "not checked"
		case len(names) == 0:
			caught = "UNPROVEN"
		}
		fmt.Fprintf(&b, "%-24s It %s.\n%24s %s\n", behaviour.ID, behaviour.Sentence, "", caught)
	}
	return b.String()
}

// count returns how many behaviours of a role a fault fails.
func (m *matrix) count(fault, role string) (count int) {
	for _, behaviour := range m.behaviours {
		if behaviour.Role == role && slices.Contains(m.fails[fault], behaviour.ID) {
			count++
		}
	}
	return count
}

// write writes the matrix below build and returns what is to be said of it.
func (m *matrix) write(t *testing.T) string {
	t.Helper()
	path := filepath.Join("..", "..", "build", "kills.txt")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Error(err)
	}
	proven := 0
	for id, checked := range m.checked {
		if checked && len(m.catches(id)) > 0 {
			proven++
		}
	}
	summary := fmt.Sprintf("%d broken adapters prove %d of %d behaviours, %d are unproven", len(m.fails), proven, len(m.behaviours), len(m.behaviours)-proven)
	if err := os.WriteFile(path, []byte(summary+"\n\n"+m.String()), 0o600); err != nil {
		t.Error(err)
	}
	return summary + "; see build/kills.txt"
}
