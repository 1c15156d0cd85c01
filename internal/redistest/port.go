package redistest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Servers listen on ports between firstPort and lastPort, below those that Linux gives to
// outgoing connections: such a connection could take the port before the server does.
const firstPort, lastPort = 15000, 32000

// given are the ports that freeAddress has returned. None is returned twice, as servers
// that start at the same time would get the same one.
var given sync.Map

// freeAddress returns a loopback address at which nothing listens.
func freeAddress() (string, error) {
	const tries = 1000
	for range tries {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if listener, err := net.Listen("tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", errors.New("no free port on the loopback interface")
}
