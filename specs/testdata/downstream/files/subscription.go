package files

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// subscription reads an inbox. Others fill it, and keep it from overflowing.
type subscription struct {
	handle  *Handle
	id      string
	pattern string
	inbox   string

	closing sync.Once
	done    chan struct{} // closed by Close
	turn    chan struct{} // filled by the Next whose turn it is
	next    int64         // the number of the next message; belongs to that Next
}

// Subscribe implements coordination.Messaging.
func (h *Handle) Subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	const operation = "subscribe"
	if err := h.admit(ctx, operation, coordination.CheckName(operation, "pattern", pattern)); err != nil {
		return nil, err
	}
	s := &subscription{
		handle:  h,
		id:      rand.Text(),
		pattern: pattern,
		done:    make(chan struct{}),
		turn:    make(chan struct{}, 1),
	}
	s.inbox = filepath.Join(h.home, inboxesDir, s.id)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open == nil {
		return nil, fmt.Errorf("%s: %w", operation, coordination.ErrClosed)
	}
	if err := s.begin(); err != nil {
		return nil, h.explain(operation, err)
	}
	h.open[s] = struct{}{}
	return s, nil
}

// begin makes the inbox, and moves it to where publishers see it.
func (s *subscription) begin() error {
	inbox := filepath.Join(s.handle.home, newDir, s.id)
	if err := os.Mkdir(inbox, ownerOnlyDir); err != nil {
		return err
	}
	err := os.WriteFile(filepath.Join(inbox, patternFile), []byte(s.pattern), ownerOnly)
	if err == nil {
		err = os.WriteFile(filepath.Join(inbox, tailFile), nil, ownerOnly)
	}
	if err == nil {
		err = os.Rename(inbox, s.inbox)
	}
	if err != nil {
		_ = os.RemoveAll(inbox)
	}
	return err
}

// Close implements coordination.Subscription.
func (s *subscription) Close() error {
	s.closing.Do(func() {
		close(s.done)
		s.handle.mu.Lock()
		delete(s.handle.open, s) // which may be nil
		s.handle.mu.Unlock()
		_ = s.handle.discard(s.inbox) // where it can't, publishers go on filling it up to Buffer
	})
	return nil
}

// Next implements coordination.Subscription.
func (s *subscription) Next(ctx context.Context) (message coordination.Message, err error) {
	const operation = "next"
	if err := coordination.CheckContext(operation, ctx); err != nil {
		return message, err
	}
	if err := s.takeTurn(ctx); err != nil {
		return message, fmt.Errorf("%s: %w", operation, err)
	}
	defer func() { <-s.turn }()
	err = poll(ctx, s.done, func() (found bool, err error) {
		if err := over(ctx, s.done); err != nil {
			return false, err
		}
		message, found, err = s.take(ctx)
		if err != nil && !errors.Is(err, coordination.ErrMessagesLost) {
			return false, nil // the directory is out of reach, for now
		}
		return found, err
	})
	if err != nil && !errors.Is(err, coordination.ErrMessagesLost) {
		return message, fmt.Errorf("%s: %w", operation, err)
	}
	return message, err
}

func (s *subscription) takeTurn(ctx context.Context) error {
	if err := over(ctx, s.done); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-s.done:
		return coordination.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take takes the next message, if it is there. It is taken where its file is
// moved away: by one rename into the directory of the acknowledgements, where
// there is one, so that it is taken and acknowledged at once or not at all.
func (s *subscription) take(ctx context.Context) (message coordination.Message, found bool, err error) {
	path := numbered(s.inbox, s.next)
	var received envelope
	found, err = load(path, &received)
	if err != nil {
		return message, false, err
	}
	if !found {
		return message, false, s.skip(ctx)
	}
	if received.Acks == "" || os.Rename(path, filepath.Join(s.handle.space, received.Acks, s.id)) != nil {
		if os.Remove(path) != nil {
			return message, false, s.skip(ctx) // it was dropped just now
		}
	}
	s.next++
	s.handle.received.add()
	if received.At.After(time.Now()) {
		received.At = time.Time{}
	}
	return coordination.Message{
		Channel:   received.Channel,
		Pattern:   s.pattern,
		Payload:   append([]byte{}, received.Payload...), // never nil
		Timestamp: received.At,
	}, true, nil
}

// skip goes on to the next message that is still there, and tells how many are
// not.
func (s *subscription) skip(ctx context.Context) error {
	tail, err := tailOf(s.inbox)
	if err != nil || tail <= s.next {
		return err
	}
	var lost int64
	err = s.handle.exclusively(ctx, s.done, func() error {
		tail, err := tailOf(s.inbox)
		if err != nil {
			return err
		}
		first := s.next
		if tail > Buffer {
			first = max(first, tail-Buffer)
		}
		for first < tail && !exists(numbered(s.inbox, first)) {
			first++
		}
		lost = first - s.next
		s.next = first
		return nil
	})
	if err == nil && lost > 0 {
		err = &coordination.MessagesLostError{Count: int(lost)}
	}
	return err
}
