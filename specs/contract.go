package specs

import (
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const (
	// specTimeout bounds a spec in real time; it is for what hangs, not for
	// what is slow.
	specTimeout = 60 * time.Second

	// bubbleTimeout bounds the virtual time of a spec, so that one which waits
	// for ever fails at once.
	bubbleTimeout = 24 * time.Hour
)

// Contract registers the specs for the subjects that the factory makes, under
// the name of the backend. Call it where Ginkgo containers are declared, at the
// top level of a test file or inside a Describe. The factory is called once for
// each spec. Its result is a value only so that a var can be declared with it.
func Contract(backend string, factory func() Subject) bool {
	return Describe(backend, func() {
		c := contract{factory}
		Describe("Messaging", func() {
			Describe("publishing", c.publishing)
			Describe("patterns", c.patterns)
			Describe("slow subscribers and broken links", c.buffering)
			Describe("subscriptions", c.subscriptions)
			Describe("acknowledgement", c.acknowledgement)
		})
		Describe("Key store", func() {
			Describe("values", c.values)
			Describe("time to live", c.expiry)
			Describe("listing keys", c.keys)
			Describe("deleting", c.deletion)
		})
		Describe("Membership", func() {
			Describe("members", c.membership)
		})
		Describe("Leadership", func() {
			Describe("the lease", c.leadership)
			Describe("contention", c.contention)
			Describe("linearizability", c.linearizability)
		})
		Describe("Diagnostics", func() {
			Describe("health and figures", c.diagnostics)
		})
		Describe("Isolation", func() {
			Describe("namespaces", c.isolation)
		})
		Describe("Every method", func() {
			Describe("arguments", c.arguments)
			Describe("contexts", c.contexts)
			Describe("closing", c.closing)
			Describe("concurrent use", c.sharing)
			Describe("outages", c.outages)
		})
	})
}

// contract is the specs of one backend.
type contract struct {
	factory func() Subject
}

// it declares one behaviour: a sentence, and the body that shows it on a cluster
// of handles on one backend.
func (c contract) it(behaviour string, body func(*cluster), decorators ...any) {
	GinkgoHelper()
	It(behaviour, func(ctx SpecContext) {
		subject := c.factory()
		run := func() {
			if deviation := declared(subject, behaviour); deviation != nil {
				deviates(deviation, func() { perform(ctx, subject, body) })
				return
			}
			perform(ctx, subject, body)
		}
		if virtual, ok := subject.(VirtualTime); ok {
			// The subject above only told what it can do: what the spec uses
			// is made inside the bubble.
			bubble(virtual, func() {
				subject = c.factory()
				run()
			})
			return
		}
		run()
	}, SpecTimeout(specTimeout), decorators)
}

// bubble runs a body in virtual time. Whatever goes wrong with the bubble itself
// is the failure of this spec and of no other.
func bubble(virtual VirtualTime, body func()) {
	defer func() {
		if broken := recover(); broken != nil {
			Fail(fmt.Sprintf("the adapter leaves goroutines behind, or waits for ever: %v\n%s", broken, debug.Stack()))
		}
	}()
	synctest.Test(virtual.Suite(), func(*testingT) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer GinkgoRecover()
			body()
		}()
		select {
		case <-done:
		case <-time.After(bubbleTimeout):
			defer GinkgoRecover()
			Fail("the spec waits for ever")
		}
	})
}

// perform runs a body on a cluster and takes down what it has put up.
func perform(ctx SpecContext, subject Subject, body func(*cluster)) {
	c := newCluster(ctx, subject)
	defer func() {
		c.takeDown()
		if closer, ok := subject.(io.Closer); ok {
			Expect(closer.Close()).To(Succeed(), "closing the subject")
		}
	}()
	body(c)
}

func declared(subject Subject, behaviour string) *Deviation {
	deviant, ok := subject.(Deviant)
	if !ok {
		return nil
	}
	deviations := deviant.Deviations()
	i := slices.IndexFunc(deviations, func(d Deviation) bool { return d.Behaviour == behaviour })
	if i < 0 {
		return nil
	}
	return &deviations[i]
}

// deviates runs a body that must fail.
func deviates(deviation *Deviation, body func()) {
	if InterceptGomegaFailure(body) == nil {
		Fail(fmt.Sprintf("no longer deviates; remove the declared deviation (%s)", deviation.Reason))
	}
	Skip(strings.TrimSpace(fmt.Sprintf("deviates: %s %s", deviation.Reason, deviation.Link)))
}

// need returns the subject's power, or reports the behaviour as not checked.
func need[Power any](c *cluster, reason string) Power {
	GinkgoHelper()
	power, ok := c.subject.(Power)
	if !ok {
		Skip("not checked: " + reason)
	}
	return power
}
