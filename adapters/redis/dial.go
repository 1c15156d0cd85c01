package redis

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// netDialer opens connections without a dialer of the user's. Keep-alive probes
// begin after 30 s: balancers drop what was idle for longer.
func netDialer() dialer {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3}}
	return d.DialContext
}

// secured adds TLS to a dialer. The handshake ends with the context.
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

// tlsOf returns the TLS configuration of a connection: the user's, with the host of
// the URL as server name unless it names another; nil without TLS.
func tlsOf(url, user *tls.Config) *tls.Config {
	if user == nil || url == nil {
		return url
	}
	own := user.Clone()
	if own.ServerName == "" {
		own.ServerName = url.ServerName
	}
	own.InsecureSkipVerify = own.InsecureSkipVerify || url.InsecureSkipVerify
	return own
}
