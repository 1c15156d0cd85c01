package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// JUnit writes one suite for each backend and one test case for each outcome on
// it. What deviates or was not checked is skipped, with the reason; a subject at
// fault is an error. A report in which nothing at all was checked has an error in
// each suite, as what is only skipped would read as well. The error is that of
// the writer.
func (r *Report) JUnit(to io.Writer) error {
	all := junitSuites{Name: "The contract of DistributedCoordination, version " + r.Contract}
	checked := false
	for _, backend := range r.Backends {
		checked = checked || r.Count(backend.Name, "").Checked() > 0
	}
	for _, backend := range r.Backends {
		suite := r.suite(backend)
		if !checked {
			suite.Cases = append(suite.Cases, junitCase{
				Class: backend.Name, Name: "something is checked",
				Error: &junitText{Message: "nothing was checked: " + r.Missing(backend.Name)},
			})
		}
		suite.count()
		all.add(suite)
	}
	encoder := xml.NewEncoder(to)
	encoder.Indent("", "  ")
	if _, err := io.WriteString(to, xml.Header); err != nil {
		return err
	}
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("writing JUnit: %w", err)
	}
	_, err := io.WriteString(to, "\n")
	return err
}

func (r *Report) suite(backend Backend) junitSuite {
	suite := junitSuite{Name: backend.Name, Properties: []junitProperty{{"contract", r.Contract}}}
	if backend.Version != "" {
		suite.Properties = append(suite.Properties, junitProperty{"version", backend.Version})
	}
	for _, b := range r.Behaviours {
		outcome, found := b.Outcomes[backend.Name]
		if !found {
			continue
		}
		test := junitCase{
			Class: strings.Join([]string{backend.Name, b.Role, b.Group}, "."),
			Name:  b.ID + " " + b.Sentence,
			Time:  seconds(outcome.Duration),
		}
		told := &junitText{Message: string(outcome.State) + ": " + firstLine(outcome.Reason), Text: outcome.told()}
		switch outcome.State {
		case Passed:
		case Failed:
			told.Message = firstLine(outcome.Reason)
			test.Failure = told
		case Subject:
			test.Error = told
		case Deviates, NotChecked:
			test.Skipped = told
		}
		suite.took += outcome.Duration
		suite.Cases = append(suite.Cases, test)
	}
	return suite
}

// told is all that there is to say of an outcome but its state.
func (o Outcome) told() string {
	var parts []string
	for _, part := range []string{o.Reason, o.Link, o.Timeline} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "\n\n")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// The elements of JUnit, as Jenkins and GitLab read them. The encoder replaces
// characters that XML does not have.
type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
	Suites []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCounts
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitCounts struct {
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Time     string `xml:"time,attr"`
	took     time.Duration
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	Time    string     `xml:"time,attr"`
	Failure *junitText `xml:"failure"`
	Error   *junitText `xml:"error"`
	Skipped *junitText `xml:"skipped"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (s *junitSuite) count() {
	s.Tests, s.Time = len(s.Cases), seconds(s.took)
	for _, test := range s.Cases {
		switch {
		case test.Failure != nil:
			s.Failures++
		case test.Error != nil:
			s.Errors++
		case test.Skipped != nil:
			s.Skipped++
		}
	}
}

func (s *junitSuites) add(suite junitSuite) {
	s.Suites = append(s.Suites, suite)
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Errors += suite.Errors
	s.Skipped += suite.Skipped
	s.took += suite.took
	s.Time = seconds(s.took)
}
