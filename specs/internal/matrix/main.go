// Command matrix prints what a run of the contract has shown, as a table of
// behaviours by role against backends, and keeps specs/CONTRACT.md in step with
// the specs.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/onsi/ginkgo/v2/types"
)

func main() {
	report := flag.String("report", "build/contract.json", "the JSON `file` that ginkgo has written")
	check := flag.String("check", "", "fail where this `file` is not what the report makes of it")
	write := flag.String("write", "", "write the contract to this `file`")
	flag.Parse()
	if err := run(os.Stdout, *report, *check, *write); err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, report, check, write string) error {
	encoded, err := os.ReadFile(report)
	if err != nil {
		return err
	}
	var reports []types.Report
	if err := json.Unmarshal(encoded, &reports); err != nil {
		return fmt.Errorf("%s: %w", report, err)
	}
	if len(reports) == 0 {
		return fmt.Errorf("%s holds no report", report)
	}
	contract := read(reports)
	if len(contract.behaviours) == 0 {
		return errors.New("the report holds no behaviours of the contract")
	}
	if !contract.dry {
		contract.print(out)
	}
	if write != "" {
		if !contract.complete() {
			return fmt.Errorf("%s needs a run on all backends in which nothing fails", write)
		}
		return os.WriteFile(write, []byte(contract.markdown()), 0o644)
	}
	if check != "" {
		return contract.check(check)
	}
	return nil
}
