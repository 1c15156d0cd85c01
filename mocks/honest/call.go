package honest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// call is one call of a method and the answer to it.
type call struct {
	*witness
	ctx       context.Context
	method    string
	arguments []any
	results   []any

	owed   error // the only error that the call may end with, nil for any or none
	reason string
	by     promise
}

func (c *call) owe(err error, reason string, by promise) {
	c.owed, c.reason, c.by = err, reason, by
}

// failures are the errors of a method beside those that any call can be owed.
type failures struct {
	sentinels []error
	listed    promise // the sentence that lists them
	empty     promise // that which says that nothing comes with them
}

// unavailable is all that most methods have beside those.
var unavailable = []error{coordination.ErrUnavailable}

// succeeded judges an answer by what every method owes. It reports whether the
// answer is a success, so that the results are to be judged too.
func (c *call) succeeded(may failures, err error, results ...any) bool {
	c.t.Helper()
	c.results = slices.Concat(results, []any{err})
	bad := is(c.owed, coordination.ErrInvalidArgument) // which is looked at first
	ended := !bad && is(err, coordination.ErrClosed) && c.wrapped.mayBeOver()
	switch {
	case c.owed == nil && err == nil:
		return true
	case c.owed == nil:
		c.judgeError(may, err, ended)
	case is(err, c.owed):
	case ended:
		// It was closed after the call had begun, and before it looked.
	default:
		c.lie(c.reason, c.by)
	}
	if ended {
		c.wrapped.told.Store(true)
	}
	if err != nil && slices.ContainsFunc(results, isSomething) {
		c.lie("something came along with the error", may.empty)
	}
	return false
}

// judgeError judges the error of a call that need not have failed.
func (c *call) judgeError(may failures, err error, ended bool) {
	c.t.Helper()
	matches := func(sentinel error) bool { return is(err, sentinel) }
	switch {
	case ended, slices.ContainsFunc(may.sentinels, matches), c.contextEndedWith(err):
	case matches(coordination.ErrInvalidArgument):
		c.lie("all arguments are good", invalidArgument)
	case matches(coordination.ErrClosed):
		c.lie("nobody had called Close", closed)
	case matches(context.Canceled), matches(context.DeadlineExceeded):
		c.lie("that is not the error of the context", contextErrors)
	default:
		c.lie("that is not an error of the method", may.listed)
	}
}

// contextEndedWith reports whether err is what the context ends calls with by
// now. A deadline may have passed a moment before the context's timer fires.
func (c *call) contextEndedWith(err error) bool {
	deadline, bounded := c.ctx.Deadline()
	return c.ctx.Err() != nil && is(err, c.ctx.Err()) ||
		bounded && !time.Now().Before(deadline) && is(err, context.DeadlineExceeded)
}

// judgeNames judges a list of keys or of nodes.
func (c *call) judgeNames(names []string, sorted, once promise) {
	c.t.Helper()
	if names == nil {
		c.lie("the slice is nil", sorted)
	}
	for i, name := range names {
		switch {
		case !isName(name):
			c.lie("a name is empty or too long", legalLengths)
		case i > 0 && name == names[i-1]:
			c.lie(show(name)+" is there twice", once)
		case i > 0 && name < names[i-1]:
			c.lie(show(name)+" is out of order", sorted)
		default:
			continue
		}
		return // one is enough of thousands
	}
}

// judgePayload judges a value or metadata, and whether they were found.
func (c *call) judgePayload(payload []byte, found bool, missing, empty promise) {
	c.t.Helper()
	switch {
	case !found && len(payload) > 0:
		c.lie("a value came along although found is false", missing)
	case found && payload == nil:
		c.lie("what was found is nil", empty)
	case len(payload) > coordination.MaxPayloadLen:
		c.lie("it is too long", legalLengths)
	}
}

// lie fails the test.
func (c *call) lie(fault string, broken promise) {
	c.t.Helper()
	c.t.Errorf("honest: %s%s(%s) answered (%s)\n\t%s\n\tpromise: %s", c.of, c.method,
		strings.Join(showAll(c.arguments), ", "), strings.Join(showAll(c.results), ", "), fault, broken)
}

func isName(name string) bool { return coordination.CheckName("", "", name) == nil }

// is is errors.Is, but for errors that panic when they are asked.
func is(err, target error) bool {
	return asked(func() bool { return errors.Is(err, target) })
}

// asked asks an error something that it may be unable to answer, such as a nil
// pointer that was returned for no error; then the answer is no.
func asked(question func() bool) (answer bool) {
	defer func() {
		if recover() != nil {
			answer = false
		}
	}()
	return question()
}

// isSomething reports whether a result is not the zero value of its type.
func isSomething(result any) bool {
	if result == nil {
		return false
	}
	if _, ok := result.(coordination.Subscription); ok {
		return true // also where it holds a nil pointer
	}
	return !reflect.ValueOf(result).IsZero()
}
