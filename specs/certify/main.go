// Command certify judges a server that speaks the protocol of Redis, with the
// Redis adapter of this module:
//
//	go run github.com/riptidecrawler/coordkit/specs/certify -url redis://localhost:6379
//
// The URL is any that redis.Open takes, also of Sentinels or a Cluster. It is safe beside live data: all that it writes is in namespaces with random
// names, read with SCAN only, and removed in the end, after an interrupt too. It
// takes a minute or two, as its times to live are real. Progress goes to the
// standard error, the matrix and what did not pass to the standard output.
//
// Exit codes: 0 where the server keeps the contract, 1 where it breaks a promise,
// 2 where that could not be found out: bad arguments, a server that can't be
// reached or went away, a report that can't be written, an interrupt.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/internal/redissubject"
	"github.com/riptidecrawler/coordkit/specs/report"
)

const (
	kept = iota
	broken
	unknown
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE) // with nobody to tell there is still something to remove
	goredis.SetLogger(silence{})   // it tells of every link that a behaviour cuts
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// settings are what the command line says.
type settings struct {
	url               string
	only              *regexp.Regexp
	scale             float64
	html, json, junit string
}

// run does all that the command does, and returns its exit code.
func run(ctx context.Context, arguments []string, out, told io.Writer) int {
	s, err := parse(arguments, out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return kept
	case err != nil:
		fmt.Fprintln(told, "certify:", err, "(-h lists the flags)")
		return unknown
	}
	r, err := certify(ctx, s, told)
	if r != nil {
		err = errors.Join(err, r.Text(out), s.write(r))
	}
	switch {
	case err != nil:
		fmt.Fprintln(told, "certify:", err)
		return unknown
	case r.Count(backend, "").Subject > 0:
		fmt.Fprintln(told, "certify: the server was not to be judged in all; see \"subject at fault\" above")
		return unknown
	case r.Count(backend, "").Checked() == 0:
		fmt.Fprintln(told, "certify: nothing was checked")
		return unknown
	case !r.Passed():
		return broken
	}
	return kept
}

func parse(arguments []string, out io.Writer) (settings, error) {
	var s settings
	var only string
	flags := flag.NewFlagSet("certify", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.url, "url", "", "the server, the Sentinels or the Cluster, in any form that redis.Open takes:\nredis://host:6379/0, rediss://…, unix:///path, redis://sentinel:26379?master_name=main, redis://node-1:6379,node-2:6379")
	flags.StringVar(&only, "only", "", "judge only behaviours whose identifier or role matches this regular expression")
	flags.Float64Var(&s.scale, "scale", 1, "stretch all times for a slow server or network, by 1 to 100")
	flags.StringVar(&s.html, "html", "", "write a page to this `file`")
	flags.StringVar(&s.json, "json", "", "write a report to this `file`, in the format of package report")
	flags.StringVar(&s.junit, "junit", "", "write a JUnit report to this `file`")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(out, "usage: certify -url URL [flags]")
			flags.SetOutput(out)
			flags.PrintDefaults()
		}
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if s.url == "" {
		return s, errors.New("-url is missing")
	}
	if only != "" {
		var err error
		if s.only, err = regexp.Compile(only); err != nil {
			return s, fmt.Errorf("-only: %w", err)
		}
	}
	if !(s.scale >= 1 && s.scale <= 100) { // it may be no number
		return s, fmt.Errorf("-scale is %v, and must be 1 to 100", s.scale)
	}
	// One that can't be written is better known now than in two minutes.
	seen := map[string]bool{}
	for _, file := range []string{s.html, s.json, s.junit} {
		if file == "" {
			continue
		}
		path, err := filepath.Abs(file)
		if err != nil {
			return s, err
		}
		if seen[path] {
			return s, fmt.Errorf("%s is named for two reports", file)
		}
		seen[path] = true
		if there, err := os.Stat(file); err == nil && there.IsDir() {
			return s, fmt.Errorf("the report %s is a folder", file)
		}
		if _, err := os.Stat(filepath.Dir(file)); err != nil {
			return s, fmt.Errorf("the folder of a report: %w", err)
		}
	}
	return s, nil
}

// backend is the name of the server in reports.
const backend = "redis"

// certify judges the server. Without an error the report says all about it; with
// one it may be nil.
func certify(ctx context.Context, s settings, told io.Writer) (r *report.Report, err error) {
	server := &redissubject.Server{URL: s.url}
	if err := reach(ctx, server); err != nil {
		return nil, err
	}
	defer func() {
		// After an interrupt as well, hence with a context of its own.
		sweeping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if swept := server.Sweep(sweeping); swept != nil {
			err = errors.Join(err, fmt.Errorf("removing what was stored, which redis-cli --scan --pattern '*spec-*' lists: %w", swept))
		}
	}()
	chosen := func(b report.Behaviour) bool {
		return s.only == nil || s.only.MatchString(b.ID) || s.only.MatchString(b.Role)
	}
	p := newProgress(told, chosen)
	defer p.done()
	r = specs.Judge(ctx, backend, func() specs.Subject { return scaled{server.Subject(), s.scale} }, &specs.Options{Only: chosen, Observe: p.observe})
	switch {
	case ctx.Err() != nil:
		return r, errors.New("interrupted")
	case len(r.Behaviours) == 0:
		return nil, fmt.Errorf("no behaviour matches -only %q", s.only)
	}
	return r, nil
}

// scaled is a subject whose times are stretched.
type scaled struct {
	*redissubject.Subject
	scale float64
}

// TimingScale implements specs.Scaled.
func (s scaled) TimingScale() float64 { return s.scale }

// reach finds out whether there is a server to judge.
func reach(ctx context.Context, server *redissubject.Server) error {
	trying, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	handle, err := server.Subject().Open(trying, "reachable")
	if err != nil {
		return err
	}
	return handle.Close()
}

// write writes the reports that are asked for.
func (s settings) write(r *report.Report) (err error) {
	for _, to := range []struct {
		file  string
		write func(io.Writer) error
	}{{s.html, r.HTML}, {s.json, r.Encode}, {s.junit, r.JUnit}} {
		if to.file != "" {
			err = errors.Join(err, writeFile(to.file, to.write))
		}
	}
	return err
}

func writeFile(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
