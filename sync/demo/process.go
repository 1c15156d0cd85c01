package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// farewell is how long a node may take to end by itself.
const farewell = 2 * time.Second

// process is a node that runs, as its parent sees it.
type process struct {
	command *exec.Cmd
	done    chan struct{} // closed once it has ended, and that was told

	mu       sync.Mutex // guards what follows
	input    io.WriteCloser
	commands *json.Encoder
}

// listener is told by goroutines of the process's what comes of it: its reports,
// what it wrote on its standard error, and at last how it ended.
type listener struct {
	report   func(report)
	complain func(line string)
	ended    func(error)
}

// startProcess starts this program once more, as a node.
func startProcess(name, namespace string, server *backend, to listener) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	run := exec.Command(program, "node", "-id", name, "-namespace", namespace)
	run.Env = append(os.Environ(), "REDIS_URL="+server.url) // its arguments can be read by anybody
	input, err := run.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := run.StdoutPipe()
	if err != nil {
		return nil, err
	}
	complaints, err := run.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := run.Start(); err != nil {
		return nil, err
	}
	p := &process{command: run, done: make(chan struct{}), input: input, commands: json.NewEncoder(input)}
	go func() {
		defer close(p.done)
		var readers sync.WaitGroup
		readers.Go(func() { readReports(output, to) })
		readers.Go(func() {
			for lines := bufio.NewScanner(complaints); lines.Scan(); {
				to.complain(lines.Text())
			}
			_, _ = io.Copy(io.Discard, complaints) // after a line that is too long
		})
		readers.Wait()
		to.ended(run.Wait())
	}()
	return p, nil
}

func readReports(output io.Reader, to listener) {
	for reports := json.NewDecoder(output); ; {
		var r report
		err := reports.Decode(&r)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return
		}
		if err != nil {
			to.complain(fmt.Sprintf("its report can't be read: %v", err))
			_, _ = io.Copy(io.Discard, output) // or it could block
			return
		}
		to.report(r)
	}
}

// tell gives the node a command.
func (p *process) tell(told command) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.commands.Encode(told)
}

// kill ends the node as a crash does (kill -9).
func (p *process) kill() {
	_ = p.command.Process.Kill() // it may have ended already
	<-p.done
}

// end has the node say goodbye, and kills it where that takes too long.
func (p *process) end() {
	p.mu.Lock()
	_ = p.input.Close() // closed already where the node has ended
	p.mu.Unlock()
	select {
	case <-p.done:
	case <-time.After(farewell):
		p.kill()
	}
}
