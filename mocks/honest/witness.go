package honest

import (
	"context"
	"reflect"

	"github.com/riptidecrawler/coordkit/coordination"
)

// T is what the wrappers need of a test. A *testing.T is one, and so is what
// Ginkgo's GinkgoT returns. It is used while a call lasts and no longer, by as
// many goroutines as make calls.
type T interface {
	Helper()
	// Errorf fails the test, which goes on.
	Errorf(format string, args ...any)
	// Fatalf fails the test and ends it.
	Fatalf(format string, args ...any)
}

// witness sees the calls of a handle, or of one of its subscriptions.
type witness struct {
	t       T
	of      string // what the methods belong to, where that is not the handle
	wrapped life
}

// begin notes what a call owes before it is made: for bad arguments, which are
// those that do not pass the checks, for what was closed and for a context that
// is done, in the order that the port prescribes.
func (w *witness) begin(ctx context.Context, method string, arguments []any, checks ...error) *call {
	c := &call{witness: w, ctx: ctx, method: method, arguments: append([]any{ctx}, arguments...)}
	checks = append([]error{coordination.CheckContext(method, ctx)}, checks...)
	for _, bad := range checks {
		if bad != nil {
			c.owe(coordination.ErrInvalidArgument, "an argument is bad ("+bad.Error()+")", badArgument)
			return c
		}
	}
	if w.wrapped.isOver() {
		c.owe(coordination.ErrClosed, "it had been closed before the call", w.wrapped.promise())
	} else if err := ctx.Err(); err != nil {
		c.owe(err, "the context was done before the call", contextDone)
	}
	return c
}

// exists refuses to wrap nothing, which would fail far from its cause.
func exists(t T, constructor string, wrapped any) bool {
	t.Helper()
	switch {
	case wrapped == nil:
		t.Fatalf("honest.%s: there is nothing to wrap, but nil", constructor)
	case isNil(wrapped):
		t.Fatalf("honest.%s: there is nothing to wrap, but a nil %T", constructor, wrapped)
	default:
		return true
	}
	return false
}

// isNil reports whether an interface that is not nil holds what is: a pointer,
// or another kind of thing that is of no use then.
func isNil(value any) bool {
	switch held := reflect.ValueOf(value); held.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Slice, reflect.Chan:
		return held.IsNil()
	default:
		return false
	}
}
