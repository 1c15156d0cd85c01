package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/onsi/ginkgo/v2/types"
)

// contract is what a run has shown of each behaviour.
type contract struct {
	backends   []string
	behaviours []*behaviour
	dry        bool // nothing was run
}

// behaviour is one sentence, and what came of it on each backend.
type behaviour struct {
	role, group, sentence string
	place                 []types.CodeLocation // of the containers and the spec
	outcomes              map[string]outcome
}

// outcome is one of the states below, with a reason where there is one.
type outcome struct {
	state  state
	reason string
}

type state string

const (
	passed     state = "passed"
	failed     state = "FAILED"
	deviates   state = "deviates"
	notChecked state = "not checked"
)

// read collects the behaviours from the specs that contract.go registers: below
// a container for the backend, one for the role, and one for the group.
func read(reports []types.Report) *contract {
	c := &contract{}
	known := map[string]*behaviour{}
	for _, report := range reports {
		c.dry = c.dry || report.SuiteConfig.DryRun
		for _, spec := range report.SpecReports {
			path := spec.ContainerHierarchyTexts
			if spec.LeafNodeType != types.NodeTypeIt || len(path) != 3 {
				continue
			}
			backend := path[0]
			if !slices.Contains(c.backends, backend) {
				c.backends = append(c.backends, backend)
			}
			key := strings.Join(append(path[1:], spec.LeafNodeText), "\x00")
			b := known[key]
			if b == nil {
				b = &behaviour{role: path[1], group: path[2], sentence: spec.LeafNodeText, outcomes: map[string]outcome{}}
				b.place = append(slices.Clone(spec.ContainerHierarchyLocations[1:]), spec.LeafNodeLocation)
				known[key] = b
				c.behaviours = append(c.behaviours, b)
			}
			b.outcomes[backend] = outcomeOf(spec)
		}
	}
	slices.Sort(c.backends)
	slices.SortFunc(c.behaviours, compare)
	return c
}

// compare puts behaviours into the order in which they are declared; those that
// a loop declares stand in one place.
func compare(a, b *behaviour) int {
	for i := range a.place {
		if order := cmp.Or(cmp.Compare(a.place[i].FileName, b.place[i].FileName), cmp.Compare(a.place[i].LineNumber, b.place[i].LineNumber)); order != 0 {
			return order
		}
	}
	return cmp.Compare(a.sentence, b.sentence)
}

func outcomeOf(spec types.SpecReport) outcome {
	message := spec.Failure.Message
	switch {
	case spec.State == types.SpecStatePassed:
		return outcome{state: passed}
	case spec.State == types.SpecStateSkipped && strings.HasPrefix(message, "deviates: "):
		return outcome{deviates, strings.TrimPrefix(message, "deviates: ")}
	case spec.State == types.SpecStateSkipped && strings.HasPrefix(message, "not checked: "):
		return outcome{notChecked, strings.TrimPrefix(message, "not checked: ")}
	case spec.State == types.SpecStateSkipped, spec.State == types.SpecStatePending:
		return outcome{notChecked, cmp.Or(message, "left out of this run")}
	default:
		return outcome{failed, message}
	}
}

// complete reports whether the run says all that the file does: no backend was
// left out as a whole, and nothing failed.
func (c *contract) complete() bool {
	for _, backend := range c.backends {
		if c.missing(backend) != "" {
			return false
		}
	}
	for _, b := range c.behaviours {
		for _, o := range b.outcomes {
			if o.state == failed {
				return false
			}
		}
	}
	return !c.dry
}

// missing returns why nothing was checked on a backend, "" where something was.
func (c *contract) missing(backend string) (reason string) {
	for _, b := range c.behaviours {
		o, found := b.outcomes[backend]
		if found && o.state != notChecked {
			return ""
		}
		reason = cmp.Or(reason, o.reason)
	}
	return cmp.Or(reason, "nothing was run")
}
