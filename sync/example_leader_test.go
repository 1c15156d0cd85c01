package sync_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

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

// A job that one node at a time does, in an election by name. The context of the work
// is cancelled before its lease can expire. What it had sent by then may still arrive
// later: the resource compares the term.
func Example_leader() {
	hub := memory.NewHub()
	var written report
	terms := make(chan uint64, 2)
	// campaign takes part in the election. What it returns ends that.
	campaign := func(name string) (end func()) {
		port, err := hub.Open(nil)
		if err != nil {
			log.Fatal(err)
		}
		node, err := dsync.New(dsync.DefaultConfig(name), port, nil)
		if err != nil {
			log.Fatal(err)
		}
		job, err := node.NewElection("report", &dsync.ElectionOptions{
			Retry: 10 * time.Millisecond,
			Lead: func(ctx context.Context, term uint64) {
				if err := written.write(term, "by "+name); err != nil {
					log.Print(err)
				}
				terms <- term
				<-ctx.Done() // a job that goes on would look at ctx between its steps
			},
		})
		if err != nil {
			log.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- job.Run(ctx) }()
		return func() {
			stop()
			if err := <-ended; err != nil {
				log.Print(err)
			}
		}
	}

	endFirst := campaign("node-1")
	first := <-terms
	fmt.Println(written.read())
	endSecond := campaign("node-2")
	endFirst() // releases the lease, so that nobody waits until it expires
	second := <-terms
	fmt.Println(written.read(), second > first)
	fmt.Println(written.write(first, "late"))
	endSecond()
	// Output:
	// by node-1
	// by node-2 true
	// a newer leader has written
}
