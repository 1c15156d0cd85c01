package report_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/riptidecrawler/coordkit/specs/report"
)

// attack is what a text may hold that would rather be more than a text.
const attack = "</script></pre><img src=x onerror=\"alert(1)\">]]>&\x00\x1b[31m\"'{{.}}"

// sample has each state, on two backends.
func sample() *report.Report {
	outcome := func(state report.State, reason string) report.Outcome {
		return report.Outcome{State: state, Reason: reason, Duration: 1500 * time.Microsecond}
	}
	passed := outcome(report.Passed, "")
	behaviour := func(id, role, group string, memory, redis report.Outcome) report.Behaviour {
		return report.Behaviour{
			ID: id, Since: "1", Role: role, Group: group, Sentence: "keeps " + id,
			Outcomes: map[string]report.Outcome{"memory": memory, "redis": redis},
		}
	}
	r := &report.Report{
		Schema: report.Schema, Contract: "2",
		Backends: []report.Backend{{Name: "memory"}, {Name: "redis", Version: "Redis 7.0.15", Scale: 2}},
		Behaviours: []report.Behaviour{
			behaviour("publish-1", "Messaging", "publishing", passed, passed),
			behaviour("publish-2", "Messaging", "publishing", passed, outcome(report.Failed, "expected 1\nto equal 2")),
			behaviour("set-1", "Key store", "values", passed, outcome(report.Deviates, "it is only a stand-in")),
			behaviour("set-2", "Key store", "values", outcome(report.NotChecked, "the subject can't show it"), passed),
			behaviour("set-3", "Key store", "time to live", passed, outcome(report.Subject, "the factory returns nil")),
		},
	}
	r.Behaviours[0].Source = "coordination.Messaging.Publish"
	r.Behaviours[0].Spec = "specs/publishing.go:20"
	r.Behaviours[0].Catches = []report.Fault{{Name: "deaf-peer", Does: "hears nothing"}}
	r.Behaviours[3].Since = "2"
	set(r, 1, func(o *report.Outcome) { o.Timeline = "peer 1  Publish" })
	set(r, 2, func(o *report.Outcome) { o.Link = "https://example.org/issue" })
	return r
}

// set changes the outcome of a behaviour on redis.
func set(r *report.Report, behaviour int, change func(*report.Outcome)) {
	o := r.Behaviours[behaviour].Outcomes["redis"]
	change(&o)
	r.Behaviours[behaviour].Outcomes["redis"] = o
}

func encode(t *testing.T, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAReportSurvivesItsJSON(t *testing.T) {
	text := encode(t, sample())
	again, err := report.Decode(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, sample()) {
		t.Errorf("%+v", again)
	}
	if twice := encode(t, again); twice != text {
		t.Errorf("%s", twice)
	}
	if !strings.Contains(text, `"seconds": 0.0015`) {
		t.Errorf("no seconds in %s", text)
	}
	for _, d := range []time.Duration{0, 1, 999_999_999, time.Hour + 1, 24 * time.Hour} {
		r := sample()
		set(r, 0, func(o *report.Outcome) { o.Duration = d })
		again, err := report.Decode(strings.NewReader(encode(t, r)))
		if err != nil || again.Behaviours[0].Outcomes["redis"].Duration != d {
			t.Errorf("%v became %v, %v", d, again.Behaviours[0].Outcomes["redis"].Duration, err)
		}
	}
}

func TestAnEmptyReportHasNoNulls(t *testing.T) {
	r := &report.Report{Behaviours: []report.Behaviour{{ID: "a"}}}
	if text := encode(t, r); strings.Contains(text, "null") {
		t.Errorf("%s", text)
	}
}

func TestDecodeRefusesWhatContradictsItself(t *testing.T) {
	good := strings.Join(strings.Fields(encode(t, sample())), " ")
	change := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in %s", old, good)
		}
		return strings.Replace(good, old, with, 1)
	}
	for text, want := range map[string]string{
		"":                                   "unexpected end",
		"[]":                                 "cannot unmarshal",
		"{}":                                 "no schema",
		"null":                               "no schema",
		good + "{}":                          "after top-level value",
		change(`"schema": 1`, `"schema": 2`): "its schema is 2, and this program reads 1",
		change(`"state": "passed"`, `"state": "ok"`):  `publish-1 on memory came to "ok"`,
		change(`"id": "publish-2"`, `"id": "set-1"`):  `"set-1" stands twice`,
		change(`"id": "publish-2"`, `"id": ""`):       "no id",
		change(`"id": "publish-2"`, `"id": "a b"`):    "other characters",
		change(`{ "name": "memory" }, `, ``):          `on "memory", which is not among the backends`,
		change(`"name": "memory"`, `"name": "redis"`): `"redis" stands twice`,
		change(`"name": "memory"`, `"name": ""`):      "a backend has no name",
		change(`"seconds": 0.0015`, `"seconds": -1`):  "took -1 seconds",
		change(`"seconds": 0.0015`, `"seconds":1e99`): "took 1e+99 seconds",
		change(`"behaviours": [`, `"behaviours": 5}`): "invalid character",
	} {
		_, err := report.Decode(strings.NewReader(text))
		if !errors.Is(err, report.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is the error of %.200s", err, text)
		}
	}
	if _, err := report.Decode(strings.NewReader(change(`"contract"`, `"news": true, "contract"`))); err != nil {
		t.Errorf("a member that a later program has added: %v", err)
	}
}

