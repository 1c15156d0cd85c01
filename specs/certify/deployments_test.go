package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/riptidecrawler/coordkit/internal/redistest"
)

func needs(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, redistest.ErrMissing) && !redistest.Required() {
		t.Skip("not checked: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryDeploymentIsCertified(t *testing.T) {
	watched, err := redistest.StartSentinel(t.Context(), 1, 1, time.Minute)
	needs(t, err)
	t.Cleanup(watched.Stop)
	cluster, err := redistest.StartCluster(t.Context(), 3, 0)
	needs(t, err)
	t.Cleanup(cluster.Stop)
	secured, err := redistest.StartTLS("--unixsocket", "socket", "--requirepass", "secret")
	needs(t, err)
	t.Cleanup(secured.Stop)
	certificate := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(certificate, secured.Certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]struct {
		url     string
		servers []*redistest.Server
	}{
		"Sentinel":          {watched.URL(), watched.Servers[:1]},
		"Cluster":           {cluster.URL(), cluster.Servers},
		"a node of Cluster": {cluster.Servers[1].URL(), cluster.Servers},
		"TLS":               {"rediss://:secret@" + secured.SecureAddress, []*redistest.Server{secured.Server}},
		"Valkey":            {"valkey://:secret@" + secured.Address + "/2", []*redistest.Server{secured.Server}},
		"a socket":          {"unix://:secret@" + filepath.Join(secured.Directory, "socket"), []*redistest.Server{secured.Server}},
	} {
		t.Run(name, func(t *testing.T) {
			// As a process of its own, for Go reads the roots once.
			command := exec.CommandContext(t.Context(), os.Args[0], "-url", of.url, "-only", "^(value|publish|lease)-[1-5]$")
			command.Env = append(os.Environ(), "CERTIFY=1", "SSL_CERT_FILE="+certificate)
			var out, told bytes.Buffer
			command.Stdout, command.Stderr = &out, &told
			if err := command.Run(); err != nil || !strings.Contains(out.String(), "15 passed") {
				t.Errorf("%v\n%s%s", err, out.String(), told.String())
			}
			for _, server := range of.servers {
				client := goredis.NewClient(&goredis.Options{Addr: server.Address, Password: map[bool]string{true: "secret"}[server == secured.Server], DB: map[bool]int{true: 2}[name == "Valkey"]})
				if left, err := client.Keys(t.Context(), "*").Result(); err != nil || len(left) > 0 {
					t.Errorf("%s holds %q afterwards (%v)", server.Address, left, err)
				}
				_ = client.Close()
			}
		})
	}
}
