// Demo shows three nodes that keep their caches coherent and have a leader, each
// a process of its own, while messages are lost and the leader is killed.
//
// It plays a script of some 15 seconds, and its exit code is 0 if another node
// took over and all agreed at the end. With -interactive the user commands
// instead. Where the output is no terminal it writes plain lines. The nodes talk
// over a server in this process, or the one at REDIS_URL, where they touch only a
// namespace of this run's own, of which the last key goes after a day.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/charmbracelet/x/term"
)

// Exit codes, beside 0.
const (
	failed      = 1
	misused     = 2
	interrupted = 130 // as a shell says it
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		os.Exit(nodeMain(os.Args[2:]))
	}
	os.Exit(demoMain(os.Args[1:]))
}

// nodeMain is one node. Ctrl-C reaches it as well, but it is the parent who ends
// it.
func nodeMain(arguments []string) int {
	signal.Ignore(os.Interrupt)
	flags := flag.NewFlagSet("node", flag.ContinueOnError)
	id := flags.String("id", "", "name of the node")
	namespace := flags.String("namespace", "", "what the nodes share on the server")
	if code, ok := parse(flags, arguments); !ok {
		return code
	}
	if err := runNode(context.Background(), *id, *namespace, os.Getenv("REDIS_URL"), os.Stdin, os.Stdout); err != nil {
		return complain(failed, err)
	}
	return 0
}

// demoMain is the parent of the nodes.
func demoMain(arguments []string) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	interactive := flags.Bool("interactive", false, "command the nodes by keys, instead of a script")
	if code, ok := parse(flags, arguments); !ok {
		return code
	}
	terminal := term.IsTerminal(os.Stdin.Fd()) && term.IsTerminal(os.Stdout.Fd()) && os.Getenv("TERM") != "dumb"
	if *interactive && !terminal {
		return complain(misused, errors.New("-interactive needs a terminal"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second one ends the process at once
	server, err := openBackend(ctx, os.Getenv("REDIS_URL"))
	if err != nil {
		return complain(failed, err)
	}
	defer server.close()
	c := newCluster(server)
	defer c.close()
	if *interactive {
		return obeyKeys(ctx, c)
	}
	return playScript(ctx, c, terminal)
}

func playScript(ctx context.Context, c *cluster, terminal bool) int {
	s := newScript(c)
	var err error
	if terminal {
		err = onScreen(ctx, c, false, func(ctx context.Context) { s.run(ctx) })
	} else {
		c.display = &plain{began: c.began, out: os.Stdout}
		c.say("demo", "%d nodes on %s", len(names), c.server.name)
		s.run(ctx)
	}
	c.close()
	switch {
	case err != nil:
		return complain(failed, err)
	case errors.Is(s.result.failed, context.Canceled):
		return complain(interrupted, errors.New("interrupted"))
	}
	s.result.print(os.Stdout)
	if !s.result.good() {
		return failed
	}
	return 0
}

func obeyKeys(ctx context.Context, c *cluster) int {
	err := onScreen(ctx, c, true, func(ctx context.Context) {
		for _, name := range names {
			if err := c.start(name); err != nil {
				c.say("demo", "%v", err)
			}
		}
		<-ctx.Done()
	})
	if err != nil {
		return complain(failed, err)
	}
	fmt.Println(compare(c.views()))
	return 0
}

// parse reads flags. Where it is not ok the exit code says whether to be.
func parse(flags *flag.FlagSet, arguments []string) (code int, ok bool) {
	flags.SetOutput(io.Discard)
	err := flags.Parse(arguments)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(os.Stdout)
		flags.Usage()
		return 0, false
	case err != nil:
		return complain(misused, err), false
	case flags.NArg() > 0:
		return complain(misused, fmt.Errorf("there is no argument %q", flags.Arg(0))), false
	}
	return 0, true
}

// complain says in one line what is wrong, and returns code.
func complain(code int, err error) int {
	fmt.Fprintf(os.Stderr, "demo: %v\n", err)
	return code
}
