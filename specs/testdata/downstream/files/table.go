package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// table is a directory of records, one file for each.
type table struct {
	handle *Handle
	dir    string
}

// record is a key or a node.
type record struct {
	Name  string
	Value []byte
	End   time.Time // zero for none
}

// endOf returns when a time to live ends that begins now.
func endOf(ttl time.Duration) time.Time {
	return time.Now().Add(time.Duration(coordination.Millis(ttl)) * time.Millisecond)
}

func (t table) file(name string) string { return filepath.Join(t.dir, hash(name)) }

// get returns a record that is live.
func (t table) get(name string) (r record, live bool, err error) { return t.read(t.file(name)) }

func (t table) read(path string) (r record, live bool, err error) {
	// What has ended before it is read has ended; what ends while it is read was
	// live at some time during the call.
	now := time.Now()
	found, err := load(path, &r)
	if err != nil || !found || !r.End.IsZero() && !now.Before(r.End) {
		return record{}, false, err
	}
	r.Value = append([]byte{}, r.Value...) // never nil
	return r, true, nil
}

// set replaces a record. Call it under the lock.
func (t table) set(r record) error { return t.handle.store(t.file(r.Name), r) }

// remove removes a record and says whether it was live.
func (t table) remove(ctx context.Context, name string) (removed bool, err error) {
	err = t.handle.exclusively(ctx, t.handle.done, func() error {
		_, live, err := t.get(name)
		if err != nil {
			return err
		}
		err = os.Remove(t.file(name))
		if errors.Is(err, fs.ErrNotExist) { // also where it is flushed meanwhile
			return nil
		}
		removed = live && err == nil
		return err
	})
	return removed, err
}

// names returns the names of the live records, and removes those that have ended.
func (t table) names(ctx context.Context) ([]string, error) {
	files, err := t.handle.list(ctx, t.dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(files))
	var ended []string
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		path := filepath.Join(t.dir, file)
		r, live, err := t.read(path)
		if err != nil {
			return nil, err
		}
		if live {
			names = append(names, r.Name)
		} else {
			ended = append(ended, path)
		}
	}
	slices.Sort(names)
	return names, t.sweep(ctx, ended)
}

// sweep removes the files of records that have ended, and have not been set again.
func (t table) sweep(ctx context.Context, files []string) error {
	for _, file := range files {
		err := t.handle.exclusively(ctx, t.handle.done, func() error {
			_, live, err := t.read(file)
			if err == nil && !live {
				_ = os.Remove(file) // or it is gone, or stays for another time
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
