package report

import (
	"cmp"
	"maps"
	"slices"
)

// Collect makes one report of many runs. Behaviours are those of the contract, in
// its order; those that only runs name, an adapter's own, come after them in the
// order of the runs. A behaviour of the contract that no run tells of is not
// checked on any backend. It gives ErrInvalid where a behaviour was run twice on
// a backend, or the runs contradict each other.
func Collect(contract string, behaviours []Behaviour, runs []Run) (*Report, error) {
	r := &Report{Schema: Schema, Contract: contract}
	for _, b := range behaviours {
		b.Outcomes = nil
		if err := r.add(b, len(r.Behaviours)); err != nil {
			return nil, err
		}
	}
	for _, run := range runs {
		if err := r.judgedBy(run.Contract); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(r.Backends, func(b Backend) bool { return b.Name == run.Backend.Name })
		if i < 0 {
			r.Backends = append(r.Backends, run.Backend)
		} else { // a spec that ended early may not have learned the version
			r.Backends[i].Version = cmp.Or(r.Backends[i].Version, run.Backend.Version)
		}
		if err := r.add(run.Behaviour, len(r.Behaviours)); err != nil {
			return nil, err
		}
	}
	for _, b := range r.Behaviours[:len(behaviours)] {
		for _, backend := range r.Backends {
			if _, found := b.Outcomes[backend.Name]; !found {
				b.Outcomes[backend.Name] = Outcome{State: NotChecked, Reason: LeftOut}
			}
		}
	}
	return r, r.check()
}

// LeftOut is the reason of a promise that a run did not come to.
const LeftOut = "left out of this run"

// Merge makes one report of several, with the backends of all as columns.
// Behaviours are the same where their ids are; one that only some reports have
// stands where they have it, and has no outcome on the backends of the others.
// It gives ErrInvalid where two reports have a backend of the same name, were
// judged by different versions of the contract, or tell a behaviour differently.
func Merge(reports ...*Report) (*Report, error) {
	merged := &Report{Schema: Schema}
	for _, r := range reports {
		if err := merged.judgedBy(r.Contract); err != nil {
			return nil, err
		}
		merged.Backends = append(merged.Backends, r.Backends...)
		next := 0
		for _, b := range r.Behaviours {
			if err := merged.add(b, next); err != nil {
				return nil, err
			}
			next = merged.index(b.ID) + 1
		}
	}
	return merged, merged.check()
}

// judgedBy notes the version of the contract, which must be the same for all;
// those of which nothing was run may not know it.
func (r *Report) judgedBy(contract string) error {
	if r.Contract != "" && contract != "" && r.Contract != contract {
		return invalid("versions %s and %s of the contract can't be told in one", r.Contract, contract)
	}
	r.Contract = cmp.Or(r.Contract, contract)
	return nil
}

func (r *Report) index(id string) int {
	return slices.IndexFunc(r.Behaviours, func(b Behaviour) bool { return b.ID == id })
}

// add puts what is told of a behaviour to what is known of it, at an index where
// nothing is.
func (r *Report) add(b Behaviour, at int) error {
	i := r.index(b.ID)
	if i < 0 {
		b.Catches = slices.Clone(b.Catches)
		b.Outcomes = maps.Clone(b.Outcomes)
		if b.Outcomes == nil {
			b.Outcomes = map[string]Outcome{}
		}
		r.Behaviours = slices.Insert(r.Behaviours, at, b)
		return nil
	}
	known := &r.Behaviours[i]
	if known.Sentence != b.Sentence || known.Role != b.Role || known.Group != b.Group || known.Since != b.Since {
		return invalid("%s is told in two ways: %s, %s: %q since %s, and %s, %s: %q since %s", b.ID,
			known.Role, known.Group, known.Sentence, known.Since, b.Role, b.Group, b.Sentence, b.Since)
	}
	known.Source = cmp.Or(known.Source, b.Source)
	known.Spec = cmp.Or(known.Spec, b.Spec)
	for _, fault := range b.Catches {
		if !slices.ContainsFunc(known.Catches, func(f Fault) bool { return f.Name == fault.Name }) {
			known.Catches = append(known.Catches, fault)
		}
	}
	for backend, outcome := range b.Outcomes {
		if _, found := known.Outcomes[backend]; found {
			return invalid("%s was judged twice on %s", b.ID, backend)
		}
		known.Outcomes[backend] = outcome
	}
	return nil
}
