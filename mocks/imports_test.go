package mocks_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	// What the test asks about; the imports keep "go test" from answering out
	// of its cache after a change there.
	_ "github.com/riptidecrawler/coordkit/adapters/memory"
	_ "github.com/riptidecrawler/coordkit/coordination"
	_ "github.com/riptidecrawler/coordkit/mocks"
	_ "github.com/riptidecrawler/coordkit/mocks/honest"
	_ "github.com/riptidecrawler/coordkit/sync"
)

const module = "github.com/riptidecrawler/coordkit/"

// Whoever imports one of these packages compiles in what is listed here, and no
// more beyond the standard library. A test framework or a Redis client must
// never come along unasked.
var imports = map[string][]string{
	"coordination": {},
	"mocks": {
		module + "coordination",
		"go.uber.org/mock/gomock",
	},
	"mocks/honest": {
		module + "coordination",
	},
	"adapters/memory": {
		module + "coordination",
		module + "adapters/internal/",
		"github.com/tidwall/btree",
	},
	"sync": {
		module + "coordination",
	},
}

func TestImportsBringNothingUnasked(t *testing.T) {
	for name, allowed := range imports {
		t.Run(name, func(t *testing.T) {
			list := exec.CommandContext(t.Context(), "go", "list", "-deps",
				"-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module+name)
			output, err := list.Output()
			if err != nil {
				t.Fatalf("go list: %v", err)
			}
			dependencies := strings.Fields(string(output))
			if !slices.Contains(dependencies, module+name) {
				t.Fatalf("go list does not know the package: %q", output)
			}
			for _, dependency := range dependencies {
				if dependency != module+name && !slices.ContainsFunc(allowed, within(dependency)) {
					t.Errorf("%s brings in %s", name, dependency)
				}
			}
		})
	}
}

// within reports for a path whether dependency is that package, or below it
// where the path ends in a slash.
func within(dependency string) func(path string) bool {
	return func(path string) bool {
		return dependency == path || strings.HasSuffix(path, "/") && strings.HasPrefix(dependency, path)
	}
}
