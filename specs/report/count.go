package report

import (
	"cmp"
	"slices"
)

// Counts are how many behaviours came to each state.
type Counts struct {
	Passed, Failed, Deviates, NotChecked, Subject int
}

// Checked is how many promises the backend was seen to keep or to break.
func (c Counts) Checked() int { return c.Passed + c.Failed }

// Of is how many came to a state.
func (c Counts) Of(state State) int {
	switch state {
	case Passed:
		return c.Passed
	case Failed:
		return c.Failed
	case Deviates:
		return c.Deviates
	case NotChecked:
		return c.NotChecked
	case Subject:
		return c.Subject
	}
	return 0
}

// Count counts the outcomes on a backend of the behaviours of a role, or of all
// where the role is empty.
func (r *Report) Count(backend, role string) Counts {
	var c Counts
	for _, b := range r.Behaviours {
		outcome, found := b.Outcomes[backend]
		if !found || role != "" && b.Role != role {
			continue
		}
		switch outcome.State {
		case Passed:
			c.Passed++
		case Failed:
			c.Failed++
		case Deviates:
			c.Deviates++
		case NotChecked:
			c.NotChecked++
		case Subject:
			c.Subject++
		}
	}
	return c
}

// Passed reports whether every backend keeps the contract: nothing failed, no
// subject was at fault, and on every backend, of which there is one at least,
// something was checked: a declared deviation checks nothing.
func (r *Report) Passed() bool {
	for _, backend := range r.Backends {
		if c := r.Count(backend.Name, ""); c.Failed+c.Subject > 0 || c.Checked() == 0 {
			return false
		}
	}
	return len(r.Backends) > 0
}

// Missing returns why nothing was checked on a backend, "" where something was.
func (r *Report) Missing(backend string) (reason string) {
	if r.Count(backend, "").Checked() > 0 {
		return ""
	}
	for _, b := range r.Behaviours {
		reason = cmp.Or(reason, b.Outcomes[backend].Reason)
	}
	return cmp.Or(reason, "nothing was run")
}

// Roles returns the roles in the order in which the behaviours name them first.
func (r *Report) Roles() (roles []string) {
	for _, b := range r.Behaviours {
		if !slices.Contains(roles, b.Role) {
			roles = append(roles, b.Role)
		}
	}
	return roles
}
