package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/broken"
	"github.com/riptidecrawler/coordkit/specs/report"
)

// contract is a small one, for the reports of these tests.
func contract() []report.Behaviour {
	return []report.Behaviour{
		{ID: "publish-1", Since: "1", Role: "Messaging", Group: "publishing", Sentence: "comes first"},
		{ID: "publish-2", Since: "1", Role: "Messaging", Group: "publishing", Sentence: "comes second"},
	}
}

// unrunSpec is what Ginkgo says of a spec that it has not run.
func unrunSpec(backend string, b report.Behaviour, state types.SpecState, message string) types.SpecReport {
	return types.SpecReport{
		LeafNodeType:            types.NodeTypeIt,
		ContainerHierarchyTexts: []string{backend, b.Role, b.Group},
		LeafNodeText:            b.Sentence,
		LeafNodeLabels:          []string{"id:" + b.ID, "since:" + b.Since},
		State:                   state,
		Failure:                 types.Failure{Message: message},
	}
}

// spec is what Ginkgo says of one that it has.
func spec(t *testing.T, backend string, b report.Behaviour, state report.State, reason string) types.SpecReport {
	t.Helper()
	b.Outcomes = map[string]report.Outcome{backend: {State: state, Reason: reason}}
	entry, err := json.Marshal(report.Run{Contract: specs.Version, Backend: report.Backend{Name: backend}, Behaviour: b})
	if err != nil {
		t.Fatal(err)
	}
	came := map[report.State]types.SpecState{
		report.Passed: types.SpecStatePassed, report.Deviates: types.SpecStateSkipped, report.NotChecked: types.SpecStateSkipped,
	}[state]
	if came == types.SpecStateInvalid {
		came = types.SpecStateFailed
	}
	s := unrunSpec(backend, b, came, reason)
	s.ReportEntries = types.ReportEntries{{Name: report.EntryName, Value: types.WrapEntryValue(string(entry))}}
	return s
}

func write(t *testing.T, content []byte) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func ginkgo(t *testing.T, dry bool, all ...types.SpecReport) (file string) {
	t.Helper()
	encoded, err := json.Marshal([]types.Report{{SuiteConfig: types.SuiteConfig{DryRun: dry}, SpecReports: all}})
	if err != nil {
		t.Fatal(err)
	}
	return write(t, encoded)
}

