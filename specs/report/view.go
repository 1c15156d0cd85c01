package report

import (
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"time"
)

// page is what the template shows.
type page struct {
	*Report
	Policy string
	Style  template.CSS
	Script template.JS
}

// row is a behaviour with its cells in the order of the columns.
type row struct {
	Behaviour
	Cells  []cell
	Width  int    // the number of columns
	States string // the slugs of its states, for the filter
	Late   bool   // it came after the first version
}

// cell is what a row has in a column.
type cell struct {
	Backend string
	Asked   bool // whether there is an outcome
	Outcome
}

// Bad reports whether the reason should meet the eye.
func (c cell) Bad() bool { return c.State == Failed || c.State == Subject }

// header is a column of the table, or what a role comes to in it.
type header struct {
	Backend
	Missing string
	Counts
}

// bar is a stretch of the line that shows the counts of a column, in hundredths.
type bar struct {
	State       State
	From, Width float64
}

// Names are those of the backends, as a list in a sentence.
func (p page) Names() string { return p.names() }

// Width is the number of columns.
func (p page) Width() int { return 1 + len(p.Backends) }

// Headers are those of the columns, which count what a role came to, or all
// where the role is empty.
func (p page) Headers(role string) (all []header) {
	for _, backend := range p.Backends {
		all = append(all, header{backend, p.Missing(backend.Name), p.Count(backend.Name, role)})
	}
	return all
}

// About is what there is to know of the backend beside its name.
func (h header) About() string { return h.about() }

// Bars are the counts as stretches of a line.
func (h header) Bars() (all []bar) {
	total := 0
	for _, state := range states {
		total += h.Of(state)
	}
	from := 0.0
	for _, state := range states {
		if n := h.Of(state); n > 0 {
			width := 100 * float64(n) / float64(total)
			all = append(all, bar{state, from, width})
			from += width
		}
	}
	return all
}

// Tallies are the states that there are, with how many.
func (h header) Tallies() (all []tally) {
	for _, state := range states {
		if n := h.Of(state); n > 0 || state == Passed {
			all = append(all, tally{state, n})
		}
	}
	return all
}

type tally struct {
	State State
	N     int
}

// States are all states, with how many behaviours came to each on any backend.
func (p page) States() (all []tally) {
	for _, state := range states {
		n := 0
		for _, b := range p.Behaviours {
			for _, outcome := range b.Outcomes {
				if outcome.State == state {
					n++
					break
				}
			}
		}
		all = append(all, tally{state, n})
	}
	return all
}

var states = []State{Passed, Failed, Subject, Deviates, NotChecked}

// Sections are the roles with their groups and rows.
func (p page) Sections() (roles []pageRole) {
	for _, role := range byRole(p.Behaviours) {
		view := pageRole{Name: role.name, Anchor: "role:" + slug(role.name)}
		for _, group := range byGroup(role.behaviours) {
			rows := pageGroup{Name: capital(group.name), Anchor: "group:" + slug(role.name) + ":" + slug(group.name)}
			for _, b := range group.behaviours {
				rows.Rows = append(rows.Rows, p.row(b))
			}
			view.Groups = append(view.Groups, rows)
		}
		roles = append(roles, view)
	}
	return roles
}

type pageRole struct {
	Name, Anchor string
	Groups       []pageGroup
}

type pageGroup struct {
	Name, Anchor string
	Rows         []row
}

func (p page) row(b Behaviour) row {
	r := row{Behaviour: b, Width: p.Width(), Late: b.Since != "" && b.Since != FirstVersion}
	var slugs []string
	for _, backend := range p.Backends {
		outcome, asked := b.Outcomes[backend.Name]
		r.Cells = append(r.Cells, cell{backend.Name, asked, outcome})
		if asked {
			slugs = append(slugs, slug(string(outcome.State)))
		}
	}
	r.States = strings.Join(slugs, " ")
	return r
}

// sign is a character for the state, beside its word.
func sign(s State) string {
	switch s {
	case Passed:
		return "✓"
	case Failed:
		return "✗"
	case Deviates:
		return "≠"
	case Subject:
		return "!"
	}
	return "–"
}

// piece is a stretch of text, or a link.
type piece struct{ Text, URL string }

var link = regexp.MustCompile(`https?://[^\s<>"']*[^\s<>"'.,;:)\]]`)

// pieces finds the links within a text.
func pieces(text string) (all []piece) {
	end := 0
	for _, at := range link.FindAllStringIndex(text, -1) {
		url := text[at[0]:at[1]]
		all = append(all, piece{Text: text[end:at[0]]}, piece{url, url})
		end = at[1]
	}
	return append(all, piece{Text: text[end:]})
}

// slug is a name for anchors and classes.
func slug(name string) string {
	return strings.Join(strings.Fields(strings.ToLower(name)), "-")
}

func took(d time.Duration) string {
	switch rounded := d.Round(time.Millisecond); {
	case d == 0:
		return ""
	case d < time.Millisecond:
		return "under 1 ms"
	case rounded < time.Second:
		return fmt.Sprintf("%d ms", rounded.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
