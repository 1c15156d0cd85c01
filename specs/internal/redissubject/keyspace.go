package redissubject

import (
	"context"
	"net"

	goredis "github.com/redis/go-redis/v9"
)

// Keyspace is a server's database as other programs see it.
type Keyspace struct {
	// URL is where the server is, or
	URL string
	// Dial makes a connection to it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// client returns a client that the caller closes.
func (k *Keyspace) client() (*goredis.Client, error) {
	options := &goredis.Options{Addr: "127.0.0.1:6379", Dialer: k.Dial}
	if k.URL != "" {
		var err error
		if options, err = goredis.ParseURL(k.URL); err != nil {
			return nil, err
		}
	}
	return goredis.NewClient(options), nil
}

// Forget implements specs.Forgetful.
func (k *Keyspace) Forget(ctx context.Context, namespace string) error {
	client, err := k.client()
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	names := client.Scan(ctx, 0, "*"+namespace+"*", 1000).Iterator()
	for names.Next(ctx) {
		if err := client.Unlink(ctx, names.Val()).Err(); err != nil {
			return err
		}
	}
	return names.Err()
}

// Store implements specs.Foreign.
func (k *Keyspace) Store(ctx context.Context, namespace string) (func(context.Context) (bool, error), error) {
	client, err := k.client()
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	names := []string{namespace, namespace + ":", namespace + ":key", namespace + ":kk:key", "x" + namespace + ":k:key", "{" + namespace + "}:key"}
	for _, name := range names {
		if err := client.Set(ctx, name, "foreign", 0).Err(); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) (bool, error) {
		client, err := k.client()
		if err != nil {
			return false, err
		}
		defer func() { _ = client.Close() }()
		removed, err := client.Del(ctx, names...).Result()
		return removed == int64(len(names)), err
	}, nil
}
