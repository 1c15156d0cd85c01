package broken

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// limitFaults are faults that small numbers, or plain texts, do not show.
func limitFaults() []Fault {
	return []Fault{
		{
			Name:   "second-overflow-not-told",
			Does:   "tells a subscription of its first overflow only",
			Breaks: breaks("buffer-12"),
			spoil: each(func(a *adapter) {
				a.subscriptions(func(_ string, s *subscription) {
					next, told := s.next, false
					s.next = func(ctx context.Context) (coordination.Message, error) {
						message, err := next(ctx)
						gap, lost := errors.AsType[*coordination.MessagesLostError](err)
						if !lost || gap.Count == 0 || !told {
							told = told || lost && gap.Count > 0
							return message, err
						}
						a.strike()
						return next(ctx)
					}
				})
			}),
		},
		{
			Name:   "acks-in-one-byte",
			Does:   "counts no more than 255 acknowledgements",
			Breaks: breaks("ack-21"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.publishWithAck = func(ctx context.Context, channel string, payload []byte, timeout time.Duration) (int, error) {
					acks, err := good.publishWithAck(ctx, channel, payload, timeout)
					return instead(a, acks, min(acks, 255)), err
				}
			}),
		},
		{
			Name:   "empty-value-not-deleted",
			Does:   "says that a key with an empty value was not there when it deletes it",
			Breaks: breaks("delete-19"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.delete = func(ctx context.Context, key string) (bool, error) {
					value, found, _ := good.get(ctx, key)
					there, err := good.delete(ctx, key)
					return instead(a, there, there && (!found || len(value) > 0)), err
				}
			}),
		},
		{
			Name:   "leader-figure-trimmed",
			Does:   "trims the leader in the stats, and keeps only valid UTF-8 of it",
			Breaks: breaks("health-17"),
			spoil: each(func(a *adapter) {
				a.tellsStats(func(stats *coordination.Stats) {
					stats.Leader = instead(a, stats.Leader, strings.TrimSpace(strings.ToValidUTF8(stats.Leader, "?")))
				})
			}),
		},
		{
			Name:   "long-heartbeats-in-seconds",
			Does:   "cuts heartbeats of more than ten seconds to whole ones",
			Breaks: breaks("member-26"),
			spoil: each(func(a *adapter) {
				heartbeat := a.heartbeat
				a.heartbeat = func(ctx context.Context, nodeID string, ttl time.Duration) error {
					if ttl > 10*time.Second {
						ttl = instead(a, ttl, ttl.Truncate(time.Second))
					}
					return heartbeat(ctx, nodeID, ttl)
				}
			}),
		},
		{
			Name:   "answers-of-one-arena",
			Does:   "returns values as parts of one large slice, each with the next one's room behind it",
			Breaks: breaks("share-9"),
			spoil: each(func(a *adapter) {
				var mu sync.Mutex // guards what follows
				var arena []byte
				a.got(func(_ string, value []byte, found bool) ([]byte, bool, error) {
					mu.Lock()
					defer mu.Unlock()
					if !found || len(value) == 0 || len(value) > 4096 {
						return value, found, nil
					}
					if len(arena) < len(value) {
						arena = make([]byte, 64<<10)
					}
					a.strike()
					part := arena[:copy(arena, value)]
					arena = arena[len(value):]
					return part, true, nil
				})
			}),
		},
	}
}
