package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// TLS is a server that speaks TLS at an address of its own, beside the plain one.
type TLS struct {
	*Server
	// SecureAddress is where it speaks TLS: host and port.
	SecureAddress string
	// Certificate vouches for it, in PEM, and for clients that have its Key too. Its host
	// is 127.0.0.1.
	Certificate, Key []byte
}

// StartTLS starts a server with a certificate of its own, which asks for none of its
// clients. Further arguments are those of the server.
func StartTLS(arguments ...string) (*TLS, error) {
	certificate, key, err := selfSigned()
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "redistest")
	if err != nil {
		return nil, err
	}
	// The server has read them when it answers.
	defer func() { _ = os.RemoveAll(directory) }()
	for name, text := range map[string][]byte{"cert": certificate, "key": key} {
		if err := os.WriteFile(filepath.Join(directory, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address)
	server, err := Start(append([]string{
		"--tls-port", port, "--tls-cert-file", filepath.Join(directory, "cert"),
		"--tls-key-file", filepath.Join(directory, "key"), "--tls-ca-cert-file", filepath.Join(directory, "cert"), "--tls-auth-clients", "no",
	}, arguments...)...)
	if err != nil {
		return nil, err
	}
	return &TLS{Server: server, SecureAddress: address, Certificate: certificate, Key: key}, nil
}

// selfSigned returns a certificate for 127.0.0.1 and its key, in PEM.
func selfSigned() (certificate, key []byte, err error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, own.Public(), own)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}), nil
}
