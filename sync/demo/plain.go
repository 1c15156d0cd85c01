package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// plain writes lines, for where nothing can be drawn.
type plain struct {
	began time.Time

	mu  sync.Mutex // guards what follows
	out io.Writer
}

var _ display = (*plain)(nil)

func (p *plain) line(l line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "%5.1fs  %-6s %s\n", l.at.Seconds(), l.who, l.text)
}

func (p *plain) step(title string) {
	p.line(line{time.Since(p.began), "step", title})
}

func (p *plain) reached(views []view) {
	at := time.Since(p.began)
	for _, v := range views {
		text := string(v.condition)
		if v.live() {
			status := v.state.Status
			text = fmt.Sprintf("%s, leader %s in term %d, live %s, %d keys with digest %s, lag %.1f ms", v.condition,
				status.Leader, status.Term, strings.Join(status.ActiveNodes, " "),
				len(v.state.Entries), v.digest(), status.Lag.Seconds()*1000)
		}
		p.line(line{at, v.name, fmt.Sprintf("is %s, gaps %d found, %d healed", text, v.found, v.healed)})
	}
}
