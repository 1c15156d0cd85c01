package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// print writes the table, then what did not simply pass, and why.
func (c *contract) print(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(table, "\nbehaviours\t%s\n", strings.Join(c.backends, "\t"))
	for _, role := range append(c.roles(), "") {
		row := []string{role}
		if role == "" {
			row[0] = "all"
		}
		for _, backend := range c.backends {
			row = append(row, c.cell(role, backend))
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	_ = table.Flush()
	for _, state := range []state{deviates, notChecked, failed} {
		c.list(out, state)
	}
	for _, backend := range c.backends {
		if reason := c.missing(backend); reason != "" {
			fmt.Fprintf(out, "\n!!! NOTHING WAS CHECKED ON %s: %s !!!\n", strings.ToUpper(backend), reason)
		}
	}
}

func (c *contract) roles() (roles []string) {
	for _, b := range c.behaviours {
		if !slices.Contains(roles, b.role) {
			roles = append(roles, b.role)
		}
	}
	return roles
}

// cell counts the outcomes of a role, or of all, on a backend.
func (c *contract) cell(role, backend string) string {
	counts := map[state]int{}
	for _, b := range c.behaviours {
		if o, found := b.outcomes[backend]; found && (role == "" || b.role == role) {
			counts[o.state]++
		}
	}
	text := fmt.Sprintf("%d passed", counts[passed])
	for _, state := range []state{failed, deviates, notChecked} {
		if counts[state] > 0 {
			text += fmt.Sprintf(", %d %s", counts[state], state)
		}
	}
	return text
}

// list writes the behaviours that came to a state, below their reasons.
func (c *contract) list(out io.Writer, wanted state) {
	for _, backend := range c.backends {
		if c.missing(backend) != "" {
			continue
		}
		sentences := map[string][]string{}
		var reasons []string
		for _, b := range c.behaviours {
			o, found := b.outcomes[backend]
			if !found || o.state != wanted {
				continue
			}
			reason, _, _ := strings.Cut(o.reason, "\n")
			if sentences[reason] == nil {
				reasons = append(reasons, reason)
			}
			sentences[reason] = append(sentences[reason], b.role+": "+b.sentence)
		}
		for _, reason := range reasons {
			fmt.Fprintf(out, "\n%s on %s: %s\n", wanted, backend, reason)
			for _, sentence := range sentences[reason] {
				fmt.Fprintf(out, "  %s\n", sentence)
			}
		}
	}
}
