package specs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/report"
)

// opener is a subject that can be anything. Its time is real.
type opener func(ctx context.Context, namespace string) (coordination.DistributedCoordination, error)

func (o opener) Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
	return o(ctx, namespace)
}

// virtually is an opener in virtual time.
type virtually struct{ opener }

func (virtually) Suite() *testing.T { return suite }

// onHub opens handles on a hub as some function changes them.
func onHub(change func(*memory.Coordination) coordination.DistributedCoordination) opener {
	hub := memory.NewHub()
	return func(_ context.Context, namespace string) (coordination.DistributedCoordination, error) {
		handle, err := hub.Open(&memory.Options{Namespace: namespace})
		if err != nil {
			return nil, err
		}
		return change(handle), nil
	}
}

// judged judges some behaviours, and returns what came of each.
func judged(ctx context.Context, factory func() specs.Subject, ids ...string) map[string]report.Outcome {
	GinkgoHelper()
	outcomes := map[string]report.Outcome{}
	specs.Judge(ctx, "toy", factory, &specs.Options{
		Only:     func(b report.Behaviour) bool { return strings.Contains(" "+strings.Join(ids, " ")+" ", " "+b.ID+" ") },
		Observe:  func(b report.Behaviour) { outcomes[b.ID] = b.Outcomes["toy"] },
		Patience: 200 * time.Millisecond,
		Limit:    time.Second,
	})
	Expect(outcomes).To(HaveLen(len(ids)))
	return outcomes
}

// Two behaviours that need one handle, and two that need peers.
const alone, alsoAlone, together, alsoTogether = "lease-1", "value-3", "value-1", "contend-1"

