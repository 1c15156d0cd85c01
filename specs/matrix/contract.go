package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/riptidecrawler/coordkit/specs/report"
)

// complete reports whether the run says all that the file does: it came to every
// behaviour, no backend was left out as a whole, and nothing failed.
func complete(r *report.Report) bool {
	return r.Passed() && !slices.ContainsFunc(r.Behaviours, func(b report.Behaviour) bool {
		for _, o := range b.Outcomes {
			if o.State == report.NotChecked && o.Reason == report.LeftOut {
				return true
			}
		}
		return false
	})
}

func writeContract(file string, r *report.Report) error {
	if !complete(r) {
		return finding(fmt.Sprintf("%s needs a run of all behaviours on all backends in which nothing fails", file))
	}
	return writeFile(file, r.Markdown)
}

// checkContract compares the file with what the run makes of it: all of it where
// the run is complete, else only the sentences.
func checkContract(file string, r *report.Report) error {
	if !complete(r) {
		return checkSentences(file, r)
	}
	return checkFile(file, r, func(text string) string { return text })
}

// checkSentences leaves out what depends on the backends that were run.
func checkSentences(file string, r *report.Report) error {
	return checkFile(file, r, func(text string) string {
		lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool {
			return !strings.HasPrefix(line, "- ") && !strings.HasPrefix(line, "#")
		})
		return strings.Join(lines, "\n")
	})
}

func checkFile(file string, r *report.Report, part func(text string) string) error {
	written, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%w (make generate writes it)", err)
	}
	var made strings.Builder
	if err := r.Markdown(&made); err != nil {
		return err
	}
	if has, wants := part(string(written)), part(made.String()); has != wants {
		return finding(fmt.Sprintf("%s is stale: make generate writes it anew; %s", file, difference(has, wants)))
	}
	return nil
}

// difference names the first line that differs.
func difference(has, wants string) string {
	hasLines, wantsLines := strings.Split(has, "\n"), strings.Split(wants, "\n")
	for i := range min(len(hasLines), len(wantsLines)) {
		if hasLines[i] != wantsLines[i] {
			return fmt.Sprintf("a line is %q, and should be %q", hasLines[i], wantsLines[i])
		}
	}
	return fmt.Sprintf("it has %d lines, and should have %d", len(hasLines), len(wantsLines))
}
