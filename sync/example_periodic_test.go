package sync_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// ledger stands for a database table with one row for each period, and a column for
// the greatest term that has written. Both are checked in the transaction of the write.
type ledger struct {
	mu    sync.Mutex // guards what follows
	term  uint64
	first int64
	rows  []string // of the periods from first on
}

var errFenced = errors.New("a newer leader has written")

// next returns the first period that has no row.
func (l *ledger) next() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first + int64(len(l.rows))
}

// write adds the row of a period, once, unless a leader with a greater term has
// written.
func (l *ledger) write(term uint64, period int64, row string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if term < l.term {
		return errFenced
	}
	l.term = term
	if period == l.first+int64(len(l.rows)) {
		l.rows = append(l.rows, row)
	}
	return nil
}

// everyPeriod runs a job once a period. It starts with the first period that has no
// row, so that a take-over misses none, and the ledger takes no row twice.
func everyPeriod(l *ledger, length time.Duration, name string) func(ctx context.Context, term uint64) {
	return func(ctx context.Context, term uint64) {
		for {
			period := l.next()
			timer := time.NewTimer(time.Until(time.Unix(0, (period+1)*int64(length)))) // its end
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
			if err := l.write(term, period, name); err != nil {
				return // another node leads
			}
		}
	}
}

// A job that runs once a period, on one node at a time, and in every period: also when
// the leader ends and another node takes over.
func Example_oncePerPeriod() {
	const length = 50 * time.Millisecond // a day, in real life
	hub := memory.NewHub()
	jobs := &ledger{first: time.Now().UnixNano() / int64(length)}
	campaign := func(name string) (end func()) {
		port, err := hub.Open(nil)
		if err != nil {
			log.Fatal(err)
		}
		leadership, err := port.Election("daily")
		if err != nil {
			log.Fatal(err)
		}
		election, err := dsync.NewLeaderElection(name, time.Second, leadership, &dsync.ElectionOptions{
			Retry: 10 * time.Millisecond, Lead: everyPeriod(jobs, length, name),
		}, nil)
		if err != nil {
			log.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- election.Run(ctx) }()
		return func() {
			stop()
			if err := <-ended; err != nil {
				log.Print(err)
			}
		}
	}

	await := func(period int64) {
		for jobs.next() < period {
			time.Sleep(time.Millisecond)
		}
	}
	endFirst := campaign("node-1")
	await(jobs.first + 2)
	endFirst()
	endSecond := campaign("node-2")
	await(jobs.first + 4)
	endSecond()
	fmt.Println(jobs.rows[0], jobs.rows[len(jobs.rows)-1])
	fmt.Println("missed:", jobs.next() < jobs.first+4, "late leader:", jobs.write(1, jobs.next(), "node-0"))
	// Output:
	// node-1 node-2
	// missed: false late leader: a newer leader has written
}
