package broken

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func outageFaults() []Fault {
	return slices.Concat(unavailableAnswers(), silentLinks(), farReaching(), outageLeaders(), outageCloses())
}

// failing is a fault in what every method returns where the backend can't be
// reached.
func failing(does func(a *adapter, c *call, err error) error) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		a.every(func(c *call) error {
			err := c.proceed()
			if errors.Is(err, coordination.ErrUnavailable) {
				wrong := does(a, c, err)
				if wrong == nil || wrong.Error() != err.Error() {
					a.strike()
				}
				return wrong
			}
			return err
		})
	})
}

func unavailableAnswers() []Fault {
	return []Fault{
		{
			Name:   "empty-answers-in-an-outage",
			Does:   "answers as if there were nothing where the backend can't be reached",
			Breaks: breaks("error-4 cut-* outage-1 outage-3..4 outage-8 outage-10"),
			spoil:  failing(func(*adapter, *call, error) error { return nil }),
		},
		{
			Name:   "cause-not-told",
			Does:   "returns ErrUnavailable without the cause",
			Breaks: breaks("cut-* outage-1 outage-3..4 outage-8 outage-10"),
			spoil:  failing(func(*adapter, *call, error) error { return coordination.ErrUnavailable }),
		},
		{
			Name:   "never-connected-again",
			Does:   "gives a link up for good once it was broken",
			Breaks: breaks("cut-* outage-1 outage-3..5 outage-10"),
			spoil: each(func(a *adapter) {
				var broken atomic.Bool
				a.every(func(c *call) error {
					err := c.proceed()
					switch {
					case errors.Is(err, coordination.ErrUnavailable):
						broken.Store(true)
					case broken.Load() && !refused(err):
						a.strike()
						return unavailable(errors.New("use of closed network connection"))
					}
					return err
				})
			}),
		},
		{
			Name:   "link-looked-at-first",
			Does:   "looks at the link before it checks the arguments, its own end and the context",
			Breaks: breaks("outage-7"),
			spoil: each(func(a *adapter) {
				a.every(func(c *call) error {
					err := c.proceed()
					if condition, _ := a.link.is(); condition == cut && !errors.Is(err, coordination.ErrUnavailable) {
						a.strike()
						return unavailable(errCut)
					}
					return err
				})
			}),
		},
		{
			Name:   "writes-kept-for-later",
			Does:   "makes up for the writes that failed in an outage once the link is back",
			Breaks: breaks("outage-3"),
			spoil: each(func(a *adapter) {
				var mu sync.Mutex
				var pending []func() error
				good := a.methods
				catchUp := func() {
					mu.Lock()
					defer mu.Unlock()
					for _, write := range pending {
						a.strike()
						_ = write()
					}
					pending = nil
				}
				a.every(func(c *call) error {
					if condition, _ := a.link.is(); condition == whole {
						catchUp()
					}
					return c.proceed()
				})
				set := a.set
				a.set = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
					err := set(ctx, key, value, ttl)
					if errors.Is(err, coordination.ErrUnavailable) {
						mu.Lock()
						defer mu.Unlock()
						value = slices.Clone(value)
						pending = append(pending, func() error { return good.set(context.WithoutCancel(ctx), key, value, ttl) })
					}
					return err
				}
			}),
		},
	}
}

// silentLinks are faults on a link that is open but dead.
func silentLinks() []Fault {
	return []Fault{
		{
			Name:   "silence-without-an-end",
			Does:   "waits for an answer on a silent link for as long as its context allows",
			Breaks: breaks("outage-1"),
			spoil: failing(func(_ *adapter, c *call, err error) error {
				if !errors.Is(err, errSilent) {
					return err
				}
				<-c.ctx.Done()
				return c.ctx.Err()
			}),
		},
	}
}

// farReaching are faults in whom an outage touches.
func farReaching() []Fault {
	return []Fault{
		{
			Name:   "one-link-for-all",
			Does:   "shares its link with its peers",
			Breaks: breaks("buffer-8 buffer-10 outage-2 outage-4..6 outage-8"),
			spoil: byNamespace(func(a *adapter, links *links) {
				links.add(a.link)
				a.every(func(c *call) error {
					err := c.proceed()
					if err == nil && links.broken() {
						a.strike()
						return unavailable(errBroken)
					}
					return err
				})
			}),
		},
		{
			Name:   "one-gap-for-all",
			Does:   "tells the subscriptions of its peers, too, of a break of its own link",
			Breaks: breaks("outage-2"),
			spoil: byNamespace(func(a *adapter, links *links) {
				links.add(a.link)
				a.subscriptions(func(_ string, s *subscription) {
					next := s.next
					var told atomic.Int64
					told.Store(links.breaks())
					s.next = func(ctx context.Context) (coordination.Message, error) {
						breaks := links.breaks()
						if before := told.Swap(breaks); before < breaks && a.link.breaks() == 0 && ctx != nil && ctx.Err() == nil {
							a.strike()
							return coordination.Message{}, &coordination.MessagesLostError{}
						}
						return next(ctx)
					}
				})
			}),
		},
	}
}

// links are those of the peers.
type links struct {
	mu  sync.Mutex
	all []*link
}

func (l *links) add(its *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, its)
}

func (l *links) broken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.all, func(its *link) bool {
		condition, _ := its.is()
		return condition != whole
	})
}

func (l *links) breaks() (sum int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, its := range l.all {
		sum += its.breaks()
	}
	return sum
}

// outageCloses are faults in what an outage comes to for Close.
func outageCloses() []Fault {
	return []Fault{
		{
			Name:   "goroutine-outlives-an-outage",
			Does:   "goes on trying to connect for a while after it was closed",
			Breaks: breaks("outage-8"),
			spoil: each(func(a *adapter) {
				a.closing(func() {
					if a.link.breaks() > 0 {
						a.linger()
					}
				})
			}),
		},
		{
			Name:   "close-says-goodbye",
			Does:   "waits in Close until the backend has taken its leave",
			Breaks: breaks("outage-9"),
			spoil: each(func(a *adapter) {
				shut := a.close
				a.close = func() error {
					if condition, changed := a.link.is(); condition == frozen {
						a.strike()
						timer := time.NewTimer(time.Minute)
						defer timer.Stop()
						select {
						case <-changed:
						case <-timer.C:
						}
					}
					return shut()
				}
			}),
		},
	}
}
