package broken

import (
	"bytes"
	"slices"
	"sync"

	"github.com/riptidecrawler/coordkit/coordination"
)

// messageFaults are faults in what a message that is delivered tells.
func messageFaults() []Fault {
	return slices.Concat(misreadPayloads(), sharedPayloads(), misnamedMessages())
}

func misreadPayloads() []Fault {
	return []Fault{
		{
			Name:   "payload-is-text",
			Does:   "replaces the bytes of a payload that are no UTF-8, as JSON does",
			Breaks: breaks("publish-11 ack-12 isolate-16"),
			spoil:  payloads(func(payload []byte) []byte { return bytes.ToValidUTF8(payload, []byte("\uFFFD")) }),
		},
		{
			Name:   "payload-of-two-bytes-length",
			Does:   "cuts a payload after the 65,535 bytes that a length of two bytes can tell",
			Breaks: breaks("publish-13 argument-10 share-8..9"),
			spoil:  payloads(func(payload []byte) []byte { return payload[:min(len(payload), 1<<16-1)] }),
		},
		{
			Name:   "empty-payload-is-nil",
			Does:   "delivers nil for an empty payload",
			Breaks: breaks("publish-12"),
			spoil: payloads(func(payload []byte) []byte {
				if len(payload) == 0 {
					return nil
				}
				return payload
			}),
		},
	}
}

// payloads is a fault in what is read of a payload.
func payloads(misread func([]byte) []byte) func(*backend) func(*adapter) {
	return each(func(a *adapter) {
		a.messages(func(message coordination.Message) coordination.Message {
			wrong := misread(message.Payload)
			if !bytes.Equal(wrong, message.Payload) || wrong == nil {
				a.strike()
			}
			message.Payload = wrong
			return message
		})
	})
}

// sharedPayloads are faults in who else has the bytes of a payload.
func sharedPayloads() []Fault {
	return []Fault{
		{
			Name:   "receivers-share-a-payload",
			Does:   "gives all receivers of a message the same bytes",
			Breaks: breaks("publish-17"),
			spoil: byNamespace(func(a *adapter, shared *payloadsInUse) {
				a.messages(func(message coordination.Message) coordination.Message {
					message.Payload = shared.once(a, message)
					return message
				})
			}),
		},
	}
}

// payloadsInUse are slices that should have been copied, by the channel and the
// content that they had.
type payloadsInUse struct {
	mu    sync.Mutex
	bytes map[string][]byte
}

func contentKey(channel string, payload []byte) string { return channel + "\x00" + string(payload) }

// once returns the slice of the first receiver of a message.
func (p *payloadsInUse) once(a *adapter, message coordination.Message) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bytes == nil {
		p.bytes = map[string][]byte{}
	}
	key := contentKey(message.Channel, message.Payload) + message.Timestamp.String()
	first, known := p.bytes[key]
	if !known {
		p.bytes[key] = message.Payload
		return message.Payload
	}
	if !bytes.Equal(first, message.Payload) {
		a.strike()
	}
	return first
}

// misnamedMessages are faults in the channel and the pattern that a message tells.
func misnamedMessages() []Fault {
	return []Fault{}
}
