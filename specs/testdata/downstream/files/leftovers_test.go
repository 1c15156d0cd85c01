package files_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"example.com/downstream/files"
	"github.com/riptidecrawler/coordkit/coordination"
)

func open(t *testing.T, path string) *files.Handle {
	t.Helper()
	handle, err := files.New(path).Open(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

func lead(t *testing.T, handle coordination.Leadership) uint64 {
	t.Helper()
	term, acquired, err := handle.TryAcquireLeadership(t.Context(), "node", time.Hour)
	if err != nil || !acquired {
		t.Fatalf("acquiring the leadership: %v, %v", acquired, err)
	}
	return term
}

// What has ended, was taken, or belongs to a handle that is closed takes no
// space on the disk.
func TestNothingIsLeftOnTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir()
		one, other := open(t, path), open(t, path)
		taken, err := other.Subscribe(t.Context(), "news")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Subscribe(t.Context(), "n*"); err != nil { // and never read
			t.Fatal(err)
		}
		go taken.Next(t.Context())
		if acks, err := one.PublishWithAck(t.Context(), "news", []byte("hello"), time.Second); acks != 1 || err != nil {
			t.Errorf("%d acks, %v", acks, err)
		}
		if err := one.Set(t.Context(), "key", []byte("value"), time.Minute); err != nil {
			t.Fatal(err)
		}
		lead(t, one)
		time.Sleep(time.Minute)
		if keys, err := one.Keys(t.Context(), "*"); len(keys) != 0 || err != nil {
			t.Errorf("keys %q, %v", keys, err)
		}
		one.Close()
		other.Close()

		var left []string
		err = filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				left = append(left, entry.Name())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(left)
		if want := []string{"lease", "lock", "term"}; !slices.Equal(left, want) {
			t.Errorf("left are %q, want %q", left, want)
		}
	})
}

func TestTermsGoOnRisingWhereTheDirectoryWasLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lost")
	var last uint64
	for range 3 {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		handle := open(t, path)
		term := lead(t, handle)
		if term <= last {
			t.Errorf("term %d comes after term %d", term, last)
		}
		last = term
		handle.Close()
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}
