package sync_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/mock/gomock"

	"github.com/riptidecrawler/coordkit/coordination"
	"github.com/riptidecrawler/coordkit/mocks"
	dsync "github.com/riptidecrawler/coordkit/sync"
)

// inboxOfSelf is the channel that the node under test, "self", has for itself.
const inboxOfSelf = dsync.DefaultChannel + ":self"

// scriptedPort is a port on the generated mock. It writes down every call, and
// answers as a backend would where nothing goes wrong, or as the spec says. A call
// of anything that a running node has no business with fails the spec.
type scriptedPort struct {
	*mocks.MockDistributedCoordination
	controller *gomock.Controller
	start      time.Time

	mu            sync.Mutex // guards what follows
	calls         []scriptedCall
	scripts       map[string]script
	deaf          bool   // what is published reaches nobody
	term          uint64 // in which the node leads, 0 where it can't
	subscriptions map[string]*scriptedSubscription
}

// scriptedCall is a call as it was written down.
type scriptedCall struct {
	method string
	text   string // the method and what it was called with
	at     time.Duration
	letter letter // what was published
}

// script stands in for the backend in a call of a method. Where it returns nil the
// call goes on as if there were no script.
type script func(ctx context.Context) error

func newScriptedPort() *scriptedPort {
	controller := gomock.NewController(bubbleReporter{})
	p := &scriptedPort{
		MockDistributedCoordination: mocks.NewMockDistributedCoordination(controller),
		controller:                  controller, start: time.Now(),
		scripts:       map[string]script{},
		subscriptions: map[string]*scriptedSubscription{},
	}
	expected := p.EXPECT()
	expected.Publish(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(p.publish).AnyTimes()
	expected.Subscribe(gomock.Any(), gomock.Any()).DoAndReturn(p.subscribe).AnyTimes()
	expected.RegisterNode(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(
		func(ctx context.Context, node string, metadata []byte) error {
			return p.call(ctx, "RegisterNode", node, string(metadata))
		}).AnyTimes()
	expected.Heartbeat(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(
		func(ctx context.Context, node string, ttl time.Duration) error {
			return p.call(ctx, "Heartbeat", node, ttl)
		}).AnyTimes()
	expected.DeregisterNode(gomock.Any(), gomock.Any()).DoAndReturn(
		func(ctx context.Context, node string) (bool, error) {
			err := p.call(ctx, "DeregisterNode", node)
			return err == nil, err
		}).AnyTimes()
	expected.Leader(gomock.Any()).DoAndReturn(func(ctx context.Context) (coordination.Leader, bool, error) {
		return coordination.Leader{}, false, p.call(ctx, "Leader")
	}).AnyTimes()
	expected.TryAcquireLeadership(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(
		func(ctx context.Context, node string, ttl time.Duration) (uint64, bool, error) {
			if err := p.call(ctx, "TryAcquireLeadership", node, ttl); err != nil {
				return 0, false, err
			}
			return p.leading(), p.leading() > 0, nil
		}).AnyTimes()
	expected.ReleaseLeadership(gomock.Any(), gomock.Any()).DoAndReturn(
		func(ctx context.Context, node string) (bool, error) {
			err := p.call(ctx, "ReleaseLeadership", node)
			return err == nil, err
		}).AnyTimes()
	return p
}

// on has a method do as the script says from now on; nil is for no script.
func (p *scriptedPort) on(method string, do script) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.scripts[method] = do
}

// fails has methods return err from now on; nil has them succeed.
func (p *scriptedPort) fails(err error, methods ...string) {
	for _, method := range methods {
		p.on(method, func(context.Context) error { return err })
	}
}

// hangs has a method return when its context is done, and not before.
func (p *scriptedPort) hangs(method string) {
	p.on(method, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
}

// call writes a call down and plays its script.
func (p *scriptedPort) call(ctx context.Context, method string, arguments ...any) error {
	written := scriptedCall{method: method, text: method, at: time.Since(p.start)}
	for _, argument := range arguments {
		written.text = strings.TrimSpace(fmt.Sprint(written.text, " ", argument))
		if published, is := argument.(letter); is {
			written.letter = published
		}
	}
	p.mu.Lock()
	p.calls = append(p.calls, written)
	do := p.scripts[method]
	p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if do == nil {
		return nil
	}
	return do(ctx)
}

func (p *scriptedPort) publish(ctx context.Context, channel string, payload []byte) error {
	var read letter
	if err := json.Unmarshal(payload, &read); err != nil {
		bubbleReporter{}.Fatalf("published what is no message: %v", err)
	}
	if err := p.call(ctx, "Publish", strings.TrimPrefix(channel, dsync.DefaultChannel), read); err != nil {
		return err
	}
	if !p.reachesNobody() {
		p.deliver(channel, payload, nil)
	}
	return nil
}

func (p *scriptedPort) subscribe(ctx context.Context, pattern string) (coordination.Subscription, error) {
	if err := p.call(ctx, "Subscribe", pattern); err != nil {
		return nil, err
	}
	s := &scriptedSubscription{
		MockSubscription: mocks.NewMockSubscription(p.controller),
		deliveries:       make(chan scriptedDelivery, 4096), closed: make(chan struct{}),
	}
	s.EXPECT().Next(gomock.Any()).DoAndReturn(s.next).AnyTimes()
	s.EXPECT().Close().DoAndReturn(func() error {
		close(s.closed) // it panics where a subscription is closed twice
		return p.call(context.Background(), "Close", pattern)
	}).AnyTimes()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.subscriptions[pattern] = s
	return s, nil
}

// deliver has the newest subscription to channel, if there is one, return a message
// or an error.
func (p *scriptedPort) deliver(channel string, payload []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.subscriptions[channel]; s != nil {
		s.deliveries <- scriptedDelivery{coordination.Message{Channel: channel, Pattern: channel, Payload: bytes.Clone(payload)}, err}
	}
}

// isDeaf has what is published reach nobody from now on, or come back again.
func (p *scriptedPort) isDeaf(deaf bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = deaf
}

func (p *scriptedPort) reachesNobody() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.deaf
}

// elects lets the node lead in term, or not where that is 0.
func (p *scriptedPort) elects(term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.term = term
}

func (p *scriptedPort) leading() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.term
}

// called returns the calls of some methods, of all where none is named.
func (p *scriptedPort) called(methods ...string) (calls []scriptedCall) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, call := range p.calls {
		if len(methods) == 0 || strings.Contains(" "+strings.Join(methods, " ")+" ", " "+call.method+" ") {
			calls = append(calls, call)
		}
	}
	return calls
}

// took returns the calls since it was called last, as texts.
func (p *scriptedPort) took() []string {
	texts := textsOf(p.called())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = nil
	return texts
}

func textsOf(calls []scriptedCall) []string {
	texts := make([]string, len(calls))
	for i, call := range calls {
		texts[i] = call.text
	}
	return texts
}

// letters returns what was published that a condition holds for.
func (p *scriptedPort) letters(are func(letter) bool) (letters []letter) {
	for _, call := range p.called("Publish") {
		if are(call.letter) {
			letters = append(letters, call.letter)
		}
	}
	return letters
}

// scriptedSubscription delivers what the spec feeds it.
type scriptedSubscription struct {
	*mocks.MockSubscription
	deliveries chan scriptedDelivery
	closed     chan struct{}
}

type scriptedDelivery struct {
	message coordination.Message
	err     error
}

func (s *scriptedSubscription) next(ctx context.Context) (coordination.Message, error) {
	if err := ctx.Err(); err != nil {
		return coordination.Message{}, err
	}
	select {
	case next := <-s.deliveries:
		return next.message, next.err
	case <-s.closed:
		return coordination.Message{}, coordination.ErrClosed
	case <-ctx.Done():
		return coordination.Message{}, ctx.Err()
	}
}

// bubbleReporter fails the spec for a call of the mock that is not expected, on
// whatever goroutine that comes.
type bubbleReporter struct{}

func (bubbleReporter) Errorf(format string, arguments ...any) {
	defer GinkgoRecover()
	Fail(fmt.Sprintf(format, arguments...))
}

func (r bubbleReporter) Fatalf(format string, arguments ...any) {
	r.Errorf(format, arguments...)
	runtime.Goexit()
}

var _ = Describe("The scripted port", func() {
	It("hands out what it was fed, then the end", func() {
		virtually(func(ctx context.Context) {
			port := newScriptedPort()
			subscription, err := port.subscribe(ctx, "channel")
			Expect(err).NotTo(HaveOccurred())
			port.deliver("channel", []byte("payload"), nil)
			Expect(subscription.Next(ctx)).To(HaveField("Payload", []byte("payload")))
			Expect(subscription.Close()).To(Succeed())
			_, err = subscription.Next(ctx)
			Expect(err).To(MatchError(coordination.ErrClosed))
			Expect(port.took()).To(Equal([]string{"Subscribe channel", "Close channel"}))
		})
	})
})