func merged(t *testing.T, files ...string) *report.Report {
	t.Helper()
	r, err := read(files, contract(), []broken.Fault{{Name: "deaf", Does: "hears nothing", Breaks: []string{"publish-2", "none"}}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBehavioursStandInTheContractsOrder(t *testing.T) {
	first, second := contract()[0], contract()[1]
	own := report.Behaviour{ID: "redis/1", Role: "Beyond the contract", Group: "scripts", Sentence: "survives"}
	r := merged(t, ginkgo(t, false,
		spec(t, "redis", own, report.Passed, ""),
		spec(t, "redis", second, report.Passed, ""),
		spec(t, "memory", second, report.Passed, ""),
		types.SpecReport{LeafNodeType: types.NodeTypeIt, ContainerHierarchyTexts: []string{"The adapters"}, LeafNodeText: "agree", State: types.SpecStatePassed},
		spec(t, "memory", first, report.Passed, ""),
		spec(t, "redis", first, report.Deviates, "it is only a stand-in"),
	))
	var ids []string
	for _, b := range r.Behaviours {
		ids = append(ids, b.ID)
	}
	if !slices.Equal(ids, []string{"publish-1", "publish-2", "redis/1"}) || r.Backends[0].Name != "memory" || r.Backends[1].Name != "redis" {
		t.Errorf("%q on %v", ids, r.Backends)
	}
	if caught := r.Behaviours[1].Catches; len(caught) != 1 || caught[0] != (report.Fault{Name: "deaf", Does: "hears nothing"}) || r.Behaviours[0].Catches != nil {
		t.Errorf("%+v", r.Behaviours)
	}
	if o := r.Behaviours[0].Outcomes["redis"]; o.State != report.Deviates || o.Reason != "it is only a stand-in" {
		t.Errorf("%+v", o)
	}
}

func TestASpecWithoutAnEntryHasNotPassed(t *testing.T) {
	first := contract()[0]
	for _, c := range []struct {
		state   types.SpecState
		message string
		dry     bool
		want    report.Outcome
	}{
		{types.SpecStatePassed, "", true, report.Outcome{State: report.NotChecked, Reason: report.LeftOut}},
		{types.SpecStatePassed, "", false, report.Outcome{State: report.Failed, Reason: "the spec has not said what it has shown"}},
		{types.SpecStateSkipped, "", false, report.Outcome{State: report.NotChecked, Reason: report.LeftOut}},
		{types.SpecStatePending, "", false, report.Outcome{State: report.NotChecked, Reason: report.LeftOut}},
		{types.SpecStateSkipped, "no server", false, report.Outcome{State: report.NotChecked, Reason: "no server"}},
		{types.SpecStateInterrupted, "", false, report.Outcome{State: report.Failed, Reason: "interrupted"}},
		{types.SpecStatePanicked, "a panic", false, report.Outcome{State: report.Failed, Reason: "a panic"}},
	} {
		r := merged(t, ginkgo(t, c.dry, unrunSpec("memory", first, c.state, c.message)))
		if o := r.Behaviours[0].Outcomes["memory"]; o != c.want {
			t.Errorf("%v, %q: %+v", c.state, c.message, o)
		}
		if r.Passed() || complete(r) {
			t.Errorf("%v: it has passed", c.state)
		}
	}
}

func TestWhatFailsAroundABehaviourIsAFailure(t *testing.T) {
	s := spec(t, "memory", contract()[0], report.Passed, "")
	s.State, s.Failure.Message = types.SpecStateTimedout, "AfterEach hangs"
	if o := merged(t, ginkgo(t, false, s)).Behaviours[0].Outcomes["memory"]; o.State != report.Failed || o.Reason != "AfterEach hangs" {
		t.Errorf("%+v", o)
	}
}

func TestReportsOfBothKindsAreMerged(t *testing.T) {
	files := []string{
		ginkgo(t, false, spec(t, "memory", contract()[0], report.Passed, ""), spec(t, "memory", contract()[1], report.Passed, "")),
		ginkgo(t, false, spec(t, "redis", contract()[0], report.Passed, "")),
	}
	both := filepath.Join(t.TempDir(), "both.json")
	if err := writeFile(both, merged(t, files...).Encode); err != nil {
		t.Fatal(err)
	}
	third := ginkgo(t, false, spec(t, "etcd", contract()[0], report.NotChecked, "no server"))
	r := merged(t, both, third)
	if len(r.Backends) != 3 || r.Count("redis", "").Passed != 1 || r.Missing("etcd") != "no server" {
		t.Errorf("%+v", r)
	}
	if _, err := read([]string{both, both}, contract(), nil); err == nil {
		t.Error("a backend that stands twice is taken")
	}
}

func TestCheckFindsAStaleFile(t *testing.T) {
	whole := func(state report.State) *report.Report {
		return merged(t, ginkgo(t, false,
			spec(t, "memory", contract()[0], report.Passed, ""), spec(t, "memory", contract()[1], report.Passed, ""),
			spec(t, "redis", contract()[0], report.Deviates, "it is only a stand-in"), spec(t, "redis", contract()[1], state, ""),
		))
	}
	passed, failed := whole(report.Passed), whole(report.Failed)
	file := filepath.Join(t.TempDir(), "CONTRACT.md")
	if err := checkContract(file, passed); err == nil {
		t.Error("a missing file is taken")
	}
	if err := writeContract(file, failed); err == nil {
		t.Error("a contract is made of a run that failed")
	}
	if err := writeContract(file, passed); err != nil {
		t.Fatal(err)
	}
	if err := checkContract(file, passed); err != nil {
		t.Error(err)
	}
	edit := func(old, with string) {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), old) {
			t.Fatalf("%v, no %q in %s", err, old, text)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, with, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit("stand-in", "toy")
	if err := checkContract(file, passed); err == nil || !strings.Contains(err.Error(), "toy") {
		t.Errorf("a reason that was edited by hand gives %v", err)
	}
	if err := checkContract(file, failed); err != nil { // of which only the sentences count
		t.Error(err)
	}
	edit("It comes second", "It came second")
	if err := checkContract(file, failed); err == nil {
		t.Error("a sentence that was edited by hand is taken")
	}
	edit("`publish-2` It came second", "`publish-3` It comes second")
	if err := checkSentences(file, failed); err == nil {
		t.Error("an id that was edited by hand is taken")
	}
}
