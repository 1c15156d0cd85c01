package specs

import (
	"encoding/json"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/riptidecrawler/coordkit/specs/report"
)

// Contract registers the contract as Ginkgo specs for the subjects that the
// factory makes, under the name of the backend. Call it where Ginkgo containers
// are declared, at the top level of a test file or inside a Describe; a package
// may call it several times, with another name each time. The factory is called
// at least once for each spec, and by one goroutine at a time.
//
// A spec that the subject can't show, or from which it is declared to deviate, is
// skipped with the reason. A process sees only its own share of the specs: that
// something was checked at all is for specs/matrix to say, and Run. Each spec has
// the labels "id:" and "since:" of its behaviour, as in --label-filter=id:ttl-3; the
// slash of an extra one is a colon there, id:etcd:compaction. Its report has an
// entry with what was shown, which the command specs/matrix reads. The result is a
// value only so that a var can be declared with it.
func Contract(backend string, factory func() Subject, extras ...Extra) bool {
	return Describe(backend, func() {
		j := newJudge(backend, factory, extras)
		for _, b := range j.behaviours {
			Describe(b.Role, func() {
				Describe(b.Group, func() { spec(j, b) })
			})
		}
	})
}

// spec registers one behaviour.
func spec(j *judge, b behaviour) {
	decorators := []any{
		// Ginkgo has no labels with a slash, and identifiers have no colon.
		Label("id:"+strings.ReplaceAll(b.ID, "/", ":"), "since:"+b.Since),
		types.CodeLocation{FileName: b.file, LineNumber: b.line},
	}
	if b.serial {
		decorators = append(decorators, Serial)
	}
	It(b.Sentence, func(ctx SpecContext) {
		run := j.run(ctx, nil, b)
		entry, err := json.Marshal(run)
		if err != nil {
			Fail(err.Error())
		}
		AddReportEntry(report.EntryName, string(entry), ReportEntryVisibilityNever)
		switch o := run.Behaviour.Outcomes[j.backend]; o.State {
		case report.Passed:
		case report.Deviates, report.NotChecked:
			Skip(told(o))
		default:
			Fail(told(o))
		}
	}, decorators)
}

// Run judges the subjects that the factory makes in a plain Go test: a subtest
// for each behaviour, named by its role and its identifier. A test may call it
// several times. It says at the end what could not be checked, and fails where
// nothing was: a declared deviation checks nothing. Tests of behaviours run one
// after another, since what they make of time is their own business.
func Run(t *testing.T, backend string, factory func() Subject, extras ...Extra) {
	t.Helper()
	j := newJudge(backend, factory, extras)
	checked, left := 0, 0
	for _, b := range j.behaviours {
		t.Run(strings.ReplaceAll(b.Role, " ", "-")+"/"+b.ID, func(t *testing.T) {
			o := j.run(t.Context(), t, b).Behaviour.Outcomes[j.backend]
			switch o.State {
			case report.Passed:
				checked++
			case report.Deviates:
				left++
				t.Skipf("%s: %s", b.Sentence, told(o))
			case report.NotChecked:
				left++
				t.Skipf("%s: %s", b.Sentence, told(o))
			default:
				checked++
				t.Errorf("it %s:\n%s", b.Sentence, told(o))
			}
		})
	}
	if left > 0 {
		t.Logf("%d behaviours of the contract were not checked on %s, or deviate", left, backend)
		if checked == 0 {
			t.Errorf("nothing was checked on %s", backend)
		}
	}
}

// told is what a test says of an outcome other than passed.
func told(o report.Outcome) string {
	text := o.Reason
	if o.State != report.Failed {
		text = string(o.State) + ": " + text
	}
	for _, more := range []string{o.Link, o.Timeline} {
		if more != "" {
			text += "\n" + more
		}
	}
	return text
}
