// Package invalidator makes the caches of all nodes forget what one of them has
// changed. It is a service as the port has them: it asks for one role, and knows
// no backend.
package invalidator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

const (
	channel  = "invalidate"
	patience = time.Second // for how long Changed waits for the caches
)

// Cache is what has to forget.
type Cache interface {
	Forget(key string)
	ForgetAll()
}

// Listen has the cache forget what any node reports as changed, and all of it
// where reports were lost. It returns when ctx is done, with its error, or when
// it can't listen.
func Listen(ctx context.Context, messages coordination.Messaging, cache Cache) error {
	subscription, err := messages.Subscribe(ctx, channel)
	if err != nil {
		return fmt.Errorf("listening for changes: %w", err)
	}
	defer func() { _ = subscription.Close() }() // always nil
	cache.ForgetAll()                           // what was changed before is not told any more
	for message, err := range coordination.Messages(ctx, subscription) {
		switch {
		case errors.Is(err, coordination.ErrMessagesLost):
			cache.ForgetAll()
		case err != nil:
			return fmt.Errorf("listening for changes: %w", err)
		default:
			cache.Forget(string(message.Payload))
		}
	}
	return nil
}

// Changed reports a change to all nodes and returns how many have been told. It
// is no error that nobody listens. With an error some caches may be stale.
func Changed(ctx context.Context, messages coordination.Messaging, key string) (told int, err error) {
	told, err = messages.PublishWithAck(ctx, channel, []byte(key), patience)
	if errors.Is(err, coordination.ErrNoSubscribers) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reporting that %q has changed: %w", key, err)
	}
	return told, nil
}
