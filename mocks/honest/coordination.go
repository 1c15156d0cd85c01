package honest

import (
	"io"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Coordination wraps a mock of the whole port, and the subscriptions that its
// Subscribe returns. It knows whether the handle was closed, which must be done
// through the wrapper.
func Coordination(t T, mock coordination.DistributedCoordination) coordination.DistributedCoordination {
	t.Helper()
	if !exists(t, "Coordination", mock) {
		return nil
	}
	w := &witness{t: t}
	w.wrapped.watched = true
	return &handle{
		Messaging:   &messaging{w, mock},
		KeyStore:    &keyStore{w, mock},
		Membership:  &membership{w, mock},
		Leadership:  newLeadership(w, mock),
		Diagnostics: &diagnostics{w, mock},
		witness:     w,
		mock:        mock,
	}
}

// handle is all roles with one witness.
type handle struct {
	coordination.Messaging
	coordination.KeyStore
	coordination.Membership
	coordination.Leadership
	coordination.Diagnostics
	witness *witness
	mock    io.Closer
}

func (h *handle) Close() error {
	w := h.witness
	w.t.Helper()
	again := w.wrapped.closed.Load()
	w.wrapped.closing.Store(true)
	err := h.mock.Close()
	w.wrapped.closed.Store(true)
	if again && err != nil {
		c := call{witness: w, method: "Close", results: []any{err}}
		c.lie("it had been closed before", closedAgain)
	}
	return err
}
