package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/report"
)

func matrix(args ...string) (code int, out, complaints string) {
	var printed, complained strings.Builder
	code = run(&printed, &complained, args)
	return code, printed.String(), complained.String()
}

// exits requires a code, and one line of complaint that says something, or none.
func exits(t *testing.T, want int, says string, args ...string) (out string) {
	t.Helper()
	code, out, complaints := matrix(args...)
	lines := strings.Count(complaints, "\n")
	if code != want || !strings.Contains(complaints, says) || says == "" && lines != 0 || says != "" && lines != 1 {
		t.Errorf("%q exits with %d and says %q", args, code, complaints)
	}
	return out
}

func TestExitCodesTellBadFromUnknown(t *testing.T) {
	first := specs.Behaviours()[0]
	good := ginkgo(t, false, spec(t, "memory", first, report.Passed, ""))
	bad := ginkgo(t, false, spec(t, "memory", first, report.Failed, "expected 1"))
	fault := ginkgo(t, false, spec(t, "memory", first, report.Subject, "the factory returns nil"))
	none := ginkgo(t, false, spec(t, "redis", first, report.NotChecked, "no real Redis"))
	missing := filepath.Join(t.TempDir(), "missing")

	exits(t, 0, "", good)
	exits(t, 1, "memory: 0 passed, 1 FAILED", bad)
	exits(t, 1, "twin: 0 passed, 1 SUBJECT AT FAULT", "-text", good, none, write(t, twin(t, fault)))
	exits(t, 1, "nothing was checked", none)
	out := exits(t, 0, "", good, none)
	if !strings.Contains(out, "!!! NOTHING WAS CHECKED ON REDIS: no real Redis !!!") {
		t.Errorf("%s", out)
	}
	exits(t, 2, "no report is named")
	exits(t, 2, "no report is named", "-html", missing)
	exits(t, 2, "flag provided but not defined: -nonsense", "-nonsense")
	exits(t, 2, "missing", missing)
	exits(t, 2, "missing", "-check", missing)
	for _, text := range []string{"", "{}", "[]", `[{"SpecReports":[]}]`, `{"schema":2}`, "[1]"} {
		exits(t, 2, "report.json: ", write(t, []byte(text)))
	}
	for _, flag := range []string{"-html", "-json", "-junit"} {
		exits(t, 2, missing, flag, filepath.Join(missing, "file"), good)
	}
	if help := exits(t, 0, "", "-help"); !strings.Contains(help, "-junit") {
		t.Errorf("%s", help)
	}
}

// twin is a report on another backend.
func twin(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.ReplaceAll(string(text), "memory", "twin"))
}

func TestEachOutputIsWrittenAlsoOfABadRun(t *testing.T) {
	bad := ginkgo(t, false, spec(t, "memory", specs.Behaviours()[0], report.Failed, "expected 1"))
	dir := t.TempDir()
	for flag, want := range map[string]string{"-html": "<!doctype html>", "-json": `"schema": 1`, "-junit": "<testsuites"} {
		file := filepath.Join(dir, flag)
		exits(t, 1, "1 FAILED", flag, file, bad)
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), want) || !strings.Contains(string(text), specs.Behaviours()[0].ID) {
			t.Errorf("%s: %v, %.200s", flag, err, text)
		}
	}
	code, _, complaints := matrix("-write", filepath.Join(dir, "CONTRACT.md"), bad)
	if code != 1 || !strings.Contains(complaints, "in which nothing fails") {
		t.Errorf("%d, %s", code, complaints)
	}
}

// A contract without a run has no outcomes: only its sentences are compared.
func TestTheContractIsCheckedWithoutARun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "CONTRACT.md")
	contract := &report.Report{Behaviours: specs.Behaviours()}
	if err := writeFile(file, contract.Markdown); err != nil {
		t.Fatal(err)
	}
	exits(t, 0, "", "-check", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	stale := strings.Replace(string(text), "- `", "- `old-", 1)
	if err := os.WriteFile(file, []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	exits(t, 1, "is stale: make generate writes it anew", "-check", file)
}
