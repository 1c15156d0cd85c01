package redistest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program of Redis in a directory of its own. It ends with this process,
// however that ends.
type process struct {
	// Directory is its working directory, removed at the end.
	Directory string

	command *exec.Cmd
	input   io.WriteCloser
}

// supervisor starts the program once for each line of its input. When the input ends,
// which it also does when this process is killed, it ends the program and cleans up. A
// program that a test has stopped by a signal has to go on to end.
const supervisor = `while read -r _; do "$@" & echo $! >"$0/pid.new"; mv "$0/pid.new" "$0/pid"; done; ` +
	`kill $!; kill -CONT $!; wait; rm -r "$0"`

func launch(directory, program string, arguments ...string) (*process, error) {
	command := exec.Command("sh", append([]string{"-c", supervisor, directory, program}, arguments...)...)
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &process{Directory: directory, command: command, input: input}
	return p, p.begin()
}

// begin starts the program, also once more.
func (p *process) begin() error {
	_, err := p.input.Write([]byte("\n"))
	return err
}

// Signal sends a signal to the program.
func (p *process) Signal(signal syscall.Signal) error {
	pid, err := p.pid()
	if err != nil {
		return err
	}
	return syscall.Kill(pid, signal)
}

// Kill ends the program at once, as a crash does, and waits for its end.
func (p *process) Kill() error {
	pid, err := p.pid()
	if err != nil {
		return err
	}
	for err = syscall.Kill(pid, syscall.SIGKILL); err == nil; err = syscall.Kill(pid, 0) {
		if isZombie(pid) {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// isZombie reports whether the program has ended and its shell has not noticed.
func isZombie(pid int) bool {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, state, _ := strings.Cut(string(status), ") ")
	return err == nil && strings.HasPrefix(state, "Z")
}

// isRunning reports whether the program was started and has not ended.
func (p *process) isRunning() bool {
	pid, err := p.pid()
	return err == nil && syscall.Kill(pid, 0) == nil && !isZombie(pid)
}

func (p *process) pid() (int, error) {
	text, err := os.ReadFile(filepath.Join(p.Directory, "pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// Stop ends the program and waits for it.
func (p *process) Stop() {
	_ = p.input.Close()
	_ = p.command.Wait() // only its end matters, not how it went
}
