package redistest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// PrimaryName is the name by which Sentinels know the primary.
const PrimaryName = "main"

// Sentinel is a primary with replicas, and Sentinels that watch them.
type Sentinel struct {
	// Servers are the servers, of which the first is the primary at the beginning.
	Servers []*Server
	// Addresses are those of the Sentinels.
	Addresses []string

	sentinels []*process
}

// StartSentinel starts one primary, some replicas and some Sentinels, and waits until
// they know each other. They fail over when the primary has been silent for patience, but
// not within 4 s of another failover. One that takes 2 s is given up: Sentinels look only
// once a second whether a replica was promoted. Further arguments are those of the servers.
func StartSentinel(ctx context.Context, replicas, sentinels int, patience time.Duration, arguments ...string) (*Sentinel, error) {
	s := &Sentinel{}
	err := s.start(ctx, replicas, sentinels, patience, arguments)
	if err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Sentinel) start(ctx context.Context, replicas, sentinels int, patience time.Duration, arguments []string) error {
	for i := range 1 + replicas {
		own := append([]string{"--repl-diskless-sync-delay", "0"}, arguments...)
		if i > 0 {
			own = append(own, "--replicaof", strings.Replace(s.Servers[0].Address, ":", " ", 1))
		}
		server, err := Start(own...)
		if err != nil {
			return err
		}
		s.Servers = append(s.Servers, server)
	}
	for range sentinels {
		if err := s.watch(sentinels/2+1, patience); err != nil {
			return err
		}
	}
	for _, address := range s.Addresses {
		client := redis.NewSentinelClient(&redis.Options{Addr: address})
		err := until(ctx, "the Sentinels and the replicas know each other", func() bool {
			others, _ := client.Sentinels(ctx, PrimaryName).Result()
			found, _ := client.Replicas(ctx, PrimaryName).Result()
			ready := 0
			for _, replica := range found {
				if replica["master-link-status"] == "ok" {
					ready++
				}
			}
			return len(others) == sentinels-1 && ready == replicas
		})
		_ = client.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// watch starts one more Sentinel.
func (s *Sentinel) watch(quorum int, patience time.Duration) error {
	program, err := exec.LookPath("redis-sentinel")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	directory, err := os.MkdirTemp("", "redistest")
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(address)
	host, primary, _ := net.SplitHostPort(s.Servers[0].Address)
	config := filepath.Join(directory, "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nlogfile %s\n"+
		"sentinel monitor %[4]s %[5]s %[6]s %[7]d\nsentinel down-after-milliseconds %[4]s %[8]d\n"+
		"sentinel failover-timeout %[4]s 2000\nsentinel parallel-syncs %[4]s 2\n",
		port, directory, filepath.Join(directory, "log"), PrimaryName, host, primary, quorum, patience.Milliseconds())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	own, err := launch(directory, program, config)
	if err != nil {
		return err
	}
	s.sentinels, s.Addresses = append(s.sentinels, own), append(s.Addresses, address)
	return nil
}

// URL names all Sentinels.
func (s *Sentinel) URL() string {
	return "redis://" + strings.Join(s.Addresses, ",") + "?master_name=" + PrimaryName
}

// Logs returns what the Sentinels have logged.
func (s *Sentinel) Logs() string {
	var all strings.Builder
	for _, one := range s.sentinels {
		text, err := os.ReadFile(filepath.Join(one.Directory, "log"))
		fmt.Fprintf(&all, "%s:\n%s\n", one.Directory, cmp.Or(string(text), fmt.Sprint(err)))
	}
	return all.String()
}

// Stop ends the Sentinels and the servers.
func (s *Sentinel) Stop() {
	for _, one := range s.sentinels {
		one.Stop()
	}
	for _, server := range s.Servers {
		server.Stop()
	}
}

// until waits until a condition holds, for at most a minute.
func until(ctx context.Context, what string, holds func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			return errors.Join(errors.New("not in time: "+what), ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
