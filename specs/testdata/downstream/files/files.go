// Package files implements the coordination port in a directory: a toy, but one
// that keeps every promise, for processes on one machine that share a disk and
// nothing else. Two handles on one directory and namespace are peers, whether
// they are in one process or in several.
//
// Whatever changes anything holds the directory's lock, a file under flock(2),
// and puts files in place by renaming them, so that nobody reads half of one.
// The kernel frees the locks of a process that dies: its subscriptions are then
// cleared away by the next publisher. The package needs flock, thus a Unix, and
// a file system of the machine's own: not NFS.
//
// Whoever waits looks again every few milliseconds, which is what makes it a
// toy: a subscription that is read costs some hundred system calls a second,
// and a message arrives up to 10 ms late. Nothing is synced to the disk, so
// that a power failure may take the newest changes. Times to live are those of
// the machine's wall clock. While the directory can't be reached, as on a disk
// that is not mounted, Next waits and the other methods give ErrUnavailable; it
// then goes on as if nothing had happened, since nothing has. Handles on one
// that was emptied meanwhile must be closed.
package files

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/riptidecrawler/coordkit/coordination"
)

// Buffer is how many messages a subscription holds for a slow reader before it
// drops the oldest.
const Buffer = 1024

// Directory is a directory as a backend. Use [New]. Several on the same path,
// in one process or in several, are the same backend. It is safe for concurrent
// use.
type Directory struct {
	path  string
	queue chan struct{} // filled by whoever in this process may take the lock
}

// New returns a directory, which must exist.
func New(path string) *Directory { return &Directory{path, make(chan struct{}, 1)} }

// Handle is an open handle. Use [Directory.Open]. It has no goroutines.
type Handle struct {
	*Directory
	namespace string
	id        string
	space     string // the directory of the namespace, see below
	home      string // that of this handle

	keys, nodes         table
	published, received rate

	closing sync.Once
	done    chan struct{} // closed by Close
	alive   *os.File      // its lock tells that this handle is open

	patterns map[string]string // by inbox, those known so far; belongs to whoever holds the lock

	mu   sync.Mutex                 // guards what follows
	open map[*subscription]struct{} // nil after Close
}

var _ coordination.DistributedCoordination = (*Handle)(nil)

// A directory holds lock, which whoever changes anything holds, and for each
// namespace a directory, named by a hash, with these files:
//
//	keys/, nodes/                           one for each, named by a hash
//	lease, term                             who leads; the last term, which is never removed
//	peers/<handle>/alive                    locked while the handle is open
//	peers/<handle>/new/                     what is being written
//	peers/<handle>/acks/                    a directory for each message that waits for them
//	peers/<handle>/inboxes/<id>/pattern     that of a subscription
//	peers/<handle>/inboxes/<id>/tail        as long as the number of the next message
//	peers/<handle>/inboxes/<id>/<number>    a message
//	gone/                                   what is being removed
const (
	lockFile, leaseFile, termFile                = "lock", "lease", "term"
	aliveFile, patternFile, tailFile             = "alive", "pattern", "tail"
	keysDir, nodesDir                            = "keys", "nodes"
	peersDir, goneDir                            = "peers", "gone"
	newDir, acksDir, inboxesDir                  = "new", "acks", "inboxes"
	ownerOnlyDir, ownerOnly          os.FileMode = 0o700, 0o600
)

// Open opens a handle in a namespace of any 1 to coordination.MaxNameLen bytes.
// ctx bounds the call only. The caller must call Close.
//
// Errors: ErrInvalidArgument, ErrUnavailable where the directory is missing or
// can't be written to,
// ctx.Err().
func (d *Directory) Open(ctx context.Context, namespace string) (*Handle, error) {
	const operation = "open"
	space, id := filepath.Join(d.path, hash(namespace)), rand.Text()
	h := &Handle{
		Directory: d,
		namespace: namespace,
		id:        id,
		space:     space,
		home:      filepath.Join(space, peersDir, id),
		done:      make(chan struct{}),
		open:      make(map[*subscription]struct{}),
	}
	h.keys = table{h, filepath.Join(space, keysDir)}
	h.nodes = table{h, filepath.Join(space, nodesDir)}
	if err := h.admit(ctx, operation, coordination.CheckName(operation, "namespace", namespace)); err != nil {
		return nil, err
	}
	if err := makeDirs(space, keysDir, nodesDir, peersDir, goneDir); err != nil {
		return nil, h.explain(operation, err)
	}
	// Under the lock nobody takes the handle for dead before it lives.
	if err := h.exclusively(ctx, h.done, h.settle); err != nil {
		return nil, h.explain(operation, err)
	}
	// What handles have left that were killed while they removed it.
	if err := h.clear(ctx, filepath.Join(space, goneDir)); err != nil {
		return nil, errors.Join(h.explain(operation, err), h.Close())
	}
	return h, nil
}

// settle makes the handle's own directory.
func (h *Handle) settle() (err error) {
	if err := makeDirs(h.home, newDir, acksDir, inboxesDir); err != nil {
		return err
	}
	h.alive, err = lock(filepath.Join(h.home, aliveFile))
	return err
}

// Close implements coordination.DistributedCoordination.
func (h *Handle) Close() error {
	h.closing.Do(func() {
		close(h.done)
		h.mu.Lock()
		open := h.open
		h.open = nil
		h.mu.Unlock()
		for s := range open {
			_ = s.Close() // always nil
		}
		_ = h.discard(h.home) // where it can't, the next publisher does
		_ = h.alive.Close()
	})
	return nil
}

// admit makes the checks with which every method begins.
func (h *Handle) admit(ctx context.Context, operation string, arguments ...error) error {
	if err := cmp.Or(append(arguments, coordination.CheckContext(operation, ctx))...); err != nil {
		return err
	}
	if err := over(ctx, h.done); err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}

// over returns why a call has to end, if it has to.
func over(ctx context.Context, done <-chan struct{}) error {
	if isDone(done) {
		return coordination.ErrClosed
	}
	return ctx.Err()
}

func isDone(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// answers are errors that are no failure of the file system.
var answers = []error{
	context.Canceled, context.DeadlineExceeded,
	coordination.ErrClosed, coordination.ErrNotRegistered,
	coordination.ErrNoSubscribers, coordination.ErrAckTimeout,
}

// explain makes of whatever has gone wrong the error that the port asks for.
func (h *Handle) explain(operation string, err error) error {
	if err == nil {
		return nil
	}
	for _, answer := range answers {
		if errors.Is(err, answer) {
			return fmt.Errorf("%s: %w", operation, err)
		}
	}
	if isDone(h.done) { // and so its directory is gone
		return fmt.Errorf("%s: %w", operation, coordination.ErrClosed)
	}
	return fmt.Errorf("%s: %w: %w", operation, coordination.ErrUnavailable, err)
}

// hash makes a file name of any bytes.
func hash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}
