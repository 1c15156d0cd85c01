package redis

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/riptidecrawler/coordkit/coordination"
)

// parseURL reads a URL. Its errors show nothing of the URL but the scheme: a
// password with a / or an @ in it can end up in any other part, and in the text
// of the parser's own errors.
func parseURL(text string) (*redis.Options, error) {
	const want = "want redis://, rediss:// or unix://, user:password@ with special characters as %XX, address and /db"
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("open: url can't be parsed, %s: %w", want, coordination.ErrInvalidArgument)
	}
	switch parsed.Scheme {
	case "redis", "rediss", "unix":
	default:
		return nil, fmt.Errorf("open: url has the scheme %q, %s: %w", parsed.Scheme, want, coordination.ErrInvalidArgument)
	}
	// A password that is not written with %XX has its rest in another part.
	local := parsed.Scheme == "unix"
	if parsed.Fragment != "" || local && parsed.Host != "" || !local && strings.Contains(parsed.Path+parsed.RawQuery, "@") {
		return nil, fmt.Errorf("open: url has an @ or a # where none can be, %s: %w", want, coordination.ErrInvalidArgument)
	}
	options, err := redis.ParseURL(text)
	if err != nil {
		return nil, fmt.Errorf("open: url has a bad address, database or parameter, %s: %w", want, coordination.ErrInvalidArgument)
	}
	return options, nil
}

// configure sets what the handle relies on: nothing is sent twice, a broken
// dial is told and not repeated, and no commands run that the port does not
// need. It returns what keeps track of the connections.
func configure(parsed *redis.Options, options *Options) *connections {
	parsed.MaxRetries = -1
	parsed.DialerRetries = 1
	parsed.ContextTimeoutEnabled = true
	if parsed.ReadTimeout < 0 { // or a dead link would never be noticed
		parsed.ReadTimeout = 0
	}
	parsed.DisableIdentity = true
	parsed.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if options.TLS != nil && parsed.TLSConfig != nil {
		serverName := parsed.TLSConfig.ServerName
		parsed.TLSConfig = options.TLS.Clone()
		if parsed.TLSConfig.ServerName == "" {
			parsed.TLSConfig.ServerName = serverName
		}
	}
	dial := redis.NewDialer(parsed)
	if options.Dialer != nil {
		dial = secured(options.Dialer, parsed.TLSConfig)
	}
	own := newConnections(dial)
	parsed.Dialer = own.connect
	return own
}

// secured does over the user's dialer what go-redis does over its own.
func secured(dial dialer, config *tls.Config) dialer {
	if config == nil {
		return dial
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		plain, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		connection := tls.Client(plain, config)
		if err := connection.HandshakeContext(ctx); err != nil {
			_ = plain.Close()
			return nil, err
		}
		return connection, nil
	}
}
