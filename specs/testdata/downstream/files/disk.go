package files

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/gob"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// How soon whoever waits looks again, at first and later.
const (
	soon = 100 * time.Microsecond
	late = 10 * time.Millisecond
)

// poll looks until there is an answer, ctx is done or done is closed.
func poll(ctx context.Context, done <-chan struct{}, look func() (answered bool, err error)) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := soon; ; pause = min(2*pause, late) {
		if answered, err := look(); answered || err != nil {
			return err
		}
		timer.Reset(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
			return coordination.ErrClosed
		}
	}
}

// exclusively makes a change while nobody else changes anything, as soon as that
// is so. Within the process all come to their turn; among processes, whoever
// looks at the right time.
func (d *Directory) exclusively(ctx context.Context, done <-chan struct{}, change func() error) error {
	select {
	case d.queue <- struct{}{}:
		defer func() { <-d.queue }()
	case <-ctx.Done():
		return ctx.Err()
	case <-done:
		return coordination.ErrClosed
	}
	return poll(ctx, done, func() (bool, error) {
		held, err := lock(filepath.Join(d.path, lockFile))
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return true, errors.Join(change(), held.Close())
	})
}

// lock locks a file, which it makes where it is missing, until it is closed or
// the process ends. Where another has it the error is EWOULDBLOCK.
func lock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, ownerOnly)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			_ = file.Close() // nothing was written
			return nil, err
		}
		return file, nil
	}
}

// load reads a file that store has written, and says whether it is there. A
// file is missing only where its directory is not.
func load(path string, value any) (found bool, err error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat(filepath.Dir(path))
		return false, err
	}
	if err != nil {
		return false, err
	}
	return true, gob.NewDecoder(bytes.NewReader(content)).Decode(value)
}

// store replaces a file as a whole.
func (h *Handle) store(path string, value any) error {
	written, err := h.write(value)
	if err != nil {
		return err
	}
	if err := os.Rename(written, path); err != nil {
		_ = os.Remove(written)
		return err
	}
	return nil
}

// write writes a file that is yet to be put in place.
func (h *Handle) write(value any) (path string, err error) {
	var content bytes.Buffer
	if err := gob.NewEncoder(&content).Encode(value); err != nil {
		return "", err
	}
	path = filepath.Join(h.home, newDir, rand.Text())
	if err := os.WriteFile(path, content.Bytes(), ownerOnly); err != nil {
		_ = os.Remove(path)
		return "", err
	}
	return path, nil
}

// retire takes a directory out of everybody's sight at once, and returns where
// it is now.
func (h *Handle) retire(path string) (string, error) {
	retired := filepath.Join(h.space, goneDir, rand.Text())
	return retired, os.Rename(path, retired)
}

// discard removes a directory, at once in the eyes of others.
func (h *Handle) discard(path string) error {
	retired, err := h.retire(path)
	if err != nil {
		return err
	}
	return os.RemoveAll(retired)
}

// list returns the names of the files in a directory. It does so under the lock,
// as some file systems do not list a file that is replaced meanwhile.
func (h *Handle) list(ctx context.Context, dir string) (names []string, err error) {
	err = h.exclusively(ctx, h.done, func() error {
		names, err = namesIn(dir)
		return err
	})
	return names, err
}

// namesIn returns the names of the files in a directory, in no order.
func namesIn(dir string) ([]string, error) {
	directory, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	names, err := directory.Readdirnames(-1)
	return names, errors.Join(err, directory.Close())
}

// clear removes all that is in a directory, in steps.
func (h *Handle) clear(ctx context.Context, dir string) error {
	names, err := h.list(ctx, dir)
	for _, name := range names {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = os.RemoveAll(filepath.Join(dir, name))
		}
	}
	return err
}

// makeDirs makes a directory and those in it, where they are missing.
func makeDirs(dir string, names ...string) error {
	for _, name := range append([]string{"."}, names...) {
		err := os.Mkdir(filepath.Join(dir, name), ownerOnlyDir)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// exists reports whether a file is there, as far as can be told.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
