package browser_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is for a machine that is busy with other things.
const patience = 3 * time.Minute

// chromium starts the browser that CHROMIUM names, or one from the PATH, and ends
// it with the test. Without one the test is skipped, unless REQUIRE_CHROMIUM=1.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		const missing = "there is no Chromium on the PATH, and none at CHROMIUM"
		if os.Getenv("REQUIRE_CHROMIUM") == "1" {
			t.Fatal(missing)
		}
		t.Skip("not checked: " + missing)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.WSURLReadTimeout(patience))
	if os.Geteuid() == 0 { // which Chromium confines in no sandbox
		options = append(options, chromedp.NoSandbox)
	}
	allocator, end := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(end)
	browser, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return browser
}

// step is what a tab can do.
type step = chromedp.Action[chromedp.Void]

// tab is a page that is open in the browser.
type tab struct {
	*testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// site is a page that the browser can open.
type site struct {
	browser context.Context
	file    string
}

// open loads the page, with the rest of its address, after some preparations, and
// requires that the browser has nothing to complain about until the test ends.
func (s site) open(t *testing.T, rest string, before ...step) *tab {
	t.Helper()
	tab := s.load(t, rest, before...)
	t.Cleanup(func() {
		for _, complaint := range tab.heard() {
			t.Error(complaint)
		}
	})
	return tab
}

func (s site) load(t *testing.T, rest string, before ...step) *tab {
	t.Helper()
	ctx, end := chromedp.NewContext(s.browser)
	t.Cleanup(end)
	tab := &tab{T: t, ctx: ctx}
	address := "file://" + s.file
	if err := chromedp.Listen(ctx, func(event any) { tab.hear(event, address) }); err != nil {
		t.Fatal(err)
	}
	tab.do(append(before, chromedp.Navigate(address+rest))...)
	return tab
}

// hear notes what no page may do: complain on the console, throw, open a dialog,
// or ask for anything but itself.
func (t *tab) hear(event any, address string) {
	complaint := ""
	switch event := event.(type) {
	case *log.EventEntryAdded:
		if event.Entry.Level == log.EntryLevelError || event.Entry.Level == log.EntryLevelWarning {
			complaint = "logged: " + event.Entry.Text
		}
	case *runtime.EventConsoleAPICalled:
		complaint = fmt.Sprintf("console.%s was called", event.Type)
	case *runtime.EventExceptionThrown:
		complaint = "thrown: " + event.ExceptionDetails.Text
	case *page.EventJavascriptDialogOpening:
		complaint = "a dialog opens: " + event.Message
	case *network.EventRequestWillBeSent:
		if url := event.Request.URL; !strings.HasPrefix(url, address) && !strings.HasPrefix(url, "data:") {
			complaint = "asked for " + url
		}
	case *network.EventLoadingFailed:
		complaint = "loading failed: " + event.ErrorText
	}
	if complaint != "" {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.complaints = append(t.complaints, complaint)
	}
}

func (t *tab) heard() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.complaints)
}

// do takes steps, each of which must end in time.
func (t *tab) do(steps ...step) {
	t.Helper()
	ctx, end := context.WithTimeout(t.ctx, patience)
	defer end()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// ask evaluates an expression of JavaScript in the page.
func ask[Value any](t *tab, format string, args ...any) Value {
	t.Helper()
	ctx, end := context.WithTimeout(t.ctx, patience)
	defer end()
	expression := fmt.Sprintf(format, args...)
	value, err := chromedp.Run(ctx, chromedp.Evaluate[Value](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// screenshot keeps what the window shows.
func (t *tab) screenshot(file string) {
	t.Helper()
	image, err := chromedp.Run(t.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, image, 0o644); err != nil {
		t.Fatal(err)
	}
}

func width(pixels int64) step { return chromedp.EmulateViewport(pixels, 900) }

// media is for a medium, "screen" or "print", and a scheme, "light" or "dark".
func media(medium, scheme string) step {
	return command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// command is a step of the browser's protocol.
func command[Params, Result any](c cdp.Command[Params, Result], params Params) step {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, c, params)
		return err
	})
}

// pages are the files to look at: one with all that a report may hold, and the
// one that CONTRACT_HTML names.
func pages(t *testing.T) map[string]string {
	t.Helper()
	sample := filepath.Join(t.TempDir(), "sample.html")
	file, err := os.Create(sample)
	if err != nil {
		t.Fatal(err)
	}
	if err := hostile().HTML(file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"sample": sample}
	if name := os.Getenv("CONTRACT_HTML"); name != "" {
		if all["real"], err = filepath.Abs(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