var _ = Describe("A subject", func() {
	broken := errors.New("no such host")
	good := onHub(func(handle *memory.Coordination) coordination.DistributedCoordination { return handle })
	of := func(o opener) func() specs.Subject { return func() specs.Subject { return o } }

	DescribeTable("is at fault by name, in each behaviour that it is asked to show,",
		func(ctx SpecContext, words string, factory func() specs.Subject) {
			for id, outcome := range judged(ctx, factory, together, alsoTogether) {
				Expect(outcome.State).To(Equal(report.Subject), "%s: %s", id, outcome.Reason)
				Expect(outcome.Reason).To(ContainSubstring(words))
			}
		},
		Entry("where the factory returns nil", "the factory returns nil", func() specs.Subject { return nil }),
		Entry("where the factory returns a nil pointer", "the factory returns nil", func() specs.Subject { return (*redisSubject)(nil) }),
		Entry("where the factory panics", "the factory panics: no server", func() specs.Subject { panic("no server") }),
		Entry("where the factory hangs", "the factory has not returned for 200ms", func() specs.Subject { select {} }),
		Entry("where Open returns nothing", "neither a handle nor an error",
			of(func(context.Context, string) (coordination.DistributedCoordination, error) { return nil, nil })),
		Entry("where Open returns a nil pointer", "neither a handle nor an error",
			of(func(context.Context, string) (coordination.DistributedCoordination, error) {
				return (*memory.Coordination)(nil), nil
			})),
		Entry("where Open fails", "opening a handle: no such host",
			of(func(context.Context, string) (coordination.DistributedCoordination, error) { return nil, broken })),
		Entry("where Open panics", "Open panics: no such host",
			of(func(context.Context, string) (coordination.DistributedCoordination, error) { panic(broken) })),
		Entry("where Open hangs", "Open has not returned for 200ms",
			of(func(context.Context, string) (coordination.DistributedCoordination, error) { select {} })),
		Entry("where Open returns one handle twice", "Open returns the same handle twice", func() specs.Subject {
			handle := memory.New()
			return opener(func(context.Context, string) (coordination.DistributedCoordination, error) { return handle, nil })
		}),
		Entry("where Open returns one handle under two names", "one under two names", func() specs.Subject {
			handles := map[string]*memory.Coordination{}
			return opener(func(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
				if handles[namespace] == nil {
					handle, _ := good(ctx, namespace)
					handles[namespace] = handle.(*memory.Coordination)
				}
				return &struct{ *memory.Coordination }{handles[namespace]}, nil
			})
		}),
		Entry("where handles share nothing", "share nothing",
			of(func(context.Context, string) (coordination.DistributedCoordination, error) { return memory.New(), nil })),
		Entry("where it deviates from what is no behaviour", `deviates from "publish-0"`, func() specs.Subject {
			return deviant{good, []specs.Deviation{{Behaviour: "publish-0", Reason: "why not"}}}
		}),
		Entry("where it deviates without a reason", "gives no reason", func() specs.Subject {
			return deviant{good, []specs.Deviation{{Behaviour: "publish-1"}}}
		}),
		Entry("where its backend dies in the middle", "the backend is gone", func() specs.Subject {
			return mortal(&sync.Map{})
		}),
	)

	It("is not called for ever where its factory hangs", func(ctx SpecContext) {
		outcomes := judged(ctx, func() specs.Subject { select {} }, alone, alsoAlone, together, alsoTogether)
		Expect(outcomes[together].Reason).To(ContainSubstring("has not returned"))
		Expect(outcomes[alsoTogether].Reason).To(ContainSubstring("is not called again"))
	})

	It("that fails once does not end the specs after it", func(ctx SpecContext) {
		calls := 0
		outcomes := judged(ctx, func() specs.Subject {
			if calls++; calls == 1 {
				panic("no server yet")
			}
			return good
		}, alone, together)
		Expect(outcomes[together].State).To(Equal(report.Subject))
		Expect(outcomes[alone].State).To(Equal(report.Passed))
	})

	It("that is not there is not checked, which is no pass", func(ctx SpecContext) {
		r := specs.Judge(ctx, "toy", func() specs.Subject { return specs.Absent("the port is closed") }, nil)
		Expect(r.Behaviours).To(HaveLen(len(specs.Behaviours())))
		for _, b := range r.Behaviours {
			Expect(b.Outcomes["toy"]).To(And(HaveField("State", report.NotChecked), HaveField("Reason", "the port is closed")))
		}
		Expect(r.Passed()).To(BeFalse())
	})

	It("deviates where it is declared to, and fails once it no longer does", func(ctx SpecContext) {
		forgetful := onHub(func(handle *memory.Coordination) coordination.DistributedCoordination { return forgets{handle} })
		factory := func() specs.Subject {
			return deviant{forgetful, []specs.Deviation{
				{Behaviour: together, Reason: "it forgets", Link: "example.org/1"},
				{Behaviour: alone, Reason: "it forgets"},
			}}
		}
		outcomes := judged(ctx, factory, together, alone)
		Expect(outcomes[together]).To(And(HaveField("State", report.Deviates), HaveField("Reason", "it forgets"), HaveField("Link", "example.org/1")))
		Expect(outcomes[alone]).To(And(HaveField("State", report.Failed), HaveField("Reason", ContainSubstring("no longer deviates"))))
	})

	It("is judged no further once the run is interrupted", func(ctx SpecContext) {
		interrupted, cancel := context.WithCancel(ctx)
		cancel()
		Expect(judged(interrupted, of(good), alone)[alone]).To(And(HaveField("State", report.NotChecked), HaveField("Reason", "interrupted")))
	})

	It("is not blamed for what an interrupt cuts short", func(ctx SpecContext) {
		running, interrupt := context.WithCancel(ctx)
		outcomes := judged(running, of(setting(func(ctx context.Context) error {
			interrupt()
			<-ctx.Done()
			return ctx.Err()
		})), together)
		Expect(outcomes[together]).To(And(HaveField("State", report.NotChecked), HaveField("Reason", "interrupted")))
	})

	It("tells the version of its backend, and its timing scale", func(ctx SpecContext) {
		r := specs.Judge(ctx, "toy", func() specs.Subject { return slow{good} }, &specs.Options{
			Only: func(b report.Behaviour) bool { return b.ID == alone },
		})
		Expect(r.Backends).To(ConsistOf(report.Backend{Name: "toy", Version: "toy 1.0", Scale: 2.5}))
	})
})

// deviant is a subject with deviations.
type deviant struct {
	opener
	deviations []specs.Deviation
}

func (d deviant) Deviations() []specs.Deviation { return d.deviations }

// slow is a subject that stretches the times of the contract.
type slow struct{ opener }

func (slow) TimingScale() float64 { return 2.5 }

func (slow) Version(context.Context) (string, error) { return "toy 1.0", nil }

// forgets stores nothing.
type forgets struct{ *memory.Coordination }

func (forgets) Set(context.Context, string, []byte, time.Duration) error { return nil }

// mortal is a subject whose backend dies with the first value that is stored, or
// lease that is taken, in the namespace of a behaviour.
func mortal(dead *sync.Map) opener {
	hub := memory.NewHub()
	return func(_ context.Context, namespace string) (coordination.DistributedCoordination, error) {
		if _, gone := dead.Load("gone"); gone {
			return nil, fmt.Errorf("dial: %w: %w", coordination.ErrUnavailable, io.EOF)
		}
		handle, err := hub.Open(&memory.Options{Namespace: namespace})
		return &dying{handle, dead}, err
	}
}

type dying struct {
	*memory.Coordination
	dead *sync.Map
}

func (d *dying) die() error {
	d.dead.Store("gone", true)
	return fmt.Errorf("%w: %w", coordination.ErrUnavailable, io.EOF)
}

func (d *dying) Set(context.Context, string, []byte, time.Duration) error { return d.die() }

func (d *dying) TryAcquireLeadership(context.Context, string, time.Duration) (uint64, bool, error) {
	return 0, false, d.die()
}
