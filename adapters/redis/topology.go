package redis

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// slotCount is the number of hash slots of a Cluster.
const slotCount = 16384

// slotOf returns the hash slot of a key: the CRC16 (XMODEM) of its hash tag, or of
// the whole key.
func slotOf(key string) int {
	if _, rest, found := strings.Cut(key, "{"); found {
		if tag, _, closed := strings.Cut(rest, "}"); closed && tag != "" {
			key = tag
		}
	}
	var sum uint16
	for i := range len(key) {
		sum ^= uint16(key[i]) << 8
		for range 8 {
			if sum&0x8000 != 0 {
				sum = sum<<1 ^ 0x1021
			} else {
				sum <<= 1
			}
		}
	}
	return int(sum) % slotCount
}

// slotRange is a range of slots and the address of the primary that serves them.
type slotRange struct {
	first, last int
	address     string
}

// topology is which primary serves which slot, as one node of the Cluster sees it.
type topology struct {
	ranges    []slotRange // ascending
	primaries []string
}

func newTopology(ranges []slotRange) *topology {
	t := &topology{ranges: ranges}
	slices.SortFunc(t.ranges, func(a, b slotRange) int { return cmp.Compare(a.first, b.first) })
	for _, r := range ranges {
		if !slices.Contains(t.primaries, r.address) {
			t.primaries = append(t.primaries, r.address)
		}
	}
	slices.Sort(t.primaries)
	return t
}

// owner returns the address of the primary that serves a slot, "" if none does.
func (t *topology) owner(slot int) string {
	i, found := slices.BinarySearchFunc(t.ranges, slot, func(r slotRange, slot int) int {
		switch {
		case r.last < slot:
			return -1
		case r.first > slot:
			return 1
		default:
			return 0
		}
	})
	if !found {
		return ""
	}
	return t.ranges[i].address
}

// mostSeen returns the topology that occurs most often, the first of several.
func mostSeen(seen []*topology) *topology {
	var best *topology
	most := 0
	for _, one := range seen {
		count := 0
		for _, other := range seen {
			if slices.Equal(one.ranges, other.ranges) {
				count++
			}
		}
		if count > most {
			best, most = one, count
		}
	}
	return best
}

// topologyOf reads the reply of CLUSTER SLOTS. What a node does not know of an
// address is that of the node itself, which was asked at origin.
func topologyOf(reply any, origin string) (*topology, error) {
	unexpected := fmt.Errorf("unexpected reply to CLUSTER SLOTS: %.100v", reply)
	rows, ok := reply.([]any)
	if !ok {
		return nil, unexpected
	}
	ranges := make([]slotRange, 0, len(rows))
	for _, row := range rows {
		fields, _ := row.([]any)
		if len(fields) < 3 {
			return nil, unexpected
		}
		first, firstOK := fields[0].(int64)
		last, lastOK := fields[1].(int64)
		primary, _ := fields[2].([]any)
		if !firstOK || !lastOK || len(primary) < 2 {
			return nil, unexpected
		}
		host, _ := primary[0].(string)
		port, _ := primary[1].(int64)
		ranges = append(ranges, slotRange{int(first), int(last), reachable(host, strconv.FormatInt(port, 10), origin)})
	}
	return newTopology(ranges), nil
}

// reachable completes an address that a node has told.
func reachable(host, port, origin string) string {
	originHost, originPort, err := net.SplitHostPort(origin)
	if err != nil {
		return net.JoinHostPort(host, port)
	}
	loopback := func(host string) bool { return net.ParseIP(host).IsLoopback() }
	if host == "" || host == "?" || loopback(host) && net.ParseIP(originHost) != nil && !loopback(originHost) {
		host = originHost
	}
	if port == "0" || port == "" {
		port = originPort
	}
	return net.JoinHostPort(host, port)
}

// topologyFrom is the topology of slots as go-redis has them.
func topologyFrom(slots []redis.ClusterSlot) *topology {
	var ranges []slotRange
	for _, slot := range slots {
		if len(slot.Nodes) > 0 {
			ranges = append(ranges, slotRange{slot.Start, slot.End, slot.Nodes[0].Addr})
		}
	}
	return newTopology(ranges)
}

// redirect is what a node answers about a slot that another one serves.
type redirect struct {
	slot    int
	address string
	ask     bool // only this once
}

// redirectOf reads a MOVED or ASK error of the node at origin.
func redirectOf(err error, origin string) (redirect, bool) {
	var refusal redis.Error
	if !errors.As(err, &refusal) {
		return redirect{}, false
	}
	fields := strings.Fields(refusal.Error())
	if len(fields) < 3 || fields[0] != "MOVED" && fields[0] != "ASK" {
		return redirect{}, false
	}
	slot, slotErr := strconv.Atoi(fields[1])
	host, port, splitErr := net.SplitHostPort(fields[2])
	if slotErr != nil || splitErr != nil {
		return redirect{}, false
	}
	return redirect{slot, reachable(host, port, origin), fields[0] == "ASK"}, true
}
