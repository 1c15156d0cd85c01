// Service is a small shop on several nodes: products in a SQLite database, a
// typed cache of them on each node, and a nightly report that one node writes.
//
// It reads its settings from the environment: NODE_ID (no two live processes
// have the same), LISTEN, REDIS_URL, DATABASE, HEARTBEAT and NIGHT (durations).
package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("node", os.Getenv("NODE_ID"))
	err := run(ctx, logger)
	stop()
	if err != nil {
		logger.Error("service failed", "error", err)
		os.Exit(1)
	}
}

func duration(name string, or time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(name)); err == nil {
		return d
	}
	return or
}

func run(ctx context.Context, logger *slog.Logger) error {
	store, err := openStore(ctx, os.Getenv("DATABASE"))
	if err != nil {
		return err
	}
	defer func() { _ = store.close() }()
	heartbeat := duration("HEARTBEAT", dsync.DefaultHeartbeatInterval)
	port, err := redis.Open(ctx, os.Getenv("REDIS_URL"), &redis.Options{Namespace: "shop", LinkTimeout: max(2*heartbeat, 100*time.Millisecond)})
	if err != nil {
		return err
	}
	defer func() { _ = port.Close() }() // always nil
	job := &nightly{store: store, node: os.Getenv("NODE_ID"), length: duration("NIGHT", 24*time.Hour), logger: logger}
	config := dsync.Config{NodeID: job.node, HeartbeatInterval: heartbeat, LeaderElectionTimeout: 5 * heartbeat}
	node, err := cache.NewNode(config, port, &dsync.Options{
		Election: dsync.ElectionOptions{Observer: true}, // this service leads jobs, not the cluster
		Observe:  func(event dsync.Event) { logger.Info(event.String()) },
	})
	if err != nil {
		return err
	}
	catalogue, err := newCatalogue(store, node)
	if err != nil {
		return err
	}
	defer func() { _ = catalogue.products.Close(context.Background()) }()
	nightly, err := node.NewElection("nightly", &dsync.ElectionOptions{Lead: job.lead})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", os.Getenv("LISTEN"))
	if err != nil {
		return err
	}
	s := &server{catalogue: catalogue, store: store, node: node, port: port, leads: nightly.IsLeader, logger: logger}
	return serve(ctx, node, nightly, listener, s.handler())
}

// serve runs the node, the job and the HTTP server until ctx is done, or one of them
// has failed. The node ends last: requests and the job need it.
func serve(ctx context.Context, node *cache.Node, job *dsync.LeaderElection, listener net.Listener, handler http.Handler) error {
	serving, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var started, using sync.WaitGroup
	started.Go(func() { fail(node.Run(running)) })
	using.Go(func() { fail(job.Run(serving)) })
	server := &http.Server{Handler: handler, ReadHeaderTimeout: requestTimeout}
	using.Go(func() { fail(server.Serve(listener)) })
	<-serving.Done()
	ending, cancel := context.WithTimeout(running, 2*requestTimeout)
	defer cancel()
	if server.Shutdown(ending) != nil {
		_ = server.Close()
	}
	using.Wait()
	stop()
	started.Wait()
	if ctx.Err() != nil {
		return nil // as it was told to
	}
	return context.Cause(serving)
}
