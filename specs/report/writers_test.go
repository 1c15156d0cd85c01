package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/riptidecrawler/coordkit/specs/report"
)

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b strings.Builder
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func contains(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

func TestTheTableCountsWhatDidNotPassAndSaysWhy(t *testing.T) {
	contains(t, written(t, sample().Text),
		"memory", "redis (Redis 7.0.15, times × 2)",
		"4 passed, 1 not checked", "2 passed, 1 FAILED, 1 SUBJECT AT FAULT, 1 deviates",
		"FAILED on redis: expected 1\n  publish-2, Messaging: keeps publish-2\n",
		"SUBJECT AT FAULT on redis: the factory returns nil",
		"deviates on redis: it is only a stand-in https://example.org/issue",
		"not checked on memory: the subject can't show it")
}

func TestABackendWithoutAServerCanNotBeMissed(t *testing.T) {
	r := sample()
	for i := range r.Behaviours {
		set(r, i, func(o *report.Outcome) { *o = report.Outcome{State: report.NotChecked, Reason: "no real Redis"} })
	}
	text := written(t, r.Text)
	contains(t, text, "\n!!! NOTHING WAS CHECKED ON REDIS: no real Redis !!!\n")
	if strings.Contains(text, "not checked on redis") {
		t.Errorf("it lists all that was not checked: %s", text)
	}
}

func TestTheTableOnlyCountsWhatWasLeftOut(t *testing.T) {
	r := sample()
	for i := range 3 {
		set(r, i, func(o *report.Outcome) { *o = report.Outcome{State: report.NotChecked, Reason: report.LeftOut} })
	}
	text := written(t, r.Text)
	contains(t, text, "not checked on redis: left out of this run\n  3 behaviours\n")
	if strings.Contains(text, "publish-2") {
		t.Errorf("%s", text)
	}
}

func TestTheTableSpeaksNoCommandsToTheTerminal(t *testing.T) {
	r := sample()
	r.Backends[1].Version = attack
	r.Behaviours[1].Sentence = attack
	set(r, 1, func(o *report.Outcome) { o.Reason, o.Link = attack, attack })
	if text := written(t, r.Text); strings.ContainsAny(text, "\x00\x1b") {
		t.Errorf("%q", text)
	}
}

func TestTheContractIsProse(t *testing.T) {
	text := written(t, sample().Markdown)
	contains(t, text, "Version 2. ", "5 behaviours", "run on memory and redis.",
		"## Messaging\n\n### Publishing\n\n- `publish-1` It keeps publish-1.\n- `publish-2` It keeps publish-2.\n  - failed on redis: expected 1\n",
		"\n## Key store\n\n### Values\n\n", "\n### Time to live\n\n",
		"- `set-2` It keeps set-2. *(since version 2)*\n",
		"  - deviates on redis: it is only a stand-in https://example.org/issue\n")
	if strings.Contains(text, "7.0.15") || strings.Contains(text, "publish-1. *(since") {
		t.Errorf("%s", text)
	}
}

func TestRolesThatComeTwiceHaveOneHeading(t *testing.T) {
	r := sample()
	last := r.Behaviours[0]
	last.ID = "etcd/1"
	r.Behaviours = append(r.Behaviours, last)
	if text := written(t, r.Markdown); strings.Count(text, "## Messaging") != 1 || strings.Count(text, "### Publishing") != 1 {
		t.Errorf("%s", text)
	}
}

// junit is what readers of JUnit look for.
type junit struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Suites   []struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
		Cases    []struct {
			Class   string  `xml:"classname,attr"`
			Name    string  `xml:"name,attr"`
			Time    float64 `xml:"time,attr"`
			Failure *told   `xml:"failure"`
			Error   *told   `xml:"error"`
			Skipped *told   `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type told struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func parsed(t *testing.T, r *report.Report) (found junit) {
	t.Helper()
	text := written(t, r.JUnit)
	if err := xml.Unmarshal([]byte(text), &found); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return found
}

func TestJUnitHasASuiteForEachBackend(t *testing.T) {
	found := parsed(t, sample())
	if found.Tests != 10 || found.Failures != 1 || found.Errors != 1 || found.Skipped != 2 || len(found.Suites) != 2 {
		t.Fatalf("%+v", found)
	}
	redis := found.Suites[1]
	if redis.Name != "redis" || redis.Tests != 5 || redis.Failures != 1 || redis.Errors != 1 || redis.Skipped != 1 || redis.Time != "0.007" {
		t.Errorf("%+v", redis)
	}
	if c := redis.Cases[0]; c.Failure != nil || c.Error != nil || c.Skipped != nil || c.Class != "redis.Messaging.publishing" || c.Name != "publish-1 keeps publish-1" {
		t.Errorf("%+v", c)
	}
	for i, want := range map[int]struct {
		told    *told
		message string
		text    string
	}{
		1: {redis.Cases[1].Failure, "expected 1", "expected 1\nto equal 2\n\npeer 1  Publish"},
		2: {redis.Cases[2].Skipped, "deviates: it is only a stand-in", "it is only a stand-in\n\nhttps://example.org/issue"},
		4: {redis.Cases[4].Error, "subject at fault: the factory returns nil", "the factory returns nil"},
	} {
		if want.told == nil || want.told.Message != want.message || want.told.Text != want.text {
			t.Errorf("%d: %+v", i, want.told)
		}
	}
}

func TestJUnitTakesCharactersThatXMLDoesNotHave(t *testing.T) {
	r := sample()
	r.Contract, r.Backends[1].Version = attack, attack
	r.Behaviours[1].Role, r.Behaviours[1].Sentence = attack, attack+"\xff￾"
	set(r, 1, func(o *report.Outcome) { o.Reason, o.Timeline = attack, attack })
	found := parsed(t, r)
	if text := found.Suites[1].Cases[1].Failure.Text; !strings.Contains(text, `</script></pre><img src=x onerror="alert(1)">]]>&`) {
		t.Errorf("%q", text)
	}
}

func TestJUnitOfNothingIsNoSuccess(t *testing.T) {
	r := sample()
	for i := range r.Behaviours {
		r.Behaviours[i].Outcomes = map[string]report.Outcome{"memory": {State: report.NotChecked, Reason: "no server"}}
	}
	found := parsed(t, r)
	cases := found.Suites[0].Cases
	if found.Errors != 2 || found.Suites[0].Skipped != 5 || cases[len(cases)-1].Error.Message != "nothing was checked: no server" {
		t.Errorf("%+v", found)
	}
}

func TestThePageIsBalanced(t *testing.T) {
	r := sample()
	r.Contract, r.Backends[1].Version = attack, attack
	b := &r.Behaviours[1]
	b.Since, b.Role, b.Group, b.Sentence, b.Source, b.Spec = attack, attack, attack, attack, attack+" https://example.org/a?b=c&d.", attack
	b.Catches = []report.Fault{{Name: attack, Does: attack}}
	set(r, 1, func(o *report.Outcome) { o.Reason, o.Link, o.Timeline = attack, "javascript:alert(1)", attack })
	page := written(t, r.HTML)

	// The texts of style and script are not markup, and are taken out.
	for _, name := range []string{"style", "script"} {
		open, end := strings.Index(page, "<"+name+">"), strings.Index(page, "</"+name+">")
		if open < 0 || end < open || strings.Count(page, "</"+name+">") != 1 {
			t.Fatalf("there is not one %s", name)
		}
		page = page[:open] + page[end+len("</"+name+">"):]
	}
	decoder := xml.NewDecoder(strings.NewReader(strings.ReplaceAll(page, "\x1b", ""))) // which HTML may hold
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var elements []string
	depth := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			elements = append(elements, token.Name.Local)
			for _, attribute := range token.Attr {
				if name := attribute.Name.Local; strings.HasPrefix(name, "on") || name == "style" || name == "src" ||
					name == "href" && strings.HasPrefix(attribute.Value, "javascript") {
					t.Errorf("%s has %s=%q", token.Name.Local, name, attribute.Value)
				}
			}
		case xml.EndElement:
			depth--
		}
	}
	if depth != 0 || slices.Contains(elements, "img") || !slices.Contains(elements, "table") {
		t.Errorf("%d elements are open at the end: %q", depth, elements)
	}
	contains(t, page, `<a href="https://example.org/a?b=c&amp;d" rel="noopener noreferrer">https://example.org/a?b=c&amp;d</a>.`,
		`id="publish-1"`, `href="#publish-1"`, "keeps publish-1", "<code>deaf-peer</code> hears nothing", "specs/publishing.go:20",
		"default-src &#39;none&#39;", "not checked", "2 ms")
}