func TestWhatCanNotBeReadIsNotWritten(t *testing.T) {
	r := sample()
	r.Behaviours[1].ID = r.Behaviours[0].ID
	for name, write := range map[string]func() error{
		"Encode": func() error { return r.Encode(&bytes.Buffer{}) },
		"HTML":   func() error { return r.HTML(&bytes.Buffer{}) },
	} {
		if err := write(); !errors.Is(err, report.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// full takes nothing, as a disk does that is full.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestEveryWriterTellsOfAFullDisk(t *testing.T) {
	r := sample()
	for name, err := range map[string]error{
		"Encode": r.Encode(full{}), "HTML": r.HTML(full{}), "JUnit": r.JUnit(full{}), "Text": r.Text(full{}), "Markdown": r.Markdown(full{}),
	} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCountsTellStatesApart(t *testing.T) {
	r := sample()
	if got, want := r.Count("redis", ""), (report.Counts{Passed: 2, Failed: 1, Deviates: 1, Subject: 1}); got != want || got.Checked() != 3 {
		t.Errorf("%+v", got)
	}
	if got, want := r.Count("memory", "Key store"), (report.Counts{Passed: 2, NotChecked: 1}); got != want {
		t.Errorf("%+v", got)
	}
	if r.Passed() {
		t.Error("a report with a failure has passed")
	}
}

func TestAReportPassesOnlyWhereSomethingWasChecked(t *testing.T) {
	with := func(states ...report.State) *report.Report {
		r := &report.Report{Backends: []report.Backend{{Name: "memory"}, {Name: "redis"}}}
		for i, state := range states {
			b := report.Behaviour{ID: string(rune('a' + i)), Outcomes: map[string]report.Outcome{"memory": {State: report.Passed}}}
			if state != "" {
				b.Outcomes["redis"] = report.Outcome{State: state, Reason: "reason " + b.ID}
			}
			r.Behaviours = append(r.Behaviours, b)
		}
		return r
	}
	for _, c := range []struct {
		states  []report.State
		passed  bool
		missing string
	}{
		{nil, false, "nothing was run"},
		{[]report.State{""}, false, "nothing was run"},
		{[]report.State{report.NotChecked}, false, "reason a"},
		{[]report.State{report.Subject}, false, "reason a"},
		{[]report.State{report.Passed}, true, ""},
		{[]report.State{report.Passed, report.NotChecked, report.Deviates}, true, ""},
		{[]report.State{report.Deviates}, false, "reason a"},
		{[]report.State{report.Passed, report.Failed}, false, ""},
		{[]report.State{report.Passed, report.Subject}, false, ""},
	} {
		r := with(c.states...)
		if r.Passed() != c.passed || r.Missing("redis") != c.missing {
			t.Errorf("%q: %v, %q", c.states, r.Passed(), r.Missing("redis"))
		}
	}
	if (&report.Report{}).Passed() {
		t.Error("a report without a backend has passed")
	}
}
