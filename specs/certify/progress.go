package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/report"
)

// progress tells how far a run has come: in place on a terminal, else by a line
// every now and then.
type progress struct {
	to            io.Writer
	terminal      bool
	count, failed int
	all           int
	last          time.Time
}

func newProgress(to io.Writer, chosen func(report.Behaviour) bool) *progress {
	p := &progress{to: to, last: time.Now()}
	for _, b := range specs.Behaviours() {
		if chosen(b) {
			p.all++
		}
	}
	if file, ok := to.(*os.File); ok {
		if info, err := file.Stat(); err == nil {
			p.terminal = info.Mode()&os.ModeCharDevice != 0
		}
	}
	return p
}

// observe is told of each behaviour that was judged.
func (p *progress) observe(b report.Behaviour) {
	const now, then = 100 * time.Millisecond, 10 * time.Second
	p.count++
	if state := b.Outcomes[backend].State; state == report.Failed || state == report.Subject {
		p.failed++
	}
	text := fmt.Sprintf("%d of %d behaviours, %d failed: %s", p.count, p.all, p.failed, b.Role)
	switch since := time.Since(p.last); {
	case p.terminal && since > now:
		fmt.Fprintf(p.to, "\r%-78s", text)
	case !p.terminal && since > then:
		fmt.Fprintln(p.to, text)
	default:
		return
	}
	p.last = time.Now()
}

// done clears the line of a terminal.
func (p *progress) done() {
	if p.terminal {
		fmt.Fprintf(p.to, "\r%78s\r", "")
	}
}
