package report_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/riptidecrawler/coordkit/specs/report"
)

func one(backend string, ids ...string) *report.Report {
	r := &report.Report{Contract: "1", Backends: []report.Backend{{Name: backend}}}
	for _, id := range ids {
		r.Behaviours = append(r.Behaviours, report.Behaviour{
			ID: id, Sentence: "keeps " + id, Outcomes: map[string]report.Outcome{backend: {State: report.Passed}},
		})
	}
	return r
}

func ids(r *report.Report) (all []string) {
	for _, b := range r.Behaviours {
		all = append(all, b.ID)
	}
	return all
}

func TestMergeMakesColumnsOfReports(t *testing.T) {
	first, second, third := one("memory", "a", "c"), one("etcd", "a", "b", "c", "etcd/1"), one("redis", "c")
	second.Behaviours[0].Catches = []report.Fault{{Name: "deaf"}}
	merged, err := report.Merge(first, second, third)
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(merged); !slices.Equal(got, []string{"a", "b", "c", "etcd/1"}) {
		t.Errorf("%q", got)
	}
	if len(merged.Backends) != 3 || len(merged.Behaviours[2].Outcomes) != 3 || len(merged.Behaviours[3].Outcomes) != 1 || len(merged.Behaviours[0].Catches) != 1 {
		t.Errorf("%+v", merged)
	}
	if len(first.Behaviours[0].Outcomes) != 1 || len(first.Behaviours[0].Catches) != 0 {
		t.Errorf("a report that was merged has changed: %+v", first)
	}
	if !merged.Passed() {
		t.Error("what passed alone fails in company")
	}
}

func TestMergeRefusesContradictions(t *testing.T) {
	other := one("redis", "a")
	other.Contract = "2"
	told := one("redis", "a")
	told.Behaviours[0].Sentence = "breaks a"
	for want, reports := range map[string][]*report.Report{
		`"memory" stands twice`:  {one("memory", "a"), one("memory", "b")},
		"judged twice on memory": {one("memory", "a"), one("memory", "a")},
		"versions 1 and 2":       {one("memory", "a"), other},
		"a is told in two ways":  {one("memory", "a"), told},
	} {
		if _, err := report.Merge(reports...); !errors.Is(err, report.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}

func run(backend, version, id string) report.Run {
	return report.Run{
		Contract: "1", Backend: report.Backend{Name: backend, Version: version},
		Behaviour: report.Behaviour{ID: id, Sentence: "keeps " + id, Outcomes: map[string]report.Outcome{backend: {State: report.Passed}}},
	}
}

func TestCollectPutsRunsIntoTheContractsOrder(t *testing.T) {
	contract := []report.Behaviour{{ID: "a", Sentence: "keeps a", Source: "a paper"}, {ID: "b", Sentence: "keeps b"}}
	r, err := report.Collect("1", contract, []report.Run{
		run("redis", "", "b"), run("redis", "Redis 7", "etcd/1"), run("memory", "", "b"), run("redis", "Redis 7", "a"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(r); !slices.Equal(got, []string{"a", "b", "etcd/1"}) {
		t.Errorf("%q", got)
	}
	if r.Backends[0].Version != "Redis 7" || r.Behaviours[0].Source != "a paper" {
		t.Errorf("%+v", r)
	}
	if o := r.Behaviours[0].Outcomes["memory"]; o.State != report.NotChecked || o.Reason != report.LeftOut {
		t.Errorf("what no run tells of is %+v", o)
	}
	if _, asked := r.Behaviours[2].Outcomes["memory"]; asked {
		t.Error("a backend has an outcome of what another one has of its own")
	}
	if contract[0].Outcomes != nil {
		t.Errorf("the contract has changed: %+v", contract)
	}
}

func TestCollectRefusesContradictions(t *testing.T) {
	for want, runs := range map[string][]report.Run{
		"judged twice on redis": {run("redis", "", "a"), run("redis", "", "a")},
		"versions 2 and 1":      {run("redis", "", "a")},
		"no name":               {run("", "", "a")},
	} {
		version := "1"
		if strings.HasPrefix(want, "versions") {
			version = "2"
		}
		if _, err := report.Collect(version, nil, runs); !errors.Is(err, report.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}
