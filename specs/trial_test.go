package specs_test

import (
	"context"
	"os"
	"os/exec"
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

// setter is an adapter that does something else where a value is to be set.
type setter struct {
	*memory.Coordination
	set func(ctx context.Context) error
}

func (s setter) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := s.set(ctx); err != nil {
		return err
	}
	return s.Coordination.Set(ctx, key, value, ttl)
}

func setting(set func(ctx context.Context) error) opener {
	return onHub(func(handle *memory.Coordination) coordination.DistributedCoordination { return setter{handle, set} })
}

var _ = Describe("An adapter", func() {
	// Values are set by one goroutine in the one, and by many in the other.
	const one, many = "value-1", "value-10"

	DescribeTable("fails alone the behaviours in which it",
		func(ctx SpecContext, words string, set func(context.Context) error) {
			for _, factory := range []func() specs.Subject{
				func() specs.Subject { return setting(set) },
				func() specs.Subject { return virtually{setting(set)} },
			} {
				outcomes := judged(ctx, factory, one, many, alone)
				for _, id := range []string{one, many} {
					Expect(outcomes[id].State).To(Equal(report.Failed), "%s: %s", id, outcomes[id].Reason)
					Expect(outcomes[id].Reason).To(ContainSubstring(words))
				}
				Expect(outcomes[alone].State).To(Equal(report.Passed), outcomes[alone].Reason)
			}
		},
		Entry("panics", "panics: no such key", func(context.Context) error { panic("no such key") }),
		Entry("waits for a lock for ever", "never returns", func(context.Context) error {
			var mu sync.Mutex
			mu.Lock()
			mu.Lock()
			return nil
		}),
		Entry("waits for as long as it is allowed to", "deadline exceeded", func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}),
	)

	DescribeTable("fails in virtual time where it leaves behind a goroutine that",
		func(ctx SpecContext, wait func()) {
			set := func(context.Context) error {
				go wait()
				return nil
			}
			outcomes := judged(ctx, func() specs.Subject { return virtually{setting(set)} }, one, alone)
			Expect(outcomes[one].State).To(Equal(report.Failed))
			Expect(outcomes[one].Reason).To(And(ContainSubstring("leaves goroutines behind"), ContainSubstring("trial_test.go")))
			Expect(outcomes[alone].State).To(Equal(report.Passed))
		},
		Entry("waits for ever", func() { <-make(chan struct{}) }),
		Entry("wakes up again and again", func() {
			for range time.Tick(time.Second) {
			}
		}),
	)

	It("may leave a goroutine to its last steps", func(ctx SpecContext) {
		set := func(context.Context) error {
			time.AfterFunc(time.Second, func() {})
			go time.Sleep(2 * time.Second)
			return nil
		}
		outcomes := judged(ctx, func() specs.Subject { return virtually{setting(set)} }, one)
		Expect(outcomes[one].State).To(Equal(report.Passed), outcomes[one].Reason)
	})

	It("is shown with the place of its failure, and a timeline of what each peer did", func(ctx SpecContext) {
		factory := func() specs.Subject {
			return onHub(func(handle *memory.Coordination) coordination.DistributedCoordination { return forgets{handle} })
		}
		outcome := judged(ctx, factory, one)[one]
		Expect(outcome.Reason).To(HavePrefix("specs/keystore.go:"))
		Expect(outcome.Timeline).To(And(
			MatchRegexp(`peer 1 +Set\("key", "value", 0s\): ok \(\S+s\)`),
			MatchRegexp(`peer 1 +Get\("key"\): "", false \(\S+s\)`),
		))
	})
})

