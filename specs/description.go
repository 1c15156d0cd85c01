package specs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// describe asks a subject for its timing scale and for the deviation that it
// declares from a behaviour, if any.
func (j *judge) describe(subject Subject, id string) (scale float64, declared *Deviation, err error) {
	if scale, err = j.scaleOf(subject); err != nil {
		return 1, nil, err
	}
	declared, err = j.deviationOf(subject, id)
	return scale, declared, err
}

// scaleOf returns by how much the subject's times are stretched.
func (j *judge) scaleOf(subject Subject) (float64, error) {
	scaled, ok := subject.(Scaled)
	if !ok {
		return 1, nil
	}
	scale, err := asked(j.patience, "TimingScale", func() (float64, error) { return scaled.TimingScale(), nil })
	const most = 100
	if err == nil && (!(scale >= 1) || scale > most) { // or it is not a number
		err = fmt.Errorf("TimingScale returns %v, and must return 1 to %d", scale, most)
	}
	return scale, err
}

// deviationOf returns the deviation from a behaviour, and an error where what is
// declared can't be meant so.
func (j *judge) deviationOf(subject Subject, id string) (found *Deviation, err error) {
	deviant, ok := subject.(Deviant)
	if !ok {
		return nil, nil
	}
	all, err := asked(j.patience, "Deviations", func() ([]Deviation, error) { return deviant.Deviations(), nil })
	if err != nil {
		return nil, err
	}
	for i, d := range all {
		same := func(other Deviation) bool { return other.Behaviour == d.Behaviour }
		switch {
		case !slices.ContainsFunc(j.behaviours, func(b behaviour) bool { return b.ID == d.Behaviour }):
			return nil, fmt.Errorf("the subject deviates from %q, and there is no behaviour of that name", d.Behaviour)
		case strings.TrimSpace(d.Reason) == "":
			return nil, fmt.Errorf("the subject deviates from %q and gives no reason", d.Behaviour)
		case slices.ContainsFunc(all[:i], same):
			return nil, fmt.Errorf("the subject deviates from %q twice", d.Behaviour)
		case d.Behaviour == id:
			found = &all[i]
		}
	}
	return found, nil
}

// askVersion asks for the version of the backend until it is known. One that
// can't tell is asked again, and one that does not answer is not.
func (j *judge) askVersion(ctx context.Context, subject Subject, patience time.Duration) {
	versioned, ok := subject.(Versioned)
	if !ok || j.version != "" || j.mute {
		return
	}
	version, err := asked(patience, "Version", func() (string, error) { return versioned.Version(ctx) })
	j.mute = errors.Is(err, errHangs)
	if err == nil {
		j.version = version
	}
}
