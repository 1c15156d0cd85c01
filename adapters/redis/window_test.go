package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	miniserver "github.com/alicebob/miniredis/v2/server"

	"github.com/riptidecrawler/coordkit/coordination"
)

// opened returns a handle on a stand-in whose UNLINK is answered by the hook, if that
// returns true.
func opened(t *testing.T, unlink func(peer *miniserver.Peer) bool) *Coordination {
	t.Helper()
	backend := miniredis.RunT(t)
	backend.Server().SetPreHook(func(peer *miniserver.Peer, command string, _ ...string) bool {
		return command == "UNLINK" && unlink(peer)
	})
	c, err := Open(t.Context(), "redis://"+backend.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func longNames(count, length int) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("%08d", i) + strings.Repeat("k", length-8)
	}
	return names
}

// expectAllGivenBack waits until commands that were given up are swept.
func expectAllGivenBack(t *testing.T, c *Coordination) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.home.budget.take(ctx, budgetSize); err != nil {
		t.Fatal("a part of the budget was not given back")
	}
	c.home.budget.give(budgetSize)
}

func TestDeleteManyTakesMoreNamesThanTheBudgetHolds(t *testing.T) {
	c := opened(t, func(*miniserver.Peer) bool { return false })
	if _, err := c.DeleteMany(t.Context(), longNames(80_000, 1000)...); err != nil {
		t.Fatal(err)
	}
	expectAllGivenBack(t, c)
}

func TestManyDeleteManyDoNotWaitForEachOther(t *testing.T) {
	c := opened(t, func(*miniserver.Peer) bool { return false })
	names := longNames(5000, 1000)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var running sync.WaitGroup
	for range 32 { // together, their windows are larger than the budget
		running.Go(func() {
			if _, err := c.DeleteMany(ctx, names...); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	expectAllGivenBack(t, c)
}

func TestARefusedDeleteManyGivesItsRoomBack(t *testing.T) {
	c := opened(t, func(peer *miniserver.Peer) bool {
		peer.WriteError("NOPERM no permissions to run the 'unlink' command")
		return true
	})
	for range 10 {
		if _, err := c.DeleteMany(t.Context(), longNames(20_000, 100)...); !errors.Is(err, coordination.ErrUnavailable) {
			t.Fatalf("DeleteMany = %v", err)
		}
	}
	expectAllGivenBack(t, c)
}

func TestACancelledDeleteManyGivesItsRoomBackAfterTheAnswers(t *testing.T) {
	release := make(chan struct{})
	c := opened(t, func(*miniserver.Peer) bool { <-release; return false })
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, err := c.DeleteMany(ctx, longNames(20_000, 100)...)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("DeleteMany = %v", err)
		}
	}
	close(release)
	expectAllGivenBack(t, c)
}

func TestAWindowAnswersInTheOrderOfItsCommands(t *testing.T) {
	c := opened(t, func(*miniserver.Peer) bool { return false })
	w := &window{ctx: t.Context()}
	var answers []any
	for i := range 1000 { // more than fit into it at a time
		w.add(c.home, func(reply any, err error) {
			if err != nil {
				t.Error(err)
			}
			answers = append(answers, reply)
		}, "echo", fmt.Sprint(i))
		if w.held > windowSize {
			t.Fatalf("the window holds %d bytes", w.held)
		}
	}
	w.drain()
	if len(answers) != 1000 {
		t.Fatalf("%d answers", len(answers))
	}
	for i, answer := range answers {
		if answer != fmt.Sprint(i) {
			t.Fatalf("answer %d is %v", i, answer)
		}
	}
}
