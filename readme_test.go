package coordkit_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// Each Go block of the README is a program that compiles as it stands.
func TestReadmeCompiles(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) == 0 {
		t.Fatal("the README holds no Go")
	}
	// Below the module, so that imports are found; with an underscore, so that
	// no ./... finds it.
	directory := filepath.Join("build", "_readme")
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	for i, block := range blocks {
		program := filepath.Join(directory, fmt.Sprint(i))
		if err := os.MkdirAll(program, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(program, "main.go"), block[1], 0o644); err != nil {
			t.Fatal(err)
		}
		if output, err := exec.CommandContext(t.Context(), "go", "vet", "./"+program).CombinedOutput(); err != nil {
			t.Errorf("block %d: %v\n%s", i+1, err, output)
		}
	}
}
