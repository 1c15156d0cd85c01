package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// ErrInvalid is the error of a report that contradicts itself or the schema.
var ErrInvalid = errors.New("not a valid report")

// Decode reads a report in JSON, and nothing may follow it. It gives ErrInvalid
// where the schema is another, a state is unknown, a name or an id is missing or
// stands twice, or an outcome is of a backend that the report does not have.
func Decode(from io.Reader) (*Report, error) {
	encoded, err := io.ReadAll(from)
	if err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	var version struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(encoded, &version); err != nil {
		return nil, invalid("%w", err)
	}
	if version.Schema == nil {
		return nil, invalid("it has no schema")
	}
	if *version.Schema != Schema {
		return nil, invalid("its schema is %d, and this program reads %d", *version.Schema, Schema)
	}
	r := &Report{}
	if err := json.Unmarshal(encoded, r); err != nil {
		return nil, invalid("%w", err)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// Encode writes the report as indented JSON, in which equal reports are equal
// bytes. It gives ErrInvalid for what Decode would not read.
func (r *Report) Encode(to io.Writer) error {
	if err := r.check(); err != nil {
		return err
	}
	whole := Report{Schema, r.Contract, append([]Backend{}, r.Backends...), append([]Behaviour{}, r.Behaviours...)}
	for i := range whole.Behaviours {
		if whole.Behaviours[i].Outcomes == nil {
			whole.Behaviours[i].Outcomes = map[string]Outcome{}
		}
	}
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(whole); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	return nil
}

// fields are those of an outcome without its methods.
type fields Outcome

// written is an outcome as it stands in JSON.
type written struct {
	fields
	Seconds float64 `json:"seconds"`
}

// MarshalJSON writes the duration in seconds.
func (o Outcome) MarshalJSON() ([]byte, error) {
	return json.Marshal(written{fields(o), o.Duration.Seconds()})
}

// UnmarshalJSON reads the duration in seconds, to the nanosecond.
func (o *Outcome) UnmarshalJSON(encoded []byte) error {
	w := written{}
	if err := json.Unmarshal(encoded, &w); err != nil {
		return err
	}
	nanoseconds := math.Round(w.Seconds * 1e9)
	if nanoseconds < 0 || nanoseconds >= math.MaxInt64 {
		return fmt.Errorf("an outcome took %g seconds", w.Seconds)
	}
	*o = Outcome(w.fields)
	o.Duration = time.Duration(nanoseconds)
	return nil
}

// check returns ErrInvalid where the report contradicts itself.
func (r *Report) check() error {
	backends := map[string]bool{}
	for _, backend := range r.Backends {
		switch {
		case backend.Name == "":
			return invalid("a backend has no name")
		case backends[backend.Name]:
			return invalid("the backend %q stands twice", backend.Name)
		}
		backends[backend.Name] = true
	}
	ids := map[string]bool{}
	for _, b := range r.Behaviours {
		switch {
		case b.ID == "":
			return invalid("the behaviour %q has no id", b.Sentence)
		case !ValidID(b.ID):
			return invalid("the id %q has other characters than letters, digits and -_./", b.ID)
		case ids[b.ID]:
			return invalid("the behaviour %q stands twice", b.ID)
		}
		ids[b.ID] = true
		for backend, outcome := range b.Outcomes {
			switch {
			case !backends[backend]:
				return invalid("%s has an outcome on %q, which is not among the backends", b.ID, backend)
			case !outcome.State.known():
				return invalid("%s on %s came to %q, which is no state", b.ID, backend, outcome.State)
			}
		}
	}
	return nil
}

// ValidID reports whether a behaviour can have the id: one or more ASCII letters,
// digits and the characters "-", "_", "." and "/".
func ValidID(id string) bool { return id != "" && strings.Trim(id, idCharacters) == "" }

const idCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"

func (s State) known() bool {
	switch s {
	case Passed, Failed, Deviates, NotChecked, Subject:
		return true
	}
	return false
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}
