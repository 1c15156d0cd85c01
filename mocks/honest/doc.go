// Package honest lets a test fail that tells a mock to answer what no adapter
// may. Each constructor wraps a mock, or any other implementation of the port
// or of one role, and passes every call through; where the answer is one that
// the contract does not allow, the test fails with the call, the answer and the
// sentence that it breaks, word for word from the documentation of package
// coordination or from specs/CONTRACT.md.
//
//	func TestReload(t *testing.T) {
//		store := mocks.NewMockKeyStore(gomock.NewController(t))
//		store.EXPECT().Get(gomock.Any(), "motd").Return([]byte("hello"), false, nil)
//		reload(t.Context(), honest.KeyStore(t, store))
//		...
//	}
//
//	honest: Get(ctx, "motd") answered ("hello", false, nil)
//		a value came along although found is false
//		promise: Get returns the value of key, and whether it is there.
//
// The code under test gets what the constructor returns; the test keeps the
// mock, for what it expects. The answer is returned as it was given, a lie
// included, so that the test goes on; only a subscription is wrapped in turn.
//
// # What it judges
//
// What one handle can know. Which errors a method may return, and which one it
// owes to a bad argument, a handle or a subscription that was closed, and a
// context that is done; that nothing comes with an error; how results fit the
// arguments and one another; and how an answer fits those before it: after
// ErrClosed only ErrClosed, and terms that never fall, nor outlive their lease.
//
// An answer that some honest adapter could give in some circumstance passes.
// Other handles may write, delete and lead meanwhile, and no text of an error
// and no length of time is judged: a mock may answer with a bare sentinel, and
// with ErrAckTimeout at once.
//
// What was not seen is taken for what was not done: a candidate that has tried
// for no lease can't release one. Wrap a handle once, before its first use, and
// make all calls through the wrapper. [Coordination] sees Close too, so that
// before it ErrClosed is a lie, from the handle's subscriptions as well; the
// wrapper of a role believes that the handle was closed elsewhere.
//
// All wrappers are safe for concurrent use. A panic of what is wrapped passes
// through, and so does the end of the goroutine with which gomock answers a
// call that it does not expect.
package honest
