package redissubject

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// Keyspace is a database as other programs see it.
type Keyspace struct {
	// URL is where the server, the Sentinels or the Cluster is, as redis.Open takes it, or
	URL string
	// Dial makes a connection to a server.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is the configuration for a rediss:// URL.
	TLS *tls.Config
}

// client returns a client that the caller closes.
func (k *Keyspace) client(ctx context.Context) (goredis.UniversalClient, error) {
	if k.URL == "" {
		return goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:6379", Dialer: k.Dial}), nil
	}
	parsed, err := url.Parse(strings.Replace(k.URL, "valkey", "redis", 1))
	if err != nil {
		return nil, err
	}
	query := parsed.Query()
	addresses := append(strings.Split(parsed.Host, ","), query["addr"]...)
	if master := query.Get("master_name"); master != "" {
		password, _ := parsed.User.Password()
		return goredis.NewFailoverClient(&goredis.FailoverOptions{
			MasterName: master, SentinelAddrs: addresses, SentinelUsername: parsed.User.Username(), SentinelPassword: password,
			Username: query.Get("username"), Password: query.Get("password"),
		}), nil
	}
	query.Del("addr")
	parsed.Host, parsed.RawQuery = addresses[0], query.Encode()
	options, err := goredis.ParseURL(parsed.String())
	if err != nil {
		return nil, err
	}
	if k.TLS != nil && options.TLSConfig != nil {
		options.TLSConfig = k.TLS
	}
	single := goredis.NewClient(options)
	// An error is the caller's to meet.
	if info, _ := single.Info(ctx, "cluster").Result(); !strings.Contains(info, "cluster_enabled:1") {
		return single, nil
	}
	_ = single.Close()
	return goredis.NewClusterClient(&goredis.ClusterOptions{
		Addrs: addresses, Username: options.Username, Password: options.Password, TLSConfig: options.TLSConfig,
	}), nil
}

// remove removes the keys that match a pattern and are chosen.
func remove(ctx context.Context, client goredis.UniversalClient, pattern string, chosen func(key string) bool) error {
	from := func(ctx context.Context, node *goredis.Client) error {
		for found := node.Scan(ctx, 0, pattern, 1000).Iterator(); ; {
			if !found.Next(ctx) {
				return found.Err()
			}
			if !chosen(found.Val()) {
				continue
			}
			if err := node.Unlink(ctx, found.Val()).Err(); err != nil {
				return err
			}
		}
	}
	switch client := client.(type) {
	case *goredis.ClusterClient:
		return client.ForEachMaster(ctx, from)
	default:
		return from(ctx, client.(*goredis.Client))
	}
}

// Forget implements specs.Forgetful.
func (k *Keyspace) Forget(ctx context.Context, namespace string) error {
	client, err := k.client(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return remove(ctx, client, "*"+namespace+"*", func(string) bool { return true })
}

// Store implements specs.Foreign.
func (k *Keyspace) Store(ctx context.Context, namespace string) (func(context.Context) (bool, error), error) {
	client, err := k.client(ctx)
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
		client, err := k.client(ctx)
		if err != nil {
			return false, err
		}
		defer func() { _ = client.Close() }()
		all := true
		for _, name := range names {
			removed, err := client.Del(ctx, name).Result()
			if err != nil {
				return false, err
			}
			all = all && removed == 1
		}
		return all, nil
	}, nil
}
