package browser_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The other tests rely on that a page which does wrong is heard.
func TestABadPageIsHeard(t *testing.T) {
	browser := chromium(t)
	file := filepath.Join(t.TempDir(), "bad.html")
	const bad = `<!doctype html><meta http-equiv="Content-Security-Policy" content="font-src 'none'">
		<img src="missing.png"><style>@font-face { font-family: x; src: url(x.woff) } p { font-family: x }</style><p>text</p>
		<script>console.log("said"); console.error("shouted"); setTimeout(() => { throw new Error("broken") })</script>
		<script src="https://outside.invalid/script.js"></script>`
	if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	tab := site{browser, file}.load(t, "")
	for _, want := range []string{"missing.png", "outside.invalid", "console.log", "console.error", "thrown", "Content Security Policy", "loading failed"} {
		deadline := time.Now().Add(patience)
		for !strings.Contains(strings.Join(tab.heard(), "\n"), want) {
			if time.Now().After(deadline) {
				t.Fatalf("no %q was heard, only %q", want, tab.heard())
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}
