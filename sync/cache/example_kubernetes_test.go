package cache_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/riptidecrawler/coordkit/adapters/redis"
	dsync "github.com/riptidecrawler/coordkit/sync"
	"github.com/riptidecrawler/coordkit/sync/cache"
)

// servePods answers requests until ctx is done, and returns when all has ended.
func servePods(ctx context.Context, url, nodeID, address string) error {
	port, err := redis.Open(ctx, url, &redis.Options{Namespace: "shop"})
	if err != nil {
		return err // Kubernetes starts the container again
	}
	defer port.Close()
	node, err := cache.NewNode(dsync.DefaultConfig(nodeID), port, nil)
	if err != nil {
		return err
	}
	users, err := cache.New(node, "user:", &cache.Options[string]{TTL: time.Hour})
	if err != nil {
		return err
	}

	// The node outlives the requests, which need it.
	running, stopNode := context.WithCancel(context.WithoutCancel(ctx))
	defer stopNode()
	ended := make(chan error, 1)
	go func() { ended <- node.Run(running) }()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		user, err := users.Get(r.Context(), r.PathValue("id"), func(_ context.Context, id string) (string, error) {
			return "user " + id, nil // from the database
		})
		switch {
		case errors.Is(err, cache.ErrNotFound):
			http.NotFound(w, r)
		case err != nil:
			http.Error(w, "try again", http.StatusServiceUnavailable)
		default:
			fmt.Fprintln(w, user)
		}
	})
	// For the readiness probe. A node that is cut off still answers, from the
	// database: only a duplicate NODE_ID needs an operator.
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if node.Status().DuplicateNodeID {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()

	var failure error
	select {
	case <-ctx.Done():
	case failure = <-failed:
	}
	// Together shorter than terminationGracePeriodSeconds, 30 s by default.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if server.Shutdown(ending) != nil {
		_ = server.Close()
	}
	closed := users.Close(ending)
	stopNode() // it tells the others that it leaves, and gives up the leadership
	return errors.Join(failure, closed, <-ended)
}

// A pod of a Deployment. Its name is unique, so that it serves as the node ID:
//
//	env:
//	- name: NODE_ID
//	  valueFrom: {fieldRef: {fieldPath: metadata.name}}
//
// Kubernetes sends SIGTERM, waits for terminationGracePeriodSeconds and kills.
func Example_kubernetes() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := servePods(ctx, os.Getenv("REDIS_URL"), os.Getenv("NODE_ID"), ":8080")
	stop()
	if err != nil {
		log.Fatal(err)
	}
}
