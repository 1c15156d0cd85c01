package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/riptidecrawler/coordkit/adapters/redis"
)

// answering is how long a server has to answer at the start.
const answering = 3 * time.Second

// backend is the server that the nodes talk over.
type backend struct {
	url   string
	name  string // without a password
	close func()
}

// openBackend returns the server at url, having checked that it is there, or where
// url is empty one that lives in this process, on a loopback port.
func openBackend(ctx context.Context, url string) (*backend, error) {
	if url == "" {
		server := miniredis.NewMiniRedis()
		if err := server.StartAddr("127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("miniredis: %w", err)
		}
		return &backend{
			url:   "redis://" + server.Addr(),
			name:  "miniredis at " + server.Addr(),
			close: server.Close,
		}, nil
	}
	trying, cancel := context.WithTimeout(ctx, answering)
	defer cancel()
	handle, err := redis.Open(trying, url, nil)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("REDIS_URL: no answer within %v", answering)
	}
	if err != nil {
		return nil, fmt.Errorf("REDIS_URL: %w", err)
	}
	return &backend{url: url, name: "the server at REDIS_URL", close: func() {}}, handle.Close()
}
