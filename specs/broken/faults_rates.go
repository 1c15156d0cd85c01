package broken

import (
	"context"
	"sync"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

// rateFaults are those of the diagnostics in how the rates are told.
func rateFaults() []Fault {
	return []Fault{
		{
			Name:   "rates-never-fall",
			Does:   "divides all messages ever by ten seconds",
			Breaks: breaks("health-13..14"),
			spoil: rated(func(published, received *window, stats *coordination.Stats) {
				stats.PublishRate, stats.ReceiveRate = published.over(time.Hour)/10, received.over(time.Hour)/10
			}),
		},
		{
			Name:   "refused-messages-counted",
			Does:   "counts messages that it does not publish as well",
			Breaks: breaks("health-12"),
			spoil: each(func(a *adapter) {
				var refused window
				publish := a.publish
				a.publish = func(ctx context.Context, channel string, payload []byte) error {
					err := publish(ctx, channel, payload)
					if err != nil {
						refused.add()
					}
					return err
				}
				a.tellsStats(func(stats *coordination.Stats) { stats.PublishRate += refused.over(10*time.Second) / 10 })
			}),
		},
	}
}

// window is when things have happened.
type window struct {
	mu    sync.Mutex // guards times
	times []time.Time
}

func (w *window) add() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.times = append(w.times, time.Now())
}

// over returns how many there were in the time until now.
func (w *window) over(length time.Duration) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	count := 0.0
	for _, at := range w.times {
		if time.Since(at) < length {
			count++
		}
	}
	return count
}

// rated is a fault in how the rates are computed.
func rated(tell func(published, received *window, stats *coordination.Stats)) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		var published, received window
		a.every(func(c *call) error {
			err := c.proceed()
			if err == nil && (c.method == "Publish" || c.method == "PublishWithAck") {
				published.add()
			}
			return err
		})
		a.messages(func(message coordination.Message) coordination.Message {
			received.add()
			return message
		})
		a.tellsStats(func(stats *coordination.Stats) { tell(&published, &received, stats) })
	})
}
