package redis

import (
	"context"
	"fmt"
	"log/slog"
)

// clientLog passes go-redis' own lines on to a logger.
type clientLog struct{ log *slog.Logger }

func (l clientLog) Printf(ctx context.Context, format string, values ...any) {
	l.log.WarnContext(ctx, "redis: client", "line", fmt.Sprintf(format, values...))
}
