package broken

import (
	"errors"

	"github.com/riptidecrawler/coordkit/coordination"
)

func wrongAnswers() []Fault {
	// answer puts one error in the place of another.
	answer := func(wrong, right error) func(*backend) func(*adapter) {
		return answering(func(c *counted) {
			if errors.Is(c.err, right) {
				c.err = wrong
			}
		})
	}
	return []Fault{
		{
			Name:   "no-subscribers-is-no-error",
			Does:   "returns no acknowledgements and no error where nobody is subscribed",
			Breaks: breaks("ack-6..7 ack-9 ack-11 isolate-5 argument-12 error-5 close-12"),
			spoil:  answer(nil, coordination.ErrNoSubscribers),
		},
	}
}

// ackedMessages are faults in messages that are to be acknowledged.
func ackedMessages() []Fault {
	reworded := func(reword func(message *coordination.Message)) func(*backend) func(*adapter) {
		return byNamespace(func(a *adapter, all *audience) {
			all.join(a, alike)
			all.mu.Lock()
			defer all.mu.Unlock()
			all.reword = func(message coordination.Message, acked bool) coordination.Message {
				if acked {
					a.strike()
					reword(&message)
				}
				return message
			}
		})
	}
	return []Fault{
		{
			Name:   "acked-payload-in-its-frame",
			Does:   "delivers an acknowledged message with the number that it was given for it",
			Breaks: breaks("ack-12..14 isolate-4 share-5 argument-12"),
			spoil:  reworded(func(message *coordination.Message) { message.Payload = append([]byte("ack 1\n"), message.Payload...) }),
		},
		{
			Name:   "acked-and-empty-is-lost",
			Does:   "takes an acknowledged message that is empty for an acknowledgement, and does not deliver it",
			Breaks: breaks("ack-13 ack-15"),
			spoil: listened(func(p publication, _ *listener) fate {
				return fate{hidden: p.takers != nil && len(p.payload) == 0}
			}),
		},
	}
}
