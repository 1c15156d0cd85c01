package honest

import "sync/atomic"

// life is what is known of the end of a handle or of a subscription. The zero
// life is that of a handle whose Close nobody sees.
type life struct {
	handle  *life // of a subscription, where its handle is known
	watched bool  // Close is called through the wrapper, and nowhere else

	closing atomic.Bool // Close was called
	closed  atomic.Bool // Close has returned
	told    atomic.Bool // an answer said that it was closed
}

// isOver reports whether a call that begins now comes too late. That a handle
// told one caller so says nothing yet of its subscriptions, which are perhaps
// being closed one by one.
func (l *life) isOver() bool {
	return l.closed.Load() || l.told.Load() || l.handle != nil && l.handle.closed.Load()
}

// mayBeOver reports whether it may have been closed by now.
func (l *life) mayBeOver() bool {
	return !l.watched || l.closing.Load() || l.handle != nil && l.handle.closing.Load()
}

// promise says what comes after the end.
func (l *life) promise() promise {
	if l.handle != nil {
		return nothingAfterClose
	}
	return afterClose
}
