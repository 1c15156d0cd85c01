package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Text writes a table of roles against backends, then what did not simply pass,
// and why. Where nothing was checked on a backend, a line that stands alone says
// so. The error is that of the writer.
func (r *Report) Text(to io.Writer) error {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprint(table, "\nbehaviours")
	for _, backend := range r.Backends {
		fmt.Fprintf(table, "\t%s", oneLine(backend.title()))
	}
	for _, role := range append(r.Roles(), "") {
		name := oneLine(role)
		if role == "" {
			name = "all"
		}
		fmt.Fprintf(table, "\n%s", name)
		for _, backend := range r.Backends {
			fmt.Fprintf(table, "\t%s", r.Count(backend.Name, role))
		}
	}
	fmt.Fprintln(table)
	_ = table.Flush() // a strings.Builder takes everything
	for _, state := range []State{Deviates, NotChecked, Subject, Failed} {
		for _, backend := range r.Backends {
			r.list(&b, state, backend.Name)
		}
	}
	for _, backend := range r.Backends {
		if reason := r.Missing(backend.Name); reason != "" {
			fmt.Fprintf(&b, "\n!!! NOTHING WAS CHECKED ON %s: %s !!!\n", strings.ToUpper(oneLine(backend.Name)), firstLine(reason))
		}
	}
	_, err := io.WriteString(to, b.String())
	return err
}

// list writes the behaviours that came to a state, below their reasons, unless
// there would be too many to read: of a backend on which nothing was checked, and
// of a run that was to check little.
func (r *Report) list(b *strings.Builder, state State, backend string) {
	if state == NotChecked && r.Missing(backend) != "" {
		return
	}
	sentences := map[string][]string{}
	var reasons []string
	for _, behaviour := range r.Behaviours {
		outcome, found := behaviour.Outcomes[backend]
		if !found || outcome.State != state {
			continue
		}
		reason := firstLine(outcome.Reason)
		if outcome.Link != "" {
			reason = strings.TrimSpace(reason + " " + oneLine(outcome.Link))
		}
		if sentences[reason] == nil {
			reasons = append(reasons, reason)
		}
		sentences[reason] = append(sentences[reason],
			fmt.Sprintf("%s, %s: %s", behaviour.ID, oneLine(behaviour.Role), oneLine(behaviour.Sentence)))
	}
	for _, reason := range reasons {
		fmt.Fprintf(b, "\n%s on %s: %s\n", state.shout(), oneLine(backend), reason)
		if reason == LeftOut {
			fmt.Fprintf(b, "  %d behaviours\n", len(sentences[reason]))
			continue
		}
		for _, sentence := range sentences[reason] {
			fmt.Fprintf(b, "  %s\n", sentence)
		}
	}
}

// String tells how many passed, and what else there was, as in "80 passed, 5 not
// checked".
func (c Counts) String() string {
	text := fmt.Sprintf("%d passed", c.Passed)
	for _, state := range []State{Failed, Subject, Deviates, NotChecked} {
		if n := c.Of(state); n > 0 {
			text += fmt.Sprintf(", %d %s", n, state.shout())
		}
	}
	return text
}

// shout is the state for plain text, where no colour tells what is wrong.
func (s State) shout() string {
	if s == Failed || s == Subject {
		return strings.ToUpper(string(s))
	}
	return string(s)
}

// title is the name, and what else there is to know of the backend.
func (b Backend) title() string {
	if about := b.about(); about != "" {
		return b.Name + " (" + about + ")"
	}
	return b.Name
}

func (b Backend) about() string {
	if b.Scale == 0 || b.Scale == 1 {
		return b.Version
	}
	return strings.TrimPrefix(fmt.Sprintf("%s, times × %g", b.Version, b.Scale), ", ")
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return oneLine(first)
}

// oneLine takes a text for a place that one line is all of; control characters
// would speak to the terminal.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' }), " ")
}