var _ = Describe("An adapter's own behaviour", func() {
	good := onHub(func(handle *memory.Coordination) coordination.DistributedCoordination { return handle })
	// outcome judges extra behaviours and returns what came of the last one.
	outcome := func(ctx context.Context, extras ...specs.Extra) report.Outcome {
		r := specs.Judge(ctx, "toy", func() specs.Subject { return good }, &specs.Options{
			Extras: extras,
			Only:   func(b report.Behaviour) bool { return b.Role == "Beyond the contract" },
		})
		return r.Behaviours[len(r.Behaviours)-1].Outcomes["toy"]
	}
	extra := func(body func(context.Context, *specs.Stage)) specs.Extra {
		return specs.Extra{ID: "toy/peers", Group: "peers", Sentence: "opens peers", Body: body}
	}

	It("is judged as those of the contract are", func(ctx SpecContext) {
		Expect(outcome(ctx, extra(func(ctx context.Context, stage *specs.Stage) {
			g := NewWithT(stage)
			one, other := stage.Open(), stage.Open()
			g.Expect(one.Set(ctx, "key", nil, 0)).To(Succeed())
			_, found, err := other.Get(ctx, "key")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(found).To(BeTrue())
			g.Expect(stage.Subject()).To(BeAssignableToTypeOf(good))
		}))).To(HaveField("State", report.Passed))
	})

	It("fails by the assertions of any library", func(ctx SpecContext) {
		Expect(outcome(ctx, extra(func(_ context.Context, stage *specs.Stage) {
			NewWithT(stage).Expect(1).To(Equal(2))
		}))).To(And(HaveField("State", report.Failed), HaveField("Reason", HavePrefix("specs/trial_test.go:")), HaveField("Reason", ContainSubstring("to equal"))))
	})

	It("can be left unchecked, which is no pass", func(ctx SpecContext) {
		Expect(outcome(ctx, extra(func(_ context.Context, stage *specs.Stage) {
			stage.NotChecked("the toy is at home")
		}))).To(And(HaveField("State", report.NotChecked), HaveField("Reason", "the toy is at home")))
	})

	DescribeTable("is the subject's fault where", func(ctx SpecContext, words string, spoil func(*specs.Extra)) {
		e := extra(func(context.Context, *specs.Stage) {})
		spoil(&e)
		Expect(outcome(ctx, extra(func(context.Context, *specs.Stage) {}), e)).To(And(
			HaveField("State", report.Subject), HaveField("Reason", ContainSubstring(words))))
	},
		Entry("it has no prefix of its own", `"publish-1" needs an ID such as`, func(e *specs.Extra) { e.ID = "publish-1" }),
		Entry("there are two of one name", `two behaviours with the ID "toy/peers"`, func(*specs.Extra) {}),
		Entry("its group is blank", "needs a group, a sentence and a body", func(e *specs.Extra) { e.ID, e.Group = "toy/other", " " }),
		Entry("it has no body", "needs a group, a sentence and a body", func(e *specs.Extra) { e.ID, e.Body = "toy/other", nil }),
	)
})

// TestRun judges an adapter without Ginkgo, and runs itself again as a test that
// must fail.
func TestRun(t *testing.T) {
	t.Run("that passes", func(t *testing.T) {
		specs.Run(t, "memory", func() specs.Subject { return memorySubject{memory.NewHub()} })
	})
	for _, how := range []string{"that forgets", "that is not there"} {
		t.Run(how, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRunToFail$", "-test.v")
			command.Env = append(os.Environ(), "RUN_TO_FAIL="+how)
			output, err := command.CombinedOutput()
			if err == nil {
				t.Errorf("it passes:\n%s", output)
			}
			words := map[string]string{
				"that forgets":      "--- FAIL: TestRunToFail/Key-store/value-1",
				"that is not there": "nothing was checked on toy",
			}[how]
			NewWithT(t).Expect(string(output)).To(ContainSubstring(words))
		})
	}
}

func TestRunToFail(t *testing.T) {
	switch os.Getenv("RUN_TO_FAIL") {
	case "that forgets":
		specs.Run(t, "toy", func() specs.Subject {
			return virtually{onHub(func(handle *memory.Coordination) coordination.DistributedCoordination { return forgets{handle} })}
		})
	case "that is not there":
		specs.Run(t, "toy", func() specs.Subject { return specs.Absent("it is away") })
	}
}
