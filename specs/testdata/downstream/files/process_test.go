package files_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"example.com/downstream/files"
	"github.com/riptidecrawler/coordkit/coordination"
)

// The contract has its peers in one process. These tests have them in several:
// the test binary is started again, and is then the peer that directory and part
// name.
const directory, part = "FILES_TEST_DIRECTORY", "FILES_TEST_PART"

func TestMain(m *testing.M) {
	play, ok := parts[os.Getenv(part)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := play(context.Background(), os.Getenv(directory)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// parts are what a peer can do in a process of its own. It tells by lines of its
// standard output.
var parts = map[string]func(ctx context.Context, path string) error{
	"listen": func(ctx context.Context, path string) error {
		handle, err := files.New(path).Open(ctx, "test")
		if err != nil {
			return err
		}
		subscription, err := handle.Subscribe(ctx, "n*")
		if err != nil {
			return err
		}
		fmt.Println("listening")
		for message, err := range coordination.Messages(ctx, subscription) {
			if err != nil {
				return err
			}
			fmt.Printf("%s\n", message.Payload)
		}
		return nil
	},
	"lead": func(ctx context.Context, path string) error {
		handle, err := files.New(path).Open(ctx, "test")
		if err != nil {
			return err
		}
		defer handle.Close()
		for led := 0; led < turns; {
			term, acquired, err := handle.TryAcquireLeadership(ctx, "node", time.Hour)
			if err != nil {
				return err
			}
			if !acquired {
				continue
			}
			led++
			fmt.Println(term)
			if released, err := handle.ReleaseLeadership(ctx, "node"); err != nil || !released {
				return fmt.Errorf("releasing: %v, %w", released, err)
			}
		}
		return nil
	},
}

const turns = 50

// start starts a peer, which is killed in the end if it does not end by itself.
func start(t *testing.T, path, name string) (peer *exec.Cmd, told *bufio.Scanner) {
	t.Helper()
	peer = exec.CommandContext(t.Context(), os.Args[0])
	peer.Env = append(os.Environ(), directory+"="+path, part+"="+name)
	peer.Stderr = os.Stderr
	output, err := peer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := peer.Start(); err != nil {
		t.Fatal(err)
	}
	return peer, bufio.NewScanner(output)
}

func hear(t *testing.T, told *bufio.Scanner, want string) {
	t.Helper()
	if !told.Scan() || told.Text() != want {
		t.Fatalf("the peer says %q (%v), want %q", told.Text(), told.Err(), want)
	}
}

func TestMessagesReachAnotherProcessUntilItIsKilled(t *testing.T) {
	path := t.TempDir()
	handle, err := files.New(path).Open(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()
	peer, told := start(t, path, "listen")
	hear(t, told, "listening")
	if acks, err := handle.PublishWithAck(t.Context(), "news", []byte("hello"), time.Minute); acks != 1 || err != nil {
		t.Errorf("%d acks, %v", acks, err)
	}
	hear(t, told, "hello")
	if err := peer.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = peer.Wait() // it was killed
	_, err = handle.PublishWithAck(t.Context(), "news", []byte("hello"), time.Minute)
	if !errors.Is(err, coordination.ErrNoSubscribers) {
		t.Errorf("%v after the only subscriber was killed", err)
	}
}

func TestTermsAreDistinctAmongProcesses(t *testing.T) {
	const processes = 4
	path := t.TempDir()
	var told []*bufio.Scanner
	var peers []*exec.Cmd
	for range processes {
		peer, its := start(t, path, "lead")
		peers, told = append(peers, peer), append(told, its)
	}
	var terms []string
	for i, peer := range peers {
		for told[i].Scan() {
			terms = append(terms, told[i].Text())
		}
		if err := peer.Wait(); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(terms)
	if distinct := len(slices.Compact(terms)); distinct != processes*turns {
		t.Errorf("%d processes have led in %d distinct terms, want %d", processes, distinct, processes*turns)
	}
}
