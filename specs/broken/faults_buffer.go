package broken

import (
	"context"
	"errors"
	"slices"

	"github.com/riptidecrawler/coordkit/coordination"
)

func bufferFaults() []Fault {
	return slices.Concat(overflows(), miscounted(), blocked(), brokenLinks())
}

// overflows are faults in what is dropped for a slow subscriber.
func overflows() []Fault {
	return []Fault{}
}

// gaps has a fault tell something else in place of a gap; nothing, where it
// returns nil.
func (a *adapter) gaps(instead func(s *subscription, gap *coordination.MessagesLostError) error) {
	a.subscriptions(func(_ string, s *subscription) {
		next := s.next
		s.next = func(ctx context.Context) (coordination.Message, error) {
			for {
				message, err := next(ctx)
				var gap *coordination.MessagesLostError
				if !errors.As(err, &gap) {
					return message, err
				}
				if err := instead(s, gap); err != nil {
					return message, err
				}
			}
		}
	})
}

// miscounted are faults in what is told of an overflow.
func miscounted() []Fault {
	overflow := func(tell func(a *adapter, gap *coordination.MessagesLostError) error) func(*backend) func(*adapter) {
		return each(func(a *adapter) {
			a.gaps(func(_ *subscription, gap *coordination.MessagesLostError) error {
				if gap.Count == 0 {
					return gap // of a broken link
				}
				a.strike()
				return tell(a, gap)
			})
		})
	}
	return []Fault{
		{
			Name:   "overflow-not-told",
			Does:   "does not tell of messages that it dropped from a full buffer",
			Breaks: breaks("buffer-5..6 buffer-12 error-7"),
			spoil:  overflow(func(*adapter, *coordination.MessagesLostError) error { return nil }),
		},
	}
}
