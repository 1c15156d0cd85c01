package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2/types"
)

func spec(line int, state types.SpecState, message string, texts ...string) types.SpecReport {
	last := len(texts) - 1
	containers := make([]types.CodeLocation, last)
	return types.SpecReport{
		LeafNodeType:                types.NodeTypeIt,
		ContainerHierarchyTexts:     texts[:last],
		ContainerHierarchyLocations: containers,
		LeafNodeText:                texts[last],
		LeafNodeLocation:            types.CodeLocation{FileName: "specs.go", LineNumber: line},
		State:                       state,
		Failure:                     types.Failure{Message: message},
	}
}

func report(specs ...types.SpecReport) []types.Report { return []types.Report{{SpecReports: specs}} }

func sample() []types.Report { return sampleWith(types.SpecStateFailed, "expected 1\nto equal 2") }

func sampleWith(state types.SpecState, message string) []types.Report {
	return report(
		spec(2, types.SpecStatePassed, "", "memory", "Messaging", "publishing", "comes second"),
		spec(1, types.SpecStatePassed, "", "memory", "Messaging", "publishing", "comes first"),
		spec(1, types.SpecStateSkipped, "deviates: it is only a stand-in", "redis", "Messaging", "publishing", "comes first"),
		spec(2, state, message, "redis", "Messaging", "publishing", "comes second"),
		spec(9, types.SpecStatePassed, "", "The adapters", "agree"),
	)
}

func TestBehavioursStandInTheOrderOfTheirDeclaration(t *testing.T) {
	text := read(sample()).markdown()
	first, second := strings.Index(text, "- It comes first."), strings.Index(text, "- It comes second.")
	if first < 0 || second < first {
		t.Errorf("%s", text)
	}
	if !strings.Contains(text, "  - deviates on redis: it is only a stand-in") || strings.Contains(text, "agree") {
		t.Errorf("%s", text)
	}
}

func TestTheTableCountsWhatDidNotPassAndSaysWhy(t *testing.T) {
	var out strings.Builder
	read(sample()).print(&out)
	for _, want := range []string{"2 passed", "0 passed, 1 FAILED, 1 deviates", "FAILED on redis: expected 1", "deviates on redis: it is only"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s", want, out.String())
		}
	}
}

func TestABackendWithoutAServerCanNotBeMissed(t *testing.T) {
	var out strings.Builder
	contract := read(report(
		spec(1, types.SpecStatePassed, "", "memory", "Messaging", "publishing", "comes first"),
		spec(1, types.SpecStateSkipped, "not checked: no real Redis", "redis", "Messaging", "publishing", "comes first"),
	))
	contract.print(&out)
	if !strings.Contains(out.String(), "!!! NOTHING WAS CHECKED ON REDIS: no real Redis !!!") || contract.complete() {
		t.Errorf("%s", out.String())
	}
}

func TestCheckFindsAStaleFile(t *testing.T) {
	contract := read(sampleWith(types.SpecStatePassed, ""))
	file := filepath.Join(t.TempDir(), "CONTRACT.md")
	if err := contract.check(file); err == nil {
		t.Error("a missing file is taken")
	}
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(contract.markdown())
	if err := contract.check(file); err != nil {
		t.Error(err)
	}
	write(strings.Replace(contract.markdown(), "stand-in", "toy", 1))
	if err := contract.check(file); err == nil {
		t.Error("a reason that was edited by hand is taken")
	}
	contract.dry = true // of which only the sentences count
	if err := contract.check(file); err != nil {
		t.Error(err)
	}
	write(strings.Replace(contract.markdown(), "It comes second", "It came second", 1))
	if err := contract.check(file); err == nil {
		t.Error("a sentence that was edited by hand is taken")
	}
}

func TestRunRefusesAReportThatSaysNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.json")
	for _, text := range []string{"", "{}", "[]", `[{"SpecReports":[]}]`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(&strings.Builder{}, file, "", ""); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if err := run(&strings.Builder{}, file+".missing", "", ""); err == nil {
		t.Error("a missing report is taken")
	}
}
