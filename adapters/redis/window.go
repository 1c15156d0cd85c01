package redis

import "context"

// windowSize bounds what one operation on many names holds in the pipeline, in the
// bytes of the budget. A sixteenth of the budget leaves room for the other callers.
const windowSize = budgetSize / 16

// window submits any number of commands for one operation, a bounded part of them at
// a time. Before it submits more than fit, it waits for the oldest.
//
// A window never blocks for room in the budget while it holds some. So several
// windows cannot wait for each other. It belongs to one goroutine, which must call
// drain after the last command.
type window struct {
	ctx  context.Context
	sent []sent // oldest first
	held int    // bytes of the budget
}

// sent is a command in a window, and the function that receives its answer.
type sent struct {
	pending
	room   int // that it holds in the window
	answer func(reply any, err error)
	done   bool // with the server's answer in reply and failed
	reply  any
	failed error
}

// settle waits for the answer of the server, which gives the room back.
func (c *sent) settle(ctx context.Context) {
	if !c.done {
		c.reply, c.failed = c.own(ctx)
		c.done = true
	}
}

// add submits a command. It calls answer once, from a later add or from drain, in the
// order of the commands. If ctx ends first, the command may still take effect.
func (w *window) add(s *server, answer func(reply any, err error), arguments ...any) {
	size := sizeOf(arguments)
	for len(w.sent) > 0 && w.held+size > windowSize {
		w.receive()
	}
	next := sent{room: size, answer: answer}
	for {
		if err := w.ctx.Err(); err != nil {
			next.err = err
			break
		}
		if len(w.sent) == 0 {
			next.pending = s.submit(w.ctx, arguments...)
			break
		}
		if s.budget.tryTake(size) {
			next.pending = s.start(w.ctx, size, arguments)
			break
		}
		w.receive()
	}
	w.sent = append(w.sent, next)
	w.held += size
}

// receive waits for the oldest command. If a node of a Cluster may send it to another
// node, which needs room there, all others give back theirs first.
func (w *window) receive() {
	oldest := w.sent[0]
	oldest.settle(w.ctx)
	if oldest.failed != nil && oldest.err == nil && oldest.server.cluster != nil {
		for i := range w.sent[1:] {
			w.sent[1+i].settle(w.ctx)
		}
		oldest.reply, oldest.failed = oldest.server.cluster.follow(w.ctx, oldest.server, oldest.cmd.Args(), oldest.reply, oldest.failed)
	}
	w.sent[0] = sent{}
	w.sent = w.sent[1:]
	w.held -= oldest.room
	oldest.answer(oldest.reply, oldest.failed)
}

// drain waits for all commands that are left. The room of those that ctx ends is
// given back when the server has answered.
func (w *window) drain() {
	for len(w.sent) > 0 {
		w.receive()
	}
}
