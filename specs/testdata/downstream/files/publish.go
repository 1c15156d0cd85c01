package files

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// envelope is a message on its way.
type envelope struct {
	Channel string
	Payload []byte
	At      time.Time
	Acks    string // the directory for acknowledgements, in that of the namespace; or none
}

// Publish implements coordination.Messaging.
func (h *Handle) Publish(ctx context.Context, channel string, payload []byte) error {
	const operation = "publish"
	if err := h.admit(ctx, operation,
		coordination.CheckName(operation, "channel", channel),
		coordination.CheckPayload(operation, "payload", payload),
	); err != nil {
		return err
	}
	_, err := h.send(ctx, envelope{channel, payload, time.Now(), ""})
	return h.explain(operation, err)
}

// PublishWithAck implements coordination.Messaging.
func (h *Handle) PublishWithAck(
	ctx context.Context, channel string, payload []byte, timeout time.Duration,
) (int, error) {
	const operation = "publish with ack"
	if err := h.admit(ctx, operation,
		coordination.CheckName(operation, "channel", channel),
		coordination.CheckPayload(operation, "payload", payload),
		coordination.CheckTimeout(operation, timeout),
	); err != nil {
		return 0, err
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	acks := filepath.Join(peersDir, h.id, acksDir, rand.Text())
	expected := filepath.Join(h.space, acks)
	if err := os.Mkdir(expected, ownerOnlyDir); err != nil {
		return 0, h.explain(operation, err)
	}
	inboxes, err := h.send(ctx, envelope{channel, payload, time.Now(), acks})
	if err == nil {
		err = poll(limited, h.done, func() (bool, error) {
			inboxes = slices.DeleteFunc(inboxes, func(inbox string) bool {
				return exists(filepath.Join(expected, filepath.Base(inbox))) || !exists(inbox)
			})
			return len(inboxes) == 0, nil
		})
	}
	count, collectErr := h.collect(expected)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = nil // it was the timeout
	}
	switch {
	case err != nil:
	case collectErr != nil:
		err = collectErr
	case count > 0:
		return count, nil
	case len(inboxes) > 0:
		err = coordination.ErrAckTimeout
	default:
		err = coordination.ErrNoSubscribers
	}
	return 0, h.explain(operation, err)
}

// collect ends the wait for acknowledgements and returns how many there are:
// whoever takes the message from now on can't leave any.
func (h *Handle) collect(acks string) (int, error) {
	retired, err := h.retire(acks)
	if err != nil {
		return 0, err
	}
	takers, err := namesIn(retired)
	if err != nil {
		return 0, err
	}
	return len(takers), os.RemoveAll(retired)
}

// send puts a message into every inbox that is open to it, and returns these.
func (h *Handle) send(ctx context.Context, message envelope) (inboxes []string, err error) {
	err = h.exclusively(ctx, h.done, func() error {
		inboxes, err = h.inboxes(message.Channel)
		if err != nil || len(inboxes) == 0 {
			return err
		}
		written, err := h.write(message)
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(written) }() // the inboxes have names of their own for it
		for _, inbox := range inboxes {
			if err := deliver(written, inbox); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	h.published.add()
	return inboxes, nil
}

// inboxes returns the directories of the subscriptions to a channel, and clears
// away those of processes that have died.
func (h *Handle) inboxes(channel string) (matching []string, err error) {
	peers, err := namesIn(filepath.Join(h.space, peersDir))
	if err != nil {
		return nil, err
	}
	known := make(map[string]string)
	for _, peer := range peers {
		home := filepath.Join(h.space, peersDir, peer)
		dead, err := lock(filepath.Join(home, aliveFile))
		switch {
		case err == nil:
			err = h.discard(home)
			_ = dead.Close()
		case errors.Is(err, syscall.EWOULDBLOCK):
			err = h.readPatterns(filepath.Join(home, inboxesDir), known)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // which is being closed
			return nil, err
		}
	}
	h.patterns = known // and those of subscriptions that are closed are forgotten
	for inbox, pattern := range known {
		if coordination.Match(pattern, channel) {
			matching = append(matching, inbox)
		}
	}
	return matching, nil
}

// readPatterns adds the patterns of a peer's subscriptions to those that are
// known. A pattern never changes, and is read once.
func (h *Handle) readPatterns(dir string, known map[string]string) error {
	ids, err := namesIn(dir)
	if err != nil {
		return err
	}
	for _, id := range ids {
		inbox := filepath.Join(dir, id)
		pattern, found := h.patterns[inbox]
		if !found {
			content, err := os.ReadFile(filepath.Join(inbox, patternFile))
			if errors.Is(err, fs.ErrNotExist) {
				continue // it is being closed
			}
			if err != nil {
				return err
			}
			pattern = string(content)
		}
		known[inbox] = pattern
	}
	return nil
}

// deliver puts a message at the end of an inbox and drops the one that is then
// too many, where it was not taken. A process that dies in between leaves a
// number without a message, which the subscription takes for lost.
func deliver(written, inbox string) error {
	tail, err := tailOf(inbox)
	if err != nil {
		return err
	}
	if err := setTail(inbox, tail+1); err != nil {
		return err
	}
	if err := os.Link(written, numbered(inbox, tail)); err != nil {
		return err
	}
	if tail < Buffer {
		return nil
	}
	return os.Remove(numbered(inbox, tail-Buffer))
}

// tailOf returns the number of the next message that will come into an inbox. It
// is the length of a file in which nothing is written: a length changes at once,
// and costs neither a block on the disk nor a file that is moved into place.
func tailOf(inbox string) (int64, error) {
	tail, err := os.Stat(filepath.Join(inbox, tailFile))
	if err != nil {
		return 0, err
	}
	return tail.Size(), nil
}

func setTail(inbox string, number int64) error {
	return os.Truncate(filepath.Join(inbox, tailFile), number)
}

func numbered(inbox string, number int64) string {
	return filepath.Join(inbox, strconv.FormatInt(number, 10))
}
