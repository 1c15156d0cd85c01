package main

import (
	"fmt"
	"io"
)

// print tells what was done, and what has come of it.
func (r result) print(out io.Writer) {
	var lost uint64
	for _, v := range r.views {
		lost += v.dropped
	}
	fmt.Fprintf(out, "\nsummary, after %.1f s\n", r.took.Seconds())
	fmt.Fprintf(out, "  done       %d values written, %d keys invalidated, %d messages lost\n",
		r.written, r.invalidated, lost)
	if r.takeOver > 0 {
		fmt.Fprintf(out, "  take-over  %s leads %.1f s after %s was killed, with leases of %v\n",
			r.successor, r.takeOver.Seconds(), r.leader, lease)
	} else {
		fmt.Fprintf(out, "  take-over  none\n")
	}
	for _, v := range r.views {
		fmt.Fprintf(out, "  %-9s  %s, %d gaps found, %d healed\n", v.name, v.condition, v.found, v.healed)
	}
	verdict := "no"
	if compare(r.views).holds() {
		verdict = "yes"
	}
	fmt.Fprintf(out, "  agreement  %s, %v\n", verdict, compare(r.views))
	if r.failed != nil {
		fmt.Fprintf(out, "  failed     %v\n", r.failed)
	}
}
