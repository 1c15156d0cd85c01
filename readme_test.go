package coordkit_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/riptidecrawler/coordkit/internal/redistest"
)

// Each Go block of the README files is a program that compiles as it stands.
func TestReadmeCompiles(t *testing.T) {
	var blocks [][][]byte
	for _, page := range []string{"README.md", "adapters/redis/README.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(text, -1)
		if len(found) == 0 {
			t.Fatalf("%s holds no Go", page)
		}
		blocks = append(blocks, found...)
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

// The quick start runs as it stands, and needs at most 15 lines from redis.Open to
// Get.
func TestReadmeQuickStart(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var program []byte
	for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(text, -1) {
		if bytes.Contains(block[1], []byte("cache.NewNode(")) {
			program = block[1]
			break
		}
	}
	steps := regexp.MustCompile(`(?s)redis\.Open\(.*?\.Get\(`).Find(program)
	if lines := bytes.Count(steps, []byte("\n")) + 1; steps == nil || lines > 15 {
		t.Errorf("the quick start takes %d lines from redis.Open to Get, want 1 to 15", lines)
	}
	url, err := redistest.URL()
	if err != nil {
		if errors.Is(err, redistest.ErrMissing) && !redistest.Required() {
			t.Log("not run: ", err)
			return
		}
		t.Fatal(err)
	}
	directory := filepath.Join("build", "_quickstart")
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, "main.go"), program, 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "go", "run", "./"+directory)
	command.Env = append(os.Environ(), "REDIS_URL="+url, "NODE_ID=readme-test")
	output, err := command.CombinedOutput()
	if err != nil || string(output) != "user 42\n" {
		t.Errorf("the quick start printed %q (%v), want \"user 42\"", output, err)
	}
}
