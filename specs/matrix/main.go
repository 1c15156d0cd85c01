// Command matrix tells what runs of the contract have shown, side by side: as a
// table of behaviours by role against backends, as a page, as JSON, as JUnit, and
// as CONTRACT.md, which it keeps in step with the specs.
//
//	matrix [-text] [-html file] [-json file] [-junit file] [-check file | -write file] report...
//
// A report is JSON that Ginkgo has written of a suite with the contract in it
// (--json-report), or what -json has written. Several are merged, each with
// backends of its own. With -check alone no report is needed: then only the
// sentences are compared.
//
// It exits with 0 where all is well; with 1 where a behaviour failed, a subject
// was at fault, nothing was checked at all, or the file to check is stale; and
// with 2 where it could not do its work.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/broken"
	"github.com/riptidecrawler/coordkit/specs/report"
)

func main() { os.Exit(run(os.Stdout, os.Stderr, os.Args[1:])) }

const (
	well    = 0
	bad     = 1
	unknown = 2
)

// finding is the error of what is bad, as opposed to what could not be done.
type finding string

func (f finding) Error() string { return string(f) }

func run(out, complaints io.Writer, args []string) int {
	code := well
	for _, err := range work(out, args) {
		if errors.Is(err, flag.ErrHelp) {
			continue
		}
		fmt.Fprintf(complaints, "matrix: %v\n", err)
		if _, ok := errors.AsType[finding](err); ok {
			code = max(code, bad)
		} else {
			code = unknown
		}
	}
	return code
}

// work does all that it is told to, also after something has failed, and returns
// what there is to complain about.
func work(out io.Writer, args []string) (complaints []error) {
	var html, json, junit, check, write string
	var text bool
	flags := flag.NewFlagSet("matrix", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&text, "text", false, "print the table, which is the default")
	flags.StringVar(&html, "html", "", "write the page to this `file`")
	flags.StringVar(&json, "json", "", "write the report to this `file`")
	flags.StringVar(&junit, "junit", "", "write JUnit's XML to this `file`")
	flags.StringVar(&check, "check", "", "fail where this `file` is not the contract that the reports make")
	flags.StringVar(&write, "write", "", "write the contract to this `file`")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(out, "matrix [flags] report...")
			flags.SetOutput(out)
			flags.PrintDefaults()
		}
		return []error{err}
	}
	if flags.NArg() == 0 {
		if check == "" || flags.NFlag() > 1 {
			return []error{errors.New("no report is named; -help tells more")}
		}
		return some(checkSentences(check, &report.Report{Behaviours: specs.Behaviours()}))
	}
	r, err := read(flags.Args(), specs.Behaviours(), broken.Faults())
	if err != nil {
		return []error{err}
	}
	if text || flags.NFlag() == 0 {
		complaints = append(complaints, some(r.Text(out))...)
	}
	for _, output := range []struct {
		file  string
		write func(io.Writer) error
	}{{html, r.HTML}, {json, r.Encode}, {junit, r.JUnit}} {
		if output.file != "" {
			complaints = append(complaints, some(writeFile(output.file, output.write))...)
		}
	}
	if write != "" {
		complaints = append(complaints, some(writeContract(write, r))...)
	}
	if check != "" {
		complaints = append(complaints, some(checkContract(check, r))...)
	}
	return append(complaints, verdict(r)...)
}

// verdict tells what is bad. A backend on which nothing was checked, as there is
// none here, is told aloud in the table and fails only where there is no other.
func verdict(r *report.Report) (complaints []error) {
	checked := 0
	for _, backend := range r.Backends {
		c := r.Count(backend.Name, "")
		checked += c.Checked()
		if c.Failed+c.Subject > 0 {
			complaints = append(complaints, finding(fmt.Sprintf("%s: %v", backend.Name, c)))
		}
	}
	if checked == 0 {
		complaints = append(complaints, finding("nothing was checked"))
	}
	return complaints
}

func some(err error) []error {
	if err == nil {
		return nil
	}
	return []error{err}
}

// writeFile writes nothing where there is an error in making the content.
func writeFile(file string, write func(io.Writer) error) error {
	var content bytes.Buffer
	if err := write(&content); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, content.Bytes(), 0o644)
}
