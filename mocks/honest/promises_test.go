package honest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A failure quotes the contract, so that the reader finds the sentence there.
func TestPromisesAreThoseOfTheContract(t *testing.T) {
	texts := contract(t)
	promises := promises(t)
	if len(promises) == 0 {
		t.Fatal("there are no promises")
	}
	for name, promise := range promises {
		if !strings.HasSuffix(promise, ".") {
			t.Errorf("%s is no sentence: %q", name, promise)
		}
		if !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, promise) }) {
			t.Errorf("%s stands nowhere in the contract: %q", name, promise)
		}
	}
}

// contract returns the comments of package coordination and the lines of
// specs/CONTRACT.md, each without its line breaks.
func contract(t *testing.T) []string {
	t.Helper()
	behaviours, err := os.ReadFile("../../specs/CONTRACT.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := strings.Split(string(behaviours), "\n")
	files, err := filepath.Glob("../../coordination/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, comment := range parse(t, name).Comments {
			texts = append(texts, strings.Join(strings.Fields(comment.Text()), " "))
		}
	}
	return texts
}

// promises returns the constants of type promise by their names.
func promises(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for node := range ast.Preorder(parse(t, "promises.go")) {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "promise" {
			continue
		}
		for i, name := range spec.Names {
			for part := range ast.Preorder(spec.Values[i]) {
				if literal, ok := part.(*ast.BasicLit); ok {
					text, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					found[name.Name] += text
				}
			}
		}
	}
	return found
}

func parse(t *testing.T, name string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
