package specs_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/riptidecrawler/coordkit/adapters/memory"
	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/specs"
	"github.com/riptidecrawler/coordkit/specs/report"
)

// powerful is a subject with powers that do what the test says.
type powerful struct {
	opener
	own, stop, version func() error
	cut                func()
	scale              func() float64
	buffer             func() int
	deviations         func() []specs.Deviation
}

// sound returns one whose powers all work.
func sound() powerful {
	return powerful{
		opener: onHub(func(handle *memory.Coordination) coordination.DistributedCoordination { return handle }),
		own:    func() error { return nil }, stop: func() error { return nil }, version: func() error { return nil },
		cut: func() {}, scale: func() float64 { return 1 }, buffer: func() int { return 1_000 },
		deviations: func() []specs.Deviation { return nil },
	}
}

func (p powerful) Own(context.Context) error                 { return p.own() }
func (p powerful) Stop(context.Context) error                { return p.stop() }
func (p powerful) Start(context.Context) error               { return nil }
func (p powerful) Cut(coordination.DistributedCoordination)  { p.cut() }
func (p powerful) Heal(coordination.DistributedCoordination) {}
func (p powerful) TimingScale() float64                      { return p.scale() }
func (p powerful) Buffer() int                               { return p.buffer() }
func (p powerful) Deviations() []specs.Deviation             { return p.deviations() }
func (p powerful) Version(context.Context) (string, error)   { return "1", p.version() }

// suiteless is a subject in virtual time that hangs when it is asked for the test.
type suiteless struct{ opener }

func (suiteless) Suite() *testing.T { select {} }

// hang, and end are what a call of a subject may do.
func hang[T any]() T { select {} }

func end[T any]() (none T) {
	runtime.Goexit()
	return none
}

var _ = Describe("A power of a subject", func() {
	DescribeTable("is the subject's fault, and nobody else's, where",
		func(ctx SpecContext, id, words string, spoil func(*powerful)) {
			outcomes := judged(ctx, func() specs.Subject {
				p := sound()
				spoil(&p)
				return p
			}, id)
			Expect(outcomes[id].State).To(Equal(report.Subject), outcomes[id].Reason)
			Expect(outcomes[id].Reason).To(ContainSubstring(words))
		},
		Entry("Own fails", "outage-10", "Own of the subject: no port is free", func(p *powerful) {
			p.own = func() error { return errors.New("no port is free") }
		}),
		Entry("Own hangs", "outage-10", "Own has not returned for", func(p *powerful) { p.own = hang[error] }),
		Entry("Stop panics", "outage-10", "Stop panics: no process", func(p *powerful) { p.stop = func() error { panic("no process") } }),
		Entry("Cut panics", "cut-Get", "Cut panics: no link", func(p *powerful) { p.cut = func() { panic("no link") } }),
		Entry("Buffer is too small", "buffer-1", "holds 10 messages, and must hold", func(p *powerful) { p.buffer = func() int { return 10 } }),
		Entry("Buffer is absurd", "buffer-1", "and must hold 1000 to 1000000", func(p *powerful) { p.buffer = func() int { return math.MaxInt } }),
		Entry("TimingScale is no number", alone, "TimingScale returns NaN", func(p *powerful) { p.scale = math.NaN }),
		Entry("TimingScale is too small", alone, "must return 1 to 100", func(p *powerful) { p.scale = func() float64 { return 0.5 } }),
		Entry("TimingScale ends its goroutine", alone, "TimingScale ends its goroutine", func(p *powerful) { p.scale = end[float64] }),
		Entry("Deviations hangs", alone, "Deviations has not returned for", func(p *powerful) { p.deviations = hang[[]specs.Deviation] }),
		Entry("a deviation has a blank reason", alone, "gives no reason", func(p *powerful) {
			p.deviations = func() []specs.Deviation { return []specs.Deviation{{Behaviour: alone, Reason: " "}} }
		}),
		Entry("a deviation is declared twice", alone, "twice", func(p *powerful) {
			d := specs.Deviation{Behaviour: alone, Reason: "why not"}
			p.deviations = func() []specs.Deviation { return []specs.Deviation{d, d} }
		}),
	)

	It("to tell its version may fail, and is not called for ever where it hangs", func(ctx SpecContext) {
		var calls atomic.Int64
		p := sound()
		p.version = func() error {
			calls.Add(1)
			return hang[error]()
		}
		outcomes := judged(ctx, func() specs.Subject { return p }, alone, alsoAlone)
		Expect(outcomes).To(HaveEach(HaveField("State", report.Passed)))
		Expect(calls.Load()).To(Equal(int64(1)))
	})

	It("to run in virtual time needs a test that comes", func(ctx SpecContext) {
		outcomes := judged(ctx, func() specs.Subject { return suiteless{sound().opener} }, alone)
		Expect(outcomes[alone]).To(And(HaveField("State", report.Subject), HaveField("Reason", ContainSubstring("Suite has not returned"))))
	})

	It("to be absent needs a reason", func(ctx SpecContext) {
		outcomes := judged(ctx, func() specs.Subject { return specs.Absent("") }, alone)
		Expect(outcomes[alone].State).To(Equal(report.Subject))
	})
})

var _ = Describe("An adapter that ends the goroutine of its caller", func() {
	It("fails, and does not pass", func(ctx SpecContext) {
		outcomes := judged(ctx, func() specs.Subject { return setting(func(context.Context) error { return end[error]() }) }, "value-1", alone)
		Expect(outcomes["value-1"]).To(And(HaveField("State", report.Failed), HaveField("Reason", ContainSubstring("ends the goroutine"))))
		Expect(outcomes[alone].State).To(Equal(report.Passed))
	})
})

var _ = Describe("An adapter that always hangs", func() {
	It("is told of by the call, is given less time each time, and is given up", func(ctx SpecContext) {
		factory := func() specs.Subject { return setting(func(context.Context) error { return hang[error]() }) }
		var told []report.Outcome
		specs.Judge(ctx, "toy", factory, &specs.Options{
			Only:     func(b report.Behaviour) bool { return b.Group == "values" },
			Observe:  func(b report.Behaviour) { told = append(told, b.Outcomes["toy"]) },
			Patience: 10 * time.Millisecond, Limit: 160 * time.Millisecond,
		})
		Expect(told[0].Reason).To(ContainSubstring(`peer 1's Set("key", "value", 0s) never returns`))
		Expect(told[1].Duration).To(BeNumerically("<", told[0].Duration))
		Expect(told[10]).To(And(HaveField("State", report.Subject), HaveField("Reason", ContainSubstring("no more are tried"))))
	})
})
