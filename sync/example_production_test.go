package sync_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	"github.com/riptidecrawler/coordkit/coordination"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// serve answers requests and keeps the cache coherent until ctx is done, and
// returns when everything that it started has ended.
func serve(
	ctx context.Context, port coordination.DistributedCoordination, nodeID string, listener net.Listener, logger *slog.Logger,
) error {
	node, err := cache.NewNode(dsync.DefaultConfig(nodeID), port, &dsync.Options{
		Observe: func(event dsync.Event) { logEvent(ctx, logger, event) },
	})
	if err != nil {
		return err
	}

	users, err := cache.New(node, "user:", &cache.Options[string]{TTL: time.Hour})
	if err != nil {
		return err
	}

	// Either of both ends the other. The node ends last: requests need it.
	serving, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var started sync.WaitGroup
	started.Go(func() { fail(node.Run(running)) })
	server := &http.Server{Handler: routes(users, health(port, node)), ReadHeaderTimeout: time.Second}
	started.Go(func() { fail(server.Serve(listener)) })

	<-serving.Done()
	ending, cancel := context.WithTimeout(running, 10*time.Second)
	defer cancel()
	if server.Shutdown(ending) != nil {
		_ = server.Close() // what takes longer is cut off
	}
	if err := users.Close(ending); err != nil {
		logger.Warn("loads are left behind", "error", err)
	}
	stop()
	started.Wait()
	if ctx.Err() != nil {
		return nil // as it was told to
	}
	return context.Cause(serving)
}

// routes answers with what the cache holds, or loads it.
func routes(users *cache.Cache[string], health http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", health)
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		user, err := users.Get(r.Context(), r.PathValue("id"), func(_ context.Context, id string) (string, error) {
			return "user " + id, nil // from the database
		})
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, user) // whoever asked may have gone
	})
	return mux
}

// health tells how the node is doing. Whether one that can't reach its backend
// should still get requests is a choice of the service's: what is cached is there.
func health(port coordination.Diagnostics, node *cache.Node) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		status := node.Status()
		if healthy, err := port.HealthCheck(ctx); err != nil || !healthy || status.DuplicateNodeID {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(status) // whoever asked may have gone
	})
}

func logEvent(ctx context.Context, logger *slog.Logger, event dsync.Event) {
	level := slog.LevelInfo
	switch event.Kind {
	case dsync.DuplicateNode, dsync.ClockOff, dsync.CacheFailed, dsync.MessageUnreadable:
		level = slog.LevelWarn
	}
	logger.LogAttrs(ctx, level, string(event.Kind),
		slog.String("node", event.Node), slog.Uint64("term", event.Term), slog.Uint64("count", event.Count),
		slog.Duration("duration", event.Duration), slog.Any("error", event.Err))
}

// A service over Redis. NODE_ID names no two processes at once: that of a pod or
// of a host and its port will do.
func Example_production() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := overRedis(ctx, os.Getenv("REDIS_URL"), os.Getenv("NODE_ID"))
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func overRedis(ctx context.Context, url, nodeID string) error {
	port, err := redis.Open(ctx, url, &redis.Options{Namespace: "shop"})
	if err != nil {
		return err
	}
	defer port.Close()
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		return err
	}
	defer listener.Close()
	return serve(ctx, port, nodeID, listener, slog.Default())
}
