package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/broken"
	"github.com/riptidecrawler/coordkit/specs/report"
)

// read merges the reports of all files, and adds to each behaviour the broken
// adapters that it is known to catch.
func read(files []string, behaviours []report.Behaviour, faults []broken.Fault) (*report.Report, error) {
	var reports []*report.Report
	for _, file := range files {
		encoded, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		r, err := decode(encoded, behaviours)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		reports = append(reports, r)
	}
	r, err := report.Merge(reports...)
	if err != nil {
		return nil, err
	}
	for i := range r.Behaviours {
		b := &r.Behaviours[i]
		for _, fault := range faults {
			known := slices.ContainsFunc(b.Catches, func(f report.Fault) bool { return f.Name == fault.Name })
			if !known && slices.Contains(fault.Breaks, b.ID) {
				b.Catches = append(b.Catches, report.Fault{Name: fault.Name, Does: fault.Does})
			}
		}
	}
	return r, nil
}

// decode reads Ginkgo's reports, which are an array, or one of ours, an object.
func decode(encoded []byte, behaviours []report.Behaviour) (*report.Report, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(encoded), []byte("[")) {
		return report.Decode(bytes.NewReader(encoded))
	}
	var suites []types.Report
	if err := json.Unmarshal(encoded, &suites); err != nil {
		return nil, err
	}
	var found []found
	for _, suite := range suites {
		for _, spec := range suite.SpecReports {
			f, err := find(spec, suite.SuiteConfig.DryRun)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", spec.FullText(), err)
			}
			if f != nil {
				found = append(found, *f)
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("it holds no behaviours of the contract")
	}
	slices.SortStableFunc(found, compare)
	var runs []report.Run
	for _, f := range found {
		runs = append(runs, f.Run)
	}
	return report.Collect(specs.Version, behaviours, runs)
}

// found is a run, and where Ginkgo says that its spec is declared.
type found struct {
	report.Run
	place types.CodeLocation
}

// compare makes an order of what Ginkgo runs in none.
func compare(a, b found) int {
	return cmp.Or(
		cmp.Compare(a.Backend.Name, b.Backend.Name),
		cmp.Compare(a.place.FileName, b.place.FileName),
		cmp.Compare(a.place.LineNumber, b.place.LineNumber),
		cmp.Compare(a.Behaviour.ID, b.Behaviour.ID),
	)
}

// find returns what a spec says of a behaviour, nil where it is none of the
// contract.
func find(spec types.SpecReport, dry bool) (*found, error) {
	for _, entry := range spec.ReportEntries {
		if entry.Name != report.EntryName {
			continue
		}
		encoded := entry.Value.AsJSON
		if text, ok := entry.Value.GetRawValue().(string); ok {
			encoded = text
		}
		f := &found{place: spec.LeafNodeLocation}
		if err := json.Unmarshal([]byte(encoded), &f.Run); err != nil {
			return nil, fmt.Errorf("its entry %q: %w", report.EntryName, err)
		}
		if f.Contract != specs.Version {
			return nil, fmt.Errorf("it was judged by version %q of the contract, and this is version %q", f.Contract, specs.Version)
		}
		if o := f.Behaviour.Outcomes[f.Backend.Name]; spec.Failed() && o.State != report.Failed && o.State != report.Subject {
			// What failed is not the behaviour, but that is all that is left of it.
			f.Behaviour.Outcomes[f.Backend.Name] = outcome(spec, dry)
		}
		return f, nil
	}
	return unrun(spec, dry), nil
}

// unrun tells a spec without an entry by its labels and containers.
func unrun(spec types.SpecReport, dry bool) *found {
	path := spec.ContainerHierarchyTexts
	if len(path) < 3 {
		return nil
	}
	path = path[len(path)-3:] // a suite may have containers around the contract
	b := report.Behaviour{Role: path[1], Group: path[2], Sentence: spec.LeafNodeText}
	for _, label := range spec.Labels() {
		if id, ok := strings.CutPrefix(label, "id:"); ok {
			b.ID = strings.ReplaceAll(id, ":", "/")
		}
		if since, ok := strings.CutPrefix(label, "since:"); ok {
			b.Since = since
		}
	}
	if b.ID == "" {
		return nil
	}
	b.Outcomes = map[string]report.Outcome{path[0]: outcome(spec, dry)}
	return &found{
		Run:   report.Run{Backend: report.Backend{Name: path[0]}, Behaviour: b},
		place: spec.LeafNodeLocation,
	}
}

// outcome is what Ginkgo alone says. A spec without an entry can't have passed.
func outcome(spec types.SpecReport, dry bool) report.Outcome {
	o := report.Outcome{State: report.Failed, Reason: spec.Failure.Message, Duration: spec.RunTime}
	switch {
	case dry || spec.State.Is(types.SpecStateSkipped|types.SpecStatePending|types.SpecStateInvalid):
		o = report.Outcome{State: report.NotChecked, Reason: cmp.Or(spec.Failure.Message, report.LeftOut)}
	case spec.State == types.SpecStatePassed:
		o.Reason = "the spec has not said what it has shown"
	default:
		o.Reason = cmp.Or(o.Reason, spec.State.String())
	}
	return o
}
