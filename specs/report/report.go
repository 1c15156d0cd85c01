// Package report holds what a run of the contract has shown, and writes it for
// people and programs: as JSON, text, Markdown, a page of HTML, and JUnit.
//
// # The JSON schema, version 1
//
// A report is one object. [Report], [Backend], [Behaviour], [Fault] and [Outcome]
// are its objects, and their fields, which say what each holds, its members.
// Members that are not always there are marked "omitempty". [Decode] reads it,
// and ignores members that it does not know: a version of the schema may gain
// members. Whatever would mislead a reader of version 1 gets another version.
//
//	{
//	  "schema": 1,
//	  "contract": "1",
//	  "backends": [{"name": "redis", "version": "Redis 7.0.15"}],
//	  "behaviours": [{
//	    "id": "publish-1",
//	    "since": "1",
//	    "role": "Messaging",
//	    "group": "publishing",
//	    "sentence": "reaches every subscription",
//	    "source": "coordination.Messaging.Publish",
//	    "spec": "specs/publishing.go:20",
//	    "catches": [{"name": "deaf-peer", "does": "delivers on its own handle only"}],
//	    "outcomes": {"redis": {"state": "passed", "seconds": 0.012}}
//	  }]
//	}
package report

import "time"

// Schema is the version of the JSON format that this package reads and writes.
const Schema = 1

// FirstVersion is the version of the contract that had no version before it.
const FirstVersion = "1"

// Report is what one or more runs have shown of the contract. Nothing in this
// package changes a report that it is given, or keeps a reference to it; a report
// may be read by many goroutines at a time.
type Report struct {
	// Schema is the version of the JSON format. Encode writes Schema, whatever
	// stands here.
	Schema int `json:"schema"`

	// Contract is the version of the contract that was judged.
	Contract string `json:"contract"`

	// Backends are those that were judged, each name once, in the order of
	// their columns.
	Backends []Backend `json:"backends"`

	// Behaviours are those of the contract, each id once, in the contract's
	// order, and those that an adapter has of its own.
	Behaviours []Behaviour `json:"behaviours"`
}

// Backend is one adapter over one backend.
type Backend struct {
	// Name tells it from others, as in "redis". It is never empty.
	Name string `json:"name"`

	// Version is what the backend says of itself, as in "Redis 7.0.15", empty
	// where it says nothing.
	Version string `json:"version,omitempty"`

	// Scale is the factor by which the times of the contract were stretched for
	// a slow backend; 0 and 1 both stand for the contract's own times.
	Scale float64 `json:"scale,omitempty"`
}

// Behaviour is one promise of the contract, and what came of it.
type Behaviour struct {
	// ID names the promise for ever, as in "publish-1"; those that an adapter
	// has of its own are led by its name, as in "etcd/1". It consists of ASCII
	// letters, digits and the characters "-", "_", "." and "/".
	ID string `json:"id"`

	// Since is the version of the contract that brought the promise.
	Since string `json:"since"`

	// Role is the part of the port that owes the promise, as in "Messaging".
	Role string `json:"role"`

	// Group is the theme within the role, as in "publishing".
	Group string `json:"group"`

	// Sentence is the promise, in the third person, without its subject and
	// its full stop, as in "reaches every subscription".
	Sentence string `json:"sentence"`

	// Source says where the rule comes from: the documentation of a method of
	// the port, a page of a manual, a paper, perhaps as a URL.
	Source string `json:"source,omitempty"`

	// Spec is where the promise is checked, as in "specs/publishing.go:20".
	Spec string `json:"spec,omitempty"`

	// Catches are the broken adapters that fail this promise.
	Catches []Fault `json:"catches,omitempty"`

	// Outcomes are what came of the promise, by the name of the backend. A
	// backend that is not in it was not asked: the promise is one that another
	// adapter has of its own.
	Outcomes map[string]Outcome `json:"outcomes"`
}

// Fault is a broken adapter: a good one but for one thing.
type Fault struct {
	// Name tells it from others, as in "deaf-peer".
	Name string `json:"name"`

	// Does is what it does wrong, in the third person.
	Does string `json:"does"`
}

// Outcome is what came of a promise on a backend.
type Outcome struct {
	// State is one of the five below.
	State State `json:"state"`

	// Reason says why the promise did not simply pass.
	Reason string `json:"reason,omitempty"`

	// Link leads to more about the reason, such as the backend's own issue.
	Link string `json:"link,omitempty"`

	// Duration is how long the spec took, in real time. It is the JSON member
	// "seconds", a number.
	Duration time.Duration `json:"-"`

	// Timeline tells what each peer did until the promise failed, in lines.
	Timeline string `json:"timeline,omitempty"`
}

// State is what a promise came to, in the words of the report.
type State string

const (
	// Passed means that the backend keeps the promise.
	Passed State = "passed"

	// Failed means that the backend breaks the promise.
	Failed State = "failed"

	// Deviates means that the backend breaks the promise, as its adapter has declared.
	Deviates State = "deviates"

	// NotChecked means that nothing is known, for the subject can't show it.
	NotChecked State = "not checked"

	// Subject is a fault of what the contract was given: the factory, Open or
	// the backend failed, so that nothing is said of the promise.
	Subject State = "subject at fault"
)

// EntryName is the name of the entry in Ginkgo's reports that holds a [Run].
const EntryName = "coordkit"

// Run is what one spec has shown: one behaviour on one backend.
type Run struct {
	// Contract is the version of the contract.
	Contract string `json:"contract"`

	// Backend is the backend that was judged.
	Backend Backend `json:"backend"`

	// Behaviour has one outcome, that on Backend.
	Behaviour Behaviour `json:"behaviour"`
}
