package sync_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// report is what only a leader may write. The guard stands where the report is,
// beyond the network from the leaders: in a database, a column that is compared
// and set in the transaction of the write.
type report struct {
	guard coordination.Guard
	mu    sync.Mutex // guards text
	text  string
}

var errSucceeded = errors.New("a newer leader has written")

func (r *report) write(term uint64, text string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.guard.Admit(term) {
		return errSucceeded
	}
	r.text = text
	return nil
}

func (r *report) read() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text
}

// A job that one node does at a time. The leader's context ends before its lease
// can have; what it had sent by then may still arrive later, which is what its
// term is for.
func Example_leader() {
	hub := memory.NewHub()
	var written report
	terms := make(chan uint64, 2)
	job := func(name string) *dsync.Options {
		return &dsync.Options{Election: dsync.ElectionOptions{
			Lead: func(ctx context.Context, term uint64) {
				must(written.write(term, "by "+name))
				terms <- term
				<-ctx.Done() // a job that goes on would look at ctx between its steps
			},
		}}
	}

	one, stopOne := start(open(hub), "node-1", job("node-1"))
	first := <-terms
	fmt.Println(written.read(), one.IsLeader())
	two, stopTwo := start(open(hub), "node-2", job("node-2"))
	defer stopTwo()
	meet(one, two)

	stopOne() // frees the lease, so that nobody waits for its end
	second := <-terms
	fmt.Println(written.read(), one.IsLeader(), second > first)
	fmt.Println(written.write(first, "late"))
	// Output:
	// by node-1 true
	// by node-2 false true
	// a newer leader has written
}
