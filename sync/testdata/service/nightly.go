package main

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// nightly writes one report a night. The leader runs it; the store's guard and
// the primary key of the reports keep a leader that was succeeded from writing,
// and a night from being reported twice.
type nightly struct {
	store  *store
	node   string
	length time.Duration // of a night
	logger *slog.Logger
}

// lead reports each night after its end. It starts with the first night that has
// no report, so that a take-over misses none.
func (n *nightly) lead(ctx context.Context, term uint64) {
	for ctx.Err() == nil {
		err := n.next(ctx, term)
		switch {
		case err == nil, ctx.Err() != nil:
		case errors.Is(err, errFenced):
			n.logger.WarnContext(ctx, "nightly: succeeded", "term", term)
			return
		default:
			n.logger.WarnContext(ctx, "nightly: retrying", "error", err)
			sleep(ctx, n.length/10)
		}
	}
}

// next writes the report of the first night that has none.
func (n *nightly) next(ctx context.Context, term uint64) error {
	night, err := n.store.lastNight(ctx)
	if err != nil {
		return err
	}
	if night == 0 { // the service's first
		night = n.nightOf(time.Now()) - 1
	}
	night++
	sleep(ctx, time.Until(time.Unix(0, (night+1)*int64(n.length))))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return n.store.writeReport(ctx, night, term, n.node)
}

func (n *nightly) nightOf(at time.Time) int64 { return at.UnixNano() / int64(n.length) }

// sleep returns after d, or when ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
