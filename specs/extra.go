package specs

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs/report"
)

// Extra is a behaviour of one adapter, beyond the contract. It is judged as those
// of the contract are, and stands behind them in reports.
type Extra struct {
	// ID is a prefix of the adapter's own, a slash, and a name: "etcd/compaction".
	// It is made of ASCII letters, digits, and any of "-_./".
	ID string
	// Group is the theme below which it is shown.
	Group string
	// Sentence is the promise, in the third person: "survives a compaction".
	Sentence string
	// Body shows it.
	Body func(ctx context.Context, stage *Stage)
}

// Stage is where an extra behaviour is shown. It serves as the T of assertion
// libraries: gomega.NewWithT(stage) works.
type Stage struct{ cluster *cluster }

// Subject returns the subject, for powers of its own.
func (s *Stage) Subject() Subject { return s.cluster.subject }

// Open opens a handle in the namespace of this behaviour, a peer of those before
// it, which is closed at the end.
func (s *Stage) Open() coordination.DistributedCoordination { return s.cluster.open() }

// Helper does nothing; assertion libraries call it.
func (s *Stage) Helper() {}

// Fatalf ends the behaviour as failed, at the place of the call, or of that of the
// assertion library which makes it.
func (s *Stage) Fatalf(format string, arguments ...any) {
	s.cluster.decide(report.Failed, fmt.Sprintf("%s: %s", asserted(), strings.TrimSpace(fmt.Sprintf(format, arguments...))))
	runtime.Goexit()
}

// asserted returns the place of the assertion in the code of the behaviour.
func asserted() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		frame, more := frames.Next()
		if library := strings.Contains(frame.Function, "/gomega") || strings.Contains(frame.Function, "/testify/"); !library || !more {
			folder, file := filepath.Split(frame.File)
			return fmt.Sprintf("%s:%d", filepath.Join(filepath.Base(folder), file), frame.Line)
		}
	}
}

// NotChecked ends the behaviour without a verdict, which is never a pass.
// The reason is required.
func (s *Stage) NotChecked(reason string) {
	if strings.TrimSpace(reason) == "" {
		s.Fatalf("the behaviour is not checked and gives no reason")
	}
	s.cluster.notChecked(reason)
}

// behaviour checks an extra behaviour and makes it one of the contract's kind.
func (e Extra) behaviour(known []behaviour) (behaviour, error) {
	b := behaviour{body: func(c *cluster) { e.Body(c.ctx, &Stage{c}) }}
	b.Behaviour = report.Behaviour{ID: e.ID, Since: Version, Role: "Beyond the contract", Group: e.Group, Sentence: e.Sentence}
	prefix, name, _ := strings.Cut(e.ID, "/")
	switch {
	case prefix == "" || name == "" || !report.ValidID(e.ID):
		return b, fmt.Errorf("the extra behaviour %q needs an ID such as \"etcd/compaction\"", e.ID)
	case slices.ContainsFunc(known, func(k behaviour) bool { return k.ID == e.ID }):
		return b, fmt.Errorf("there are two behaviours with the ID %q", e.ID)
	case strings.TrimSpace(e.Group) == "" || strings.TrimSpace(e.Sentence) == "" || e.Body == nil:
		return b, fmt.Errorf("the extra behaviour %q needs a group, a sentence and a body", e.ID)
	}
	return b, nil
}
