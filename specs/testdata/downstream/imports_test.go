package downstream_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	// What the test asks about; the imports keep "go test" from answering out
	// of its cache after a change there.
	_ "example.com/downstream/files"
	_ "github.com/riptidecrawler/coordkit/adapters/memory"
	_ "github.com/riptidecrawler/coordkit/mocks"
	_ "github.com/riptidecrawler/coordkit/specs"
)

var update = flag.Bool("update", false, "write deps.txt anew")

const coordkit = "github.com/riptidecrawler/coordkit"

// programs are arguments for "go list" that name what one program, or the test
// of one package, is made of.
var programs = []struct {
	what      string
	arguments []string
}{
	{"a program that imports mocks", []string{coordkit + "/mocks"}},
	{"a program that imports adapters/memory", []string{coordkit + "/adapters/memory"}},
	{"a program that imports files", []string{"./files"}},
	{"the test of files, with the contract", []string{"-test", "./files"}},
}

// A program gets what it imports, and no test framework and no client of a
// server that it does not use; only the test that certifies an adapter gets the
// former, and it too none of the latter.
func TestNothingIsCompiledInUnasked(t *testing.T) {
	unasked := []string{"github.com/onsi/", "github.com/redis/", "github.com/alicebob/"}
	for _, program := range programs {
		t.Run(program.what, func(t *testing.T) {
			unasked := unasked
			if program.arguments[0] == "-test" {
				unasked = unasked[1:]
			}
			for _, dependency := range compiledIn(t, program.arguments) {
				if slices.ContainsFunc(unasked, func(prefix string) bool { return strings.HasPrefix(dependency, prefix) }) {
					t.Errorf("it brings in %s", dependency)
				}
			}
		})
	}
}

// deps.txt lists all that is compiled in, so that whatever comes along is seen
// to come. "go test . -update" writes it anew.
func TestWhatIsCompiledInIsListed(t *testing.T) {
	const path = "deps.txt"
	var list strings.Builder
	for _, program := range programs {
		fmt.Fprintf(&list, "%s:\n", program.what)
		for _, dependency := range compiledIn(t, program.arguments) {
			fmt.Fprintf(&list, "\t%s\n", dependency)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(list.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	listed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(listed) != list.String() {
		t.Errorf("%s does not list what is compiled in:\n%s", path, list.String())
	}
}

// compiledIn returns what is compiled in beyond the standard library and this
// module: packages of coordkit, and all other modules.
func compiledIn(t *testing.T, arguments []string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps",
		"-f", "{{with .Module}}{{.Path}} {{$.ImportPath}}{{end}}"}, arguments...)...)
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var dependencies []string
	for line := range strings.Lines(string(output)) {
		module, rest, found := strings.Cut(strings.TrimSpace(line), " ")
		switch module {
		case "", "example.com/downstream":
		case coordkit:
			dependencies = append(dependencies, rest)
		default:
			dependencies = append(dependencies, module)
		}
		if module != "" && !found {
			t.Fatalf("go list says %q", line)
		}
	}
	if !slices.Contains(dependencies, coordkit+"/coordination") {
		t.Fatalf("go list does not know the port: %q", output)
	}
	slices.Sort(dependencies)
	return slices.Compact(dependencies)
}
