package specs

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"time"
)

// errHangs is the error of a call that does not return.
var errHangs = errors.New("has not returned")

// guarded makes a call into code that is not the contract's own, which may
// panic, end its goroutine, or never return.
func guarded(patience time.Duration, name string, call func() error) error {
	_, err := asked(patience, name, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// asked makes such a call for its answer.
func asked[Answer any](patience time.Duration, name string, call func() (Answer, error)) (Answer, error) {
	type ending struct {
		answer Answer
		err    error
	}
	ended := make(chan ending, 1)
	go func() {
		e := ending{err: fmt.Errorf("%s ends its goroutine", name)}
		defer func() {
			if cause := recover(); cause != nil {
				e.err = fmt.Errorf("%s panics: %v\n%s", name, cause, debug.Stack())
			}
			ended <- e
		}()
		e.answer, e.err = call()
	}()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case e := <-ended:
		return e.answer, e.err
	case <-timeout.C:
		var none Answer
		return none, fmt.Errorf("%s %w for %v", name, errHangs, patience)
	}
}

// isNil reports whether an interface holds nothing, or a nil pointer.
func isNil(value any) bool {
	if value == nil {
		return true
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice:
		return v.IsNil()
	default:
		return false
	}
}

// same reports whether two interfaces hold one and the same, where that can be
// told.
func same(one, other any) bool {
	return reflect.TypeOf(one) == reflect.TypeOf(other) && reflect.ValueOf(one).Comparable() && reflect.ValueOf(other).Comparable() && one == other
}
