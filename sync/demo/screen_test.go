package main

import (
	"context"
	"io"
	"os/exec"
	"sync"

	"github.com/charmbracelet/x/term"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// terminal is what a person sits before: it shows what a program writes, and has
// keys.
type terminal struct {
	keys io.Writer

	mu       sync.Mutex // guards what follows
	emulator *vt.Emulator
	drawn    bool // on the alternate screen
}

// open starts command in a terminal. ended returns its exit code, once the
// terminal shows all that it wrote and is as it was.
func open(command *exec.Cmd, width, height int) (t *terminal, ended func() int) {
	GinkgoHelper()
	own, its, err := pty.Open()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(own.Close)
	Expect(pty.Setsize(own, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)})).To(Succeed())
	before, err := term.GetState(its.Fd())
	Expect(err).NotTo(HaveOccurred())

	t = &terminal{keys: own, emulator: vt.NewEmulator(width, height)}
	command.Stdin, command.Stdout, command.Stderr = its, its, its
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() { _ = command.Process.Kill() })
	go func() { _, _ = io.Copy(own, t.emulator) }() // its answers to what programs ask terminals
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		_, _ = io.Copy(t, own)
	}()
	return t, func() int {
		_ = command.Wait() // its exit code says all
		Expect(term.GetState(its.Fd())).To(Equal(before))
		Expect(its.Close()).To(Succeed())
		<-shown
		Expect(t.emulator.InputPipe().(io.Closer).Close()).To(Succeed()) // its own Close races with Read
		return command.ProcessState.ExitCode()
	}
}

// Write shows what the program writes.
func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.emulator.Write(p)
	t.drawn = t.emulator.IsAltScreen()
	return n, err
}

// text is what can be read.
func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.emulator.String()
}

func (t *terminal) press(keys string) {
	GinkgoHelper()
	_, err := io.WriteString(t.keys, keys)
	Expect(err).NotTo(HaveOccurred())
}

// shows waits until what can be read matches.
func (t *terminal) shows(ctx context.Context, wanted string) {
	GinkgoHelper()
	Eventually(ctx, t.text).WithTimeout(inTime).Should(MatchRegexp(wanted))
}

// Serial, as the nodes have timings to keep.
var _ = Describe("The demo in a terminal", Serial, func() {
	It("shows its script, and leaves the terminal as it was, with the summary", func(ctx SpecContext) {
		t, ended := open(demo(""), 80, 24)
		t.shows(ctx, `(?s)^coordkit  3 nodes on miniredis.*1/7 start.*╭.*alpha.*beta.*gamma.*live members +│ alpha beta gamma.*╰.*\nq quit`)
		t.shows(ctx, `state .*deaf \(\d+\)`)
		t.shows(ctx, `state .*killed`)
		t.shows(ctx, `(?s)7/7 heal.*3 live nodes: 24 keys on all, 0 on some, 0 differ`)
		Expect(ended()).To(Equal(0))
		Expect(t.drawn).To(BeFalse())
		Expect(t.text()).To(MatchRegexp(`(?s)^\s*summary, after.*take-over +\w+ leads.*agreement +yes`))
		Expect(t.text()).NotTo(ContainSubstring("╭"))
	})

	It("does what the keys say", func(ctx SpecContext) {
		t, ended := open(demo("", "-interactive"), 120, 40)
		t.shows(ctx, `live members +(│ alpha beta gamma +){3}│`)
		t.shows(ctx, `leader +(│ \w+( \(itself\))? +){3}│`)
		t.press("w")
		t.shows(ctx, `keys +(│ 24 +){3}│`)
		t.press("2l")
		t.shows(ctx, `state +│ running .*│ deaf .*│ running`)
		t.press("1i")
		t.shows(ctx, `keys +│ 16 +│ 24 +│ 16 `)
		t.press("2l")
		t.shows(ctx, `keys +(│ 16 +){3}│`)
		t.shows(ctx, `gaps healed +│ 0 +│ 1 +│ 0 `)
		t.press("\x1b[C") // right
		t.shows(ctx, `│ > gamma `)
		t.press("k")
		t.shows(ctx, `state +│ running .*│ running .*│ killed`)
		t.press("k")
		t.shows(ctx, `demo +gamma does not run`)
		t.press("r")
		t.shows(ctx, `live members +(│ alpha beta gamma +){3}│`)
		t.press("q")
		Expect(ended()).To(Equal(0))
		Expect(t.drawn).To(BeFalse())
		Expect(t.text()).To(MatchRegexp(`^\s*3 live nodes: 0 keys on all, 16 on some, 0 differ`))
	})

	It("leaves the terminal as it was when it is quit early", func(ctx SpecContext) {
		t, ended := open(demo(""), 80, 24)
		t.shows(ctx, "2/7 write")
		t.press("\x03") // Ctrl-C
		Expect(ended()).To(Equal(interrupted))
		Expect(t.drawn).To(BeFalse())
		Expect(t.text()).To(MatchRegexp(`^\s*demo: interrupted\s*$`))
	})
})
